//! Archives as their own programs make them, and hostile ones.

use std::io::{self, Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use super::Opener;

/// All members of `bytes`, and what was left out.
fn members(bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<&'static str>) {
    let mut found = Vec::new();
    let mut each = |name: &[u8], reader: &mut dyn Read| -> io::Result<()> {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        found.push((String::from_utf8_lossy(name).into_owned(), content));
        Ok(())
    };
    let mut opener = Opener::new(&mut each);
    opener.open(b"a", &mut &*bytes).unwrap();
    let skipped = opener.skipped;
    (found, skipped)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        packer.start_file(*name, options).unwrap();
        packer.write_all(bytes).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

/// A tar of one header after the other, as ustar has it.
fn tar(files: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, kind, bytes) in files {
        let mut block = [0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        block[148..156].fill(b' ');
        block[156] = *kind;
        block[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        all.extend_from_slice(&block);
        all.extend_from_slice(bytes);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1024, 0);
    all
}

#[test]
fn members_of_archives_in_archives_are_found_by_their_paths() {
    let layer = tar(&[("etc/", b'5', b""), ("etc/app.env", b'0', b"secret")]);
    let long = "d/".repeat(90) + "file";
    let record = format!(" path={long}\n");
    let record = format!("{}{record}", record.len() + 3);
    let image = tar(&[
        ("manifest.json", b'0', b"[]"),
        ("blobs/one", b'0', &gzip(&layer)),
        ("header", b'x', record.as_bytes()),
        ("cut", b'0', b"long"),
        ("././@LongLink", b'L', format!("{long}s\0").as_bytes()),
        ("cut", b'0', b"gnu"),
        ("wheel.whl", b'0', &zip(&[("in/side.py", b"zipped"), ("dir/", b"")])),
    ]);
    let expected = [
        ("a!manifest.json", &b"[]"[..]),
        ("a!blobs/one!etc/app.env", b"secret"),
        (&format!("a!{long}"), b"long"),
        (&format!("a!{long}s"), b"gnu"),
        ("a!wheel.whl!in/side.py", b"zipped"),
    ];
    let (found, skipped) = members(&image);
    let found: Vec<_> = found.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    assert_eq!(found, expected);
    assert!(skipped.is_empty());
}

#[test]
fn what_is_cut_is_read_up_to_there() {
    let whole = tar(&[("one", b'0', b"first"), ("two", b'0', &[b'x'; 4000])]);
    let (found, skipped) = members(&whole[..2000]);
    assert_eq!(found[0], ("a!one".to_owned(), b"first".to_vec()));
    assert_eq!((found.len(), skipped), (2, vec!["archives that are damaged"]));
    let packed = gzip(&whole);
    let (found, skipped) = members(&packed[..packed.len() - 12]);
    assert!(!found.is_empty());
    assert_eq!(skipped.last(), Some(&"archives that are damaged"));
    // What only begins as a zip is a text.
    let (found, skipped) = members(b"PK\x03\x04 and so on");
    assert_eq!((found.len(), skipped.len()), (1, 0));
}

#[test]
fn what_unpacks_without_end_is_stopped() {
    let zeros = vec![0; 32 << 20];
    let bomb = gzip(&gzip(&zeros).repeat(2000));
    assert!(bomb.len() < 1 << 20);
    let (mut read, mut buffer) = (0_u64, vec![0; 1 << 16]);
    let mut each = |_: &[u8], reader: &mut dyn Read| -> io::Result<()> {
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(()),
                more => read += more as u64,
            }
        }
    };
    let mut opener = Opener::new(&mut each);
    opener.open(b"bomb", &mut &*bomb).unwrap();
    assert_eq!(opener.skipped, ["archives that unpack to too much"]);
    assert!(read < (32 << 20) + 128 * (1 << 20), "{read} bytes came out of {}", bomb.len());
    let mut deep = b"text".to_vec();
    for _ in 0..40 {
        deep = gzip(&deep);
    }
    let (found, skipped) = members(&deep);
    assert_eq!((found.len(), skipped), (1, vec!["archives in too many others"]));
}
