//! Packed bytes in an encoded block.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use zeroize::Zeroizing;

/// What gzip begins with (RFC 1952 §2.3.1), and the one method there is.
pub(super) const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// What gzip holds, at most `limit` bytes of it; `None` where it is none.
pub(crate) fn gzip(bytes: &[u8], limit: usize) -> Option<Zeroizing<Vec<u8>>> {
    if !bytes.starts_with(&GZIP) {
        return None;
    }
    let mut unpacked = Zeroizing::new(Vec::new());
    // What is cut, or damaged at its end, was whole before.
    let _ = GzDecoder::new(bytes).take(limit as u64).read_to_end(&mut unpacked);
    (!unpacked.is_empty()).then_some(unpacked)
}
