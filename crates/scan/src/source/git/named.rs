//! One file of the index, by its path.

use gix::bstr::ByteSlice as _;

use super::staged::Blob;
use super::{GitError, Repository};

impl Repository {
    /// The staged content of a file, at most `max` bytes; none where it is not staged, or cannot be
    /// read, or is larger.
    pub fn staged_file(&self, path: &[u8], max: usize) -> Result<Option<Vec<u8>>, GitError> {
        let Some(index) = self.read_index()? else { return Ok(None) };
        let Some(entry) = index.entry_by_path(path.as_bstr()) else { return Ok(None) };
        Ok(match self.blob(entry.id) {
            Blob::Whole(bytes) if bytes.len() <= max => Some(bytes),
            _ => None,
        })
    }
}
