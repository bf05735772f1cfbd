//! What leaves: on pipes, byte by byte.

use std::io::Write;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::random::Random;
use crate::sandbox::{self, Sandbox};
use crate::{KEY, KEY_MARK, ODD, ODD_MARK, Piped, masked, script, text, vault};

/// Prints the value of a variable in the forms that Python's own encoders give it.
const ENCODERS: &str = r#"
import base64, json, os, re, sys, urllib.parse as u
value = os.environb[sys.argv[1].encode()]
words = value.decode()
def say(name, form):
    sys.stdout.buffer.write(name.encode() + b"<" + (form if isinstance(form, bytes) else form.encode()) + b">\n")
say("raw", value)
for around in (b"", b"a", b"ab", b"abc"):
    for after in (b"", b"y", b"yz"):
        say("base64", base64.b64encode(around + value + after))
        say("base64url", base64.urlsafe_b64encode(around + value + after))
        say("unpadded", base64.b64encode(around + value + after).rstrip(b"="))
say("lines", base64.encodebytes(value * 2))
say("hex", value.hex())
say("HEX", value.hex().upper())
say("quote", u.quote(words))
say("quote all", u.quote(words, safe=""))
say("quote_plus", u.quote_plus(words))
say("component", u.quote(words, safe="-_.!~*'()"))
say("lower", re.sub("%..", lambda found: found.group().lower(), u.quote(words)))
say("json", json.dumps(words)[1:-1])
say("json text", json.dumps(words, ensure_ascii=False)[1:-1])
say("json slash", json.dumps(words)[1:-1].replace("/", "\\/"))
"#;

#[test]
fn every_form_is_replaced_and_what_stands_around_it_stays() {
    let sandbox = vault();
    for (variable, mark) in [("KEY", KEY_MARK), ("ODD", ODD_MARK)] {
        let mut python = masked(&sandbox, &["python3", "-c", ENCODERS, variable]);
        let said = sandbox::run(&mut python, b"").sound("python");
        for line in said.split_inclusive(">\n") {
            let (name, form) = line.trim_end_matches(">\n").split_once('<').unwrap();
            let rest = form.replacen(mark, "", 1);
            assert_ne!(rest, form, "{name} of {variable}: {form}");
            match name {
                // The neighbours' own characters, and those that they share with the value.
                "base64" | "base64url" | "unpadded" => assert!(rest.len() <= 12, "{name}: {form}"),
                // The second copy, which begins anywhere in a line, is no usual form.
                "lines" => {}
                _ => assert_eq!(rest, "", "{name} of {variable}"),
            }
        }
        assert!(said.lines().count() > 40, "{said}");
    }
}

#[test]
fn a_value_in_every_two_pieces_and_byte_by_byte() {
    let sandbox = vault();
    let mut cat = Piped::start(masked(&sandbox, &["cat"]));
    for cut in 1..KEY.len() {
        // What stands before it does not wait; the test itself waits for it.
        cat.give(format!("{cut:02}!{}", &KEY[..cut]).as_bytes());
        assert_eq!(cat.take(3), format!("{cut:02}!"));
        cat.give(format!("{}\n", &KEY[cut..]).as_bytes());
        assert_eq!(cat.take(KEY_MARK.len() + 1), format!("{KEY_MARK}\n"));
    }
    for byte in ODD.as_bytes() {
        cat.give(&[*byte]);
    }
    cat.give(b"|");
    assert_eq!(cat.take(ODD_MARK.len() + 1), format!("{ODD_MARK}|"));
    // Half a value is none: it goes out when it cannot go on, or when nothing more comes.
    cat.give(format!("{}# {}", &KEY[..20], &KEY[..15]).as_bytes());
    assert_eq!(cat.take(22), format!("{}# ", &KEY[..20]));
    assert_eq!(cat.end(), (KEY[..15].to_owned(), Some(0)));
}

/// The delays are the subject: what waits must not be let go because nothing came for long.
#[test]
fn a_value_in_pieces_seconds_apart_does_not_leave() {
    let sandbox = vault();
    let pieces = "printf 'key: %s' \"${KEY%????????????????????????????????????}\"; sleep 1.2; \
        rest=${KEY#???}; printf %s \"${rest%????????????????}\"; sleep 1.2; \
        printf %s \"${KEY#???????????????????????}\"; echo .";
    let command = masked(&sandbox, &["sh", "-c", pieces]);
    let mut program = Piped::start(command);
    assert_eq!(program.take(5), "key: ");
    sleep(Duration::from_millis(600));
    assert_eq!(program.end(), (format!("{KEY_MARK}.\n"), Some(0)));
}

#[test]
fn random_bytes_pass_as_they_are() {
    let sandbox = vault();
    let mut random = Random::of_test("random_bytes_pass_as_they_are");
    let mut sent = Vec::new();
    while sent.len() < 3 * 1024 * 1024 {
        sent.extend_from_slice(&random.next().to_le_bytes());
        if random.below(500) == 0 {
            // Pieces of values, whole ones never.
            sent.extend_from_slice(&KEY.as_bytes()[..random.below(KEY.len() as u64 - 8) as usize]);
        }
    }
    let mut command = masked(&sandbox, &["cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let sent = sent.clone();
        move || input.write_all(&sent).unwrap()
    });
    let came = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        came.status.success() && came.stdout == sent,
        "{} of {}",
        came.stdout.len(),
        sent.len()
    );
}

#[test]
fn huge_output_full_of_values_is_masked_whole() {
    let sandbox = vault();
    let many = "i=0; while [ $i -lt 200 ]; do echo \"$KEY\"; i=$((i+1)); done >part; \
        for i in $(seq 100); do cat part; done";
    let directory = sandbox.path("work");
    std::fs::create_dir(&directory).unwrap();
    let mut command = masked(&sandbox, &["sh", "-c", many]);
    let said = sandbox::run(command.current_dir(directory), b"").sound("many");
    assert_eq!(said.lines().count(), 20_000);
    assert!(said.lines().all(|line| line == KEY_MARK));
}

#[test]
fn stderr_is_masked_too_and_one_pipe_for_both_keeps_their_order() {
    let sandbox = vault();
    let said = script(&sandbox, "echo out $KEY; echo err $KEY >&2");
    assert_eq!(text(&said.out), format!("out {KEY_MARK}\n"));
    assert_eq!(said.err, format!("err {KEY_MARK}\n"));
    let both = "for i in 1 2 3 4 5 6 7 8 9; do echo o$i; echo e$i >&2; done";
    let command = format!("{} run --mask -- sh -c '{both}' 2>&1", sandbox::PROGRAM);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &command]).env("CLAWVAULT_HOME", sandbox.home());
    let said = sandbox::run(&mut shell, b"").sound("both");
    let expected: String = (1..=9).map(|i| format!("o{i}\ne{i}\n")).collect();
    assert_eq!(said, expected);
}

#[test]
fn short_values_are_named_and_fields_have_names_of_their_own() {
    let sandbox = Sandbox::with_vault();
    let pair = br#"{"access_key_id": "AKIA123", "secret_access_key": "wJalrXUtnFEMI"}"#;
    sandbox.run(&["set", "aws/main", "--fields"], pair);
    let said = script(&sandbox, "echo $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY");
    assert_eq!(text(&said.out), "AKIA123 [masked:aws/main#secret_access_key]\n");
    let warning = "warning: shorter than 8 bytes, so not masked: aws/main#access_key_id\n";
    assert_eq!(said.err, format!("clawvault: {warning}"));
}
