//! Archives: what is packed in a file is read as files of its own, in archives inside archives too,
//! within bounds of depth, number and size. Nothing is written anywhere.
//!
//! A member's name is that of the archive, `!`, and its path in there. Layers that have no names of
//! their own, as gzip around tar, add nothing.

mod kind;
mod meter;
mod tar;
mod zip;
mod zstd;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use kind::HEAD;
pub use kind::Kind;
pub(super) use meter::Meter;
use meter::{Limited, Metered};

/// Archives inside each other are opened to this depth.
const MAX_DEPTH: usize = 6;
/// Largest archive that has to be in memory to be opened, in bytes: a zip that is no file.
const MAX_IN_MEMORY: u64 = 64 << 20;

/// Is given each member: its name, and what reads it.
pub type OnMember<'a> = dyn FnMut(&[u8], &mut dyn Read) -> io::Result<()> + 'a;

/// Opens archives, and says what it left out.
pub struct Opener<'a> {
    each: &'a mut OnMember<'a>,
    meter: Meter,
    /// What was left out, and why.
    pub skipped: Vec<&'static str>,
}

impl<'a> Opener<'a> {
    /// Gives all that is not an archive itself to `each`.
    pub fn new(each: &'a mut OnMember<'a>) -> Self {
        Self::within(Meter::default(), each)
    }

    /// The same, within what is left of bounds that several openers share.
    pub(super) fn within(meter: Meter, each: &'a mut OnMember<'a>) -> Self {
        Self { each, meter, skipped: Vec::new() }
    }

    /// Opens what `reader` reads, or gives it on as it is.
    ///
    /// # Errors
    ///
    /// Those of the reader and of `each`. An archive that is damaged is read as far as it goes.
    pub fn open(&mut self, name: &[u8], reader: &mut dyn Read) -> io::Result<()> {
        let meter = self.meter.clone();
        self.layer(name, &mut Metered { inner: reader, meter }, 0)
    }

    /// Opens a file, which need not be read into memory for that.
    ///
    /// # Errors
    ///
    /// As those of [`Self::open`].
    pub fn open_file(&mut self, name: &[u8], file: &mut File) -> io::Result<()> {
        let mut head = [0; HEAD];
        let length = read_head(file, &mut head)?;
        io::Seek::rewind(file)?;
        if Kind::of(&head[..length]) != Some(Kind::Zip) {
            return self.open(name, file);
        }
        self.meter.stored(file.metadata()?.len());
        if self.zip(name, BufReader::new(&mut *file), 0)? {
            return Ok(());
        }
        io::Seek::rewind(file)?;
        (self.each)(name, file)
    }

    /// What lies in one archive, or is none.
    fn layer(&mut self, name: &[u8], reader: &mut dyn Read, depth: usize) -> io::Result<()> {
        let mut head = [0; HEAD];
        let length = read_head(reader, &mut head)?;
        let mut whole = head[..length].chain(reader);
        let kind = Kind::of(&head[..length]);
        if kind.is_some() && depth == MAX_DEPTH {
            self.skipped.push("archives in too many others");
        }
        match kind.filter(|_| depth < MAX_DEPTH) {
            None => (self.each)(name, &mut whole),
            Some(Kind::Gzip) => {
                self.unpacked(name, MultiGzDecoder::new(BufReader::new(whole)), depth)
            }
            Some(Kind::Zstd) => {
                self.unpacked(name, zstd::Decoder::new(BufReader::new(whole))?, depth)
            }
            Some(Kind::Tar) => self.tar(name, &mut whole, depth),
            Some(Kind::Zip) => {
                let mut bytes = Vec::new();
                (&mut whole).take(MAX_IN_MEMORY).read_to_end(&mut bytes)?;
                let fits = (bytes.len() as u64) < MAX_IN_MEMORY;
                if fits && self.zip(name, Cursor::new(&bytes), depth)? {
                    return Ok(());
                }
                if !fits {
                    self.skipped.push("archives too large to be opened there");
                }
                (self.each)(name, &mut bytes.chain(whole))
            }
        }
    }

    /// What a packed stream holds.
    fn unpacked(&mut self, name: &[u8], stream: impl Read, depth: usize) -> io::Result<()> {
        let mut limited = Limited::new(stream, &self.meter);
        let result = self.layer(name, &mut limited, depth + 1);
        let why = limited.stopped();
        self.ended(result, why)
    }

    /// What came of a packed stream: that it ends too early, or never, is told and no failure.
    fn ended(&mut self, result: io::Result<()>, why: Option<&'static str>) -> io::Result<()> {
        match (result, why) {
            (_, Some(why)) => self.skipped.push(why),
            (result, None) => return result,
        }
        Ok(())
    }
}

/// Reads what a stream begins with.
fn read_head(reader: &mut dyn Read, head: &mut [u8; HEAD]) -> io::Result<usize> {
    let mut length = 0;
    while length < HEAD {
        match reader.read(&mut head[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The name of a member.
fn member(archive: &[u8], path: &[u8]) -> Vec<u8> {
    [archive, b"!", path].concat()
}

#[cfg(test)]
mod tests;
