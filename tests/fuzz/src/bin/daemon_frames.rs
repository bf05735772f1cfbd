//! What comes over the daemon's socket: frames in any pieces, and the messages in them, as the daemon
//! and as a command reads them.
#![no_main]

use clawvault::app::session::{Inbound, Request, decode_request, items_of, frames};
use clawvault_core::auditlog::Read;
use clawvault_core::domain::SecretInfo;
use clawvault_proto::convert::{self, Revealing};
use clawvault_proto::messages::{Hello, Reply};
use clawvault_proto::{Bounds, Frame, Receiver, hello};
use libfuzzer_sys::fuzz_target;

const BOUNDS: Bounds = Bounds { message: 4096, body: 4096 };

/// Cuts the bytes into frames; the first byte says into which pieces they come.
fn read(bytes: &[u8], piece: usize) -> (Vec<Frame>, bool) {
    let (mut receiver, mut all) = (Receiver::default(), Vec::new());
    for mut part in bytes.chunks(piece) {
        while !part.is_empty() {
            let room = receiver.room();
            assert!(!room.is_empty() && room.len() <= 16 * 1024);
            let count = room.len().min(part.len());
            room[..count].copy_from_slice(&part[..count]);
            receiver.filled(count);
            part = &part[count..];
            loop {
                match receiver.next(BOUNDS) {
                    Ok(Some(frame)) => all.push(frame),
                    Ok(None) => break,
                    Err(_) => return (all, false),
                }
            }
        }
    }
    (all, true)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (all, sound) = read(rest, usize::from(*first).max(1));
    let (again, same) = read(rest, rest.len().max(1));
    assert_eq!((all.len(), sound), (again.len(), same), "pieces change what comes out");
    for frame in &all {
        if let Ok(greeting) = frame.decode::<Hello>() {
            hello::check(&greeting).ok();
        }
        if let Ok(Inbound::Use(request)) = decode_request(frame) {
            items_of(&request);
            if let Request::Import(puts, _) = &request {
                let length: usize =
                    puts.iter().flat_map(|put| &put.fields).map(|(_, value)| value.len()).sum();
                assert_eq!(length, frame.body.len(), "a value that no body holds");
            }
        }
        let Ok(reply) = frame.decode::<Reply>() else { continue };
        let mut values = Revealing::of(&frame.body);
        for one in reply.revealed {
            convert::revealed(one, &mut values).ok();
        }
        for entry in reply.entries {
            convert::digests_of(&entry);
            Read::try_from(entry).ok();
        }
        let infos: Vec<SecretInfo> =
            reply.secrets.into_iter().filter_map(|secret| secret.try_into().ok()).collect();
        let reply = clawvault::app::session::Reply { infos, ..Default::default() };
        assert!(frames(reply, Vec::new(), Vec::new()).is_ok(), "what was read cannot be written");
    }
});
