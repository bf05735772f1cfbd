//! The daemon's socket: bound where nobody else listens, or taken over from the service manager; who
//! is at its other end; words to the service manager.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::process::{self, ProcessId};
use super::{Dir, FileLock, PlatformError};

/// The first descriptor that a service manager hands over (`sd_listen_fds(3)`).
pub const FIRST_HANDED: i32 = 3;

/// A listening socket of which there is one.
#[derive(Debug)]
pub struct Bound {
    /// Takes connections.
    pub listener: UnixListener,
    _lock: FileLock,
}

/// Binds `name` in a private directory. A socket that nobody listens at any more is replaced; one
/// that somebody listens at, or anything else of that name, is left alone.
///
/// # Errors
/// Where another one runs, or something else stands there.
pub fn bind(dir: &Dir, name: &str) -> Result<Bound, PlatformError> {
    let lock = FileLock::take(dir, &format!("{name}.lock"), Duration::ZERO)?;
    bind_at(dir.path(), name, lock, 0o600)
}

fn bind_at(dir: &Path, name: &str, lock: FileLock, mode: u32) -> Result<Bound, PlatformError> {
    let path = dir.join(name);
    let failed = |action| {
        let path = path.clone();
        move |error: std::io::Error| PlatformError::io(action, &path, error)
    };
    match fs::symlink_metadata(&path) {
        Ok(found) if found.file_type().is_socket() => {
            if UnixStream::connect(&path).is_ok() {
                let holder = "a process that listens there".to_owned();
                return Err(PlatformError::Busy { path, holder });
            }
            fs::remove_file(&path).map_err(failed("remove"))?;
        }
        Ok(_) => return Err(PlatformError::Untrusted { path, why: "is no socket" }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("open")(error)),
    }
    let listener = UnixListener::bind(&path).map_err(failed("bind"))?;
    // The directory is closed to others already, so nobody came in between.
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(failed("close"))?;
    Ok(Bound { listener, _lock: lock })
}

/// A directory for the socket of a daemon that serves several users: its group may reach what is in it,
/// and the socket; nobody else may, and only its owner may put something there.
const SHARED_DIR: u32 = 0o750;
const SHARED_SOCKET: u32 = 0o660;

/// As [`bind`], where others of the directory's group are to reach it; the lock lies in `private`.
///
/// # Errors
/// As [`bind`], and where the directory is not ours or others may write in it.
pub fn bind_shared(private: &Dir, dir: &Path, name: &str) -> Result<Bound, PlatformError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let failed = |error: std::io::Error| PlatformError::io("create", dir, error);
    match fs::DirBuilder::new().mode(SHARED_DIR).create(dir) {
        Ok(()) => {
            fs::set_permissions(dir, fs::Permissions::from_mode(SHARED_DIR)).map_err(failed)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let found = fs::symlink_metadata(dir).map_err(failed)?;
    let untrusted = |why| PlatformError::Untrusted { path: dir.to_owned(), why };
    if !found.is_dir() || found.uid() != process::effective_uid() {
        return Err(untrusted("is no directory of ours"));
    }
    if found.mode() & 0o022 != 0 {
        return Err(untrusted("may be written by others"));
    }
    let lock = FileLock::take(private, &format!("{name}.lock"), Duration::ZERO)?;
    bind_at(dir, name, lock, SHARED_SOCKET)
}

/// Whose daemon may be trusted that listens at `socket`, besides our own and root's: the owner of its
/// directory, where nobody but root could have put that directory there.
pub fn trusted_owner(socket: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let directory = socket.parent()?.canonicalize().ok()?;
    let found = fs::symlink_metadata(&directory).ok()?;
    let above = directory.ancestors().skip(1).all(|path| {
        fs::symlink_metadata(path).is_ok_and(|found| found.uid() == 0 && found.mode() & 0o022 == 0)
    });
    (above && found.mode() & 0o022 == 0).then_some(found.uid())
}

/// Removes the socket of a daemon that ends; one that cannot be removed is found stale later.
pub fn unbind(socket: &Path) {
    fs::remove_file(socket).ok();
}

/// True where the service manager made a listening Unix socket our standard input
/// (`StandardInput=fd:NAME`).
pub fn stdin_listens() -> bool {
    listens(std::io::stdin()).unwrap_or(false)
}

fn listens(socket: impl AsFd) -> rustix::io::Result<bool> {
    let family = rustix::net::sockopt::socket_domain(&socket)?;
    Ok(family == rustix::net::AddressFamily::UNIX
        && rustix::net::sockopt::socket_acceptconn(&socket)?)
}

/// Takes over the listening socket that the service manager opened: our standard input, else
/// descriptor 3. The lock says that no other one of this name runs.
///
/// # Errors
/// Where there is no listening Unix socket, or another one runs.
pub fn adopt(dir: &Dir, name: &str) -> Result<Bound, PlatformError> {
    let lock = FileLock::take(dir, &format!("{name}.lock"), Duration::ZERO)?;
    let failed = |error: rustix::io::Errno| {
        PlatformError::io("take over", Path::new("the socket that was handed over"), error)
    };
    if stdin_listens() {
        let socket = std::io::stdin().as_fd().try_clone_to_owned();
        let socket = socket.map_err(|_| failed(rustix::io::Errno::MFILE))?;
        return Ok(Bound { listener: UnixListener::from(socket), _lock: lock });
    }
    // A copy by the kernel's hand: a number alone proves no ownership.
    let own = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).map_err(failed)?;
    let socket = pidfd_getfd(own, FIRST_HANDED, PidfdGetfdFlags::empty()).map_err(failed)?;
    if !listens(&socket).map_err(failed)? {
        return Err(failed(rustix::io::Errno::NOTSOCK));
    }
    Ok(Bound { listener: UnixListener::from(socket), _lock: lock })
}

