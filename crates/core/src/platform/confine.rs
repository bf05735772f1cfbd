//! A view of the file system in which some directories are empty, for this process and what it starts.
//!
//! Two steps. [`enter`] makes a user namespace that holds nobody but us: what comes later needs its
//! rights, and processes outside are out of reach for whatever lives inside (no ptrace, so neither
//! `/proc/PID/root` nor `/proc/PID/environ`, though the user is the same). It opens this process to
//! being read for a moment, so it comes before anything secret is known. [`hide`] then covers what is
//! not to be seen and gives every right back: what is covered cannot be uncovered, for in a namespace
//! inside this one the covers are locked (mount_namespaces(7)).

use std::ffi::CStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount,
};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs};

const CLOSED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Enters a user namespace in which we are who we were and nobody else is anybody. This process must
/// have one thread, and know nothing that nobody may read.
///
/// # Errors
/// Where the system lets users make none.
pub fn enter() -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    // The files in /proc of a process that cannot be read are root's.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    let mapped = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")));
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    mapped
}

/// Covers directories and files, each by an empty one that cannot be written, but for the files
/// `kept` below them; then gives up every right that the namespace gave.
///
/// # Errors
/// Where the system refuses; then nothing secret may be handed to what is started.
pub fn hide(hidden: &[PathBuf], kept: &[PathBuf]) -> io::Result<()> {
    // Links are followed now: what they lead to is covered.
    let real = |all: &[PathBuf]| -> Vec<PathBuf> {
        all.iter().filter_map(|path| path.canonicalize().ok()).collect()
    };
    let (mut hidden, kept) = (real(hidden), real(kept));
    hidden.sort();
    hidden.dedup();
    let here = rustix::process::getcwd(Vec::new());
    unshare(CloneFlags::CLONE_NEWNS)?;
    // What is mounted outside may come in later; nothing of ours goes out.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let held = kept.into_iter().map(|path| {
        let fd = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok((path, fd))
    });
    let held: Vec<_> = held.collect::<io::Result<_>>()?;
    let mut covered: Vec<&Path> = Vec::new();
    for path in &hidden {
        if covered.iter().any(|above| path.starts_with(above)) {
            continue;
        }
        cover(path)?;
        covered.push(path);
    }
    for (path, fd) in &held {
        if covered.iter().any(|above| path.starts_with(above)) {
            use std::os::fd::AsRawFd;
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            fs::File::create_new(path)?;
            mount_bind(format!("/proc/self/fd/{}", fd.as_raw_fd()), path)?;
        }
    }
    for path in covered.iter().filter(|path| path.is_dir()) {
        mount_remount(*path, CLOSED | MountFlags::RDONLY, c"")?;
    }
    // From where we stand a covered directory could still be reached.
    if here.and_then(rustix::process::chdir).is_err() {
        rustix::process::chdir("/")?;
    }
    give_up()
}

fn cover(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        let size: &CStr = c"size=64k,nr_inodes=64,mode=0555";
        mount("clawvault", path, "tmpfs", CLOSED, size)?;
    } else {
        mount_bind("/dev/null", path)?;
    }
    Ok(())
}

/// Gives up what the namespace gave, for good: also for one whose user is root in it.
fn give_up() -> io::Result<()> {
    for one in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(one) {
            // A kernel that does not know it.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    set_no_new_privs(true)?;
    Ok(())
}
