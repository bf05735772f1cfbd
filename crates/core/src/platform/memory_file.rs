//! A file that is nowhere but in memory and has no name: what a program that takes nothing but files
//! is to read, and what is gone with the last descriptor, also after a kill.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use rustix::fs::{MemfdFlags, Mode, SealFlags};

/// Makes one of these bytes, for the owner alone; nobody can change it any more.
pub fn memory_file(bytes: &[u8]) -> std::io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("clawvault", flags)?;
    rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_read_and_never_written() {
        let mut file = memory_file(b"one").unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"one");
        assert!(file.write_all(b"two").is_err());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