/// Who is at the other end of a connection, as the kernel knows it.
#[derive(Debug)]
pub struct Peer {
    /// Its user when it connected.
    pub uid: u32,
    /// The process that connected.
    pub process: ProcessId,
    /// Stands for that very process.
    handle: Option<OwnedFd>,
}

impl Peer {
    /// Who connected; none where that process is over already.
    pub fn of(stream: impl AsFd) -> Option<Self> {
        let credentials = credentials(&stream).ok()?;
        let pid = rustix::process::Pid::from_raw(credentials.pid())?;
        let handle = handle(&stream).or_else(|| pidfd_open(pid, PidfdFlags::empty()).ok());
        let process = process::kinship(u32::try_from(credentials.pid()).ok()?)?.process;
        let peer = Self { uid: credentials.uid(), process, handle };
        peer.is_there().then_some(peer)
    }

    /// True while the very process that connected lives.
    pub fn is_there(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(handle) = &self.handle else { return self.process.is_alive() };
        // Readable once the process is over.
        let mut all = [PollFd::new(handle, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut all, Some(&now)), Ok(0)) && self.process.is_alive()
    }
}

/// The user at the other end of a connection; its process may be one that we cannot name, as that
/// of a daemon outside of our container.
///
/// # Errors
/// Where the kernel does not say.
pub fn peer_user(stream: impl AsFd) -> std::io::Result<u32> {
    Ok(credentials(&stream)?.uid())
}

/// A process that is not in our namespace has the number 0, which rustix has no place for.
fn credentials(stream: &impl AsFd) -> nix::Result<nix::sys::socket::UnixCredentials> {
    nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)
}

/// The peer's handle from the kernel itself (Linux 6.5), which no reused number can deceive.
fn handle(stream: &impl AsFd) -> Option<OwnedFd> {
    nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerPidfd).ok()
}

/// Tells the service manager something, as `sd_notify(3)` does. Who listens is `address`: a path, or
/// with `@` an abstract name.
pub fn notify(address: &Path, text: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let to = match address.as_os_str().as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    socket.send_to_addr(text.as_bytes(), &to).map(drop)
}

/// Lets this process have as many descriptors as the system allows it; gives the number.
pub fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 16).min(1 << 16);
    if setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum }).is_ok() {
        return most;
    }
    limit.current.unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_and_what_is_stale_or_foreign_is_told_apart() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("run")).unwrap();
        let bound = bind(&dir, "s").unwrap();
        assert!(matches!(bind(&dir, "s"), Err(PlatformError::Busy { .. })));
        let stream = UnixStream::connect(dir.path().join("s")).unwrap();
        let (accepted, _) = bound.listener.accept().unwrap();
        let peer = Peer::of(&accepted).unwrap();
        assert_eq!((peer.process, peer.uid), (ProcessId::own(), process::effective_uid()));
        drop((stream, accepted, bound));
        // Nobody listens any more.
        drop(bind(&dir, "s").unwrap());
        // Somebody listens who holds no lock.
        dir.remove("s").unwrap();
        let other = UnixListener::bind(dir.path().join("s")).unwrap();
        assert!(matches!(bind(&dir, "s"), Err(PlatformError::Busy { .. })));
        drop(other);
        for make in [|p: &Path| fs::write(p, b"x"), |p: &Path| std::os::unix::fs::symlink("/", p)] {
            dir.remove("s").unwrap();
            make(&dir.path().join("s")).unwrap();
            assert!(matches!(bind(&dir, "s"), Err(PlatformError::Untrusted { .. })));
        }
    }
}
