//! zip, and all that is one: wheels, jars, documents of offices.

use std::io::{self, Read, Seek};

use zip::ZipArchive;

use super::meter::Limited;
use super::{Opener, member};

impl Opener<'_> {
    /// Opens every file in a zip; false where it is none.
    pub(super) fn zip(
        &mut self,
        name: &[u8],
        reader: impl Read + Seek,
        depth: usize,
    ) -> io::Result<bool> {
        let Ok(mut archive) = ZipArchive::new(reader) else { return Ok(false) };
        for number in 0..archive.len() {
            if !self.meter.member() {
                self.skipped.push("archives with too many members");
                break;
            }
            let file = match archive.by_index_raw(number).map(|file| file.encrypted()) {
                Ok(true) => {
                    self.skipped.push("members of archives under a password");
                    continue;
                }
                Ok(false) => archive.by_index(number),
                Err(error) => Err(error),
            };
            let file = match file {
                Ok(file) if file.is_file() => file,
                Ok(_) => continue,
                Err(_) => {
                    self.skipped.push("members of archives packed in an unknown way, or damaged");
                    continue;
                }
            };
            let path = member(name, file.name_raw());
            let mut limited = Limited::new(file, &self.meter);
            let result = self.layer(&path, &mut limited, depth + 1);
            let why = limited.stopped();
            self.ended(result, why)?;
        }
        Ok(true)
    }
}
