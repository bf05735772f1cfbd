//! Every reader of the hardening audit; the first byte says which. None panics, none is slow, and what
//! comes out keeps its bounds.
#![no_main]

use clawvault::hardening::baseline::Baseline;
use clawvault::hardening::parsers::blocks::Style;
use clawvault::hardening::parsers::*;
use clawvault::hardening::trend;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count();
    match which % 22 {
        0 => {
            let config = sshd::parse(&text, &mut |pattern| {
                if pattern.len() % 2 == 0 { vec![text.to_string()] } else { Vec::new() }
            });
            for keyword in config.global.keys() {
                config.value(keyword);
                config.in_blocks(keyword);
            }
            config.seconds("clientaliveinterval");
        }
        1 => assert!(sshd::effective(&text).blocks.is_empty()),
        2 => {
            blocks::parse(&text, Style::Nginx);
        }
        3 => {
            blocks::parse(&text, Style::Caddy);
        }
        4 => {
            for one in blocks::parse(&text, Style::Apache) {
                assert_eq!(one.name, one.name.to_ascii_lowercase());
                one.below("require").count();
            }
        }
        5 => {
            nft::parse(&text);
        }
        6 => assert!(iptables::parse(&text).open.len() <= lines),
        7 => assert!(ufw::openings(&text).len() <= lines),
        8 => {
            firewalld::parse(&text);
        }
        9 => {
            ini::parse(&text, true);
            assert!(ini::parse(&text, false).len() <= lines);
        }
        10 => {
            apt::parse(&text);
        }
        11 => {
            assignments::parse(&text);
        }
        12 => {
            accounts::users(&text);
            accounts::passwords(&text);
        }
        13 => assert!(sockets::parse(&text).len() < lines.max(1)),
        14 => {
            x509::der(bytes);
        }
        15 => {
            x509::pem(&text);
        }
        16 => {
            tls::answer(bytes);
        }
        17 => {
            ssh_key::parse(&text);
        }
        18 => {
            let (pattern, name) = text.split_once('\n').unwrap_or((&text, ""));
            glob::matches(pattern, name);
            assert!(glob::matches("*", name));
        }
        19 => {
            let (one, other) = text.split_once('\n').unwrap_or((&text, ""));
            assert_eq!(dpkg::compare(one, other), dpkg::compare(other, one).reverse());
            dpkg::packages(&text).count();
        }
        20 => {
            if let Some(baseline) = Baseline::read(&text) {
                assert_eq!(Baseline::read(&baseline.write()), Some(baseline));
            }
        }
        _ => {
            let points = trend::read(&text);
            assert_eq!(trend::read(&trend::write(&points)), points);
        }
    }
});
