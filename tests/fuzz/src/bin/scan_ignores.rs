//! A file of ignores or a baseline: what is read is written back as it was, and stays readable.
#![no_main]

use clawvault_fuzz::assert_short;
use clawvault_scan::ignores::IgnoreFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match IgnoreFile::parse(bytes) {
        Ok(mut file) => {
            let text = file.text();
            let read = std::str::from_utf8(bytes).expect("it was read");
            // A carriage return at the very end becomes part of an end of a line.
            let lines = read.lines().map(|line| line.strip_suffix('\r').unwrap_or(line));
            assert!(text.lines().eq(lines));
            let again = IgnoreFile::parse(text.as_bytes()).expect("what it writes it reads");
            assert!(again.text() == text || text.contains('\r'));
            let unused = file.unused();
            assert_eq!(file.prune(), unused);
            let again = IgnoreFile::parse(file.text().as_bytes()).expect("what it writes it reads");
            assert_eq!(again.unused(), 0);
        }
        Err(error) => {
            assert!(error.line <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
            assert_short(&error);
        }
    }
});
