//! One owner at a time: an advisory lock whose holder says who it is.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::memory::{DEEPEST, wipe_stack};

use super::{Dir, PlatformError, failpoint, process};

/// An exclusive lock, released when dropped or when the process ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock `name` in `dir`, waiting up to `patience` for its holder.
    pub fn take(dir: &Dir, name: &str, patience: Duration) -> Result<Self, PlatformError> {
        failpoint::hit("lock.open")?;
        let (mut file, _) = dir.create_file(name)?;
        let path = dir.path().join(name);
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(200);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(PlatformError::io("lock", &path, e)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(PlatformError::Busy { path, holder: holder(&mut file) });
                }
                Err(TryLockError::WouldBlock) => {
                    // Whoever came here has opened a key slot, and may wait for seconds.
                    wipe_stack::<DEEPEST>();
                    thread::sleep(pause);
                }
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        failpoint::hit("lock.taken")?;
        // Who holds it, for the one that waits; a failure here costs only that courtesy.
        let line = format!("{:<10}", std::process::id());
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(line.as_bytes())).ok();
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(16).read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => match process::name(pid) {
            Some(name) => format!("pid {pid} ({name})"),
            None => format!("pid {pid}"),
        },
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_then_learns_who_holds_it() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("home")).unwrap();
        let first = FileLock::take(&dir, "lock", Duration::ZERO).unwrap();
        let refused = FileLock::take(&dir, "lock", Duration::from_millis(30)).unwrap_err();
        assert!(refused.to_string().contains(&format!("pid {}", std::process::id())));
        drop(first);
        FileLock::take(&dir, "lock", Duration::ZERO).unwrap();
    }
}
