//! Any bytes, opened as an archive: what comes out is bounded, and the same each time.
#![no_main]

use std::io::{self, Read};

use clawvault_scan::source::archive::Opener;
use libfuzzer_sys::fuzz_target;

/// Most that comes out of so little, in bytes.
const MOST: usize = (32 << 20) + 128 * 8192;

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(opened(bytes), opened(bytes));
});

/// Names and lengths of the members, and what was left out.
fn opened(bytes: &[u8]) -> (Vec<(Vec<u8>, usize)>, Vec<&'static str>) {
    let (mut members, mut all) = (Vec::new(), 0);
    let mut each = |name: &[u8], reader: &mut dyn Read| -> io::Result<()> {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        all += content.len();
        members.push((name.to_vec(), content.len()));
        Ok(())
    };
    let mut opener = Opener::new(&mut each);
    opener.open(b"a", &mut &*bytes).expect("bytes in memory can be read");
    let skipped = opener.skipped;
    assert!(all <= MOST, "{all} bytes out of {}", bytes.len());
    (members, skipped)
}
