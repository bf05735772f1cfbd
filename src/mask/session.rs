//! The leader of the session that a program on a terminal of its own lives in.
//!
//! It is this executable, started anew under another name, since a program that leads its session
//! could not be stopped by Ctrl-Z: nobody in the session would be there to continue it. It
//! starts the program in the foreground, stops when it stops, and ends as it ends.

use std::ffi::OsString;

use clawvault_core::platform::process::{CoreLimit, exit_code};
use clawvault_core::platform::signals::Signals;
use nix::sys::signal::Signal as Name;
use rustix::process::{
    Pid, Signal, getpid, ioctl_tiocsctty, kill_process, kill_process_group, setsid,
};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

use super::program::changed;
use super::{MaskError, Program};

/// What this executable is called (`argv[0]`) when it is to lead a session.
pub const SESSION: &str = "clawvault-session";

/// Leads a session on the terminal that stdout is: starts the program that the arguments name (its
/// path, then how it is called, then its arguments) and gives its exit code.
pub fn lead(
    mut arguments: impl Iterator<Item = OsString>,
    core_limit: CoreLimit,
) -> Result<u8, MaskError> {
    let path = arguments.next().unwrap_or_default().into();
    let program = Program { path, arguments: arguments.collect(), environment: None, core_limit };
    let terminal = std::io::stdout();
    setsid().map_err(MaskError::system("begin a session"))?;
    ioctl_tiocsctty(&terminal).map_err(MaskError::system("take the terminal over"))?;
    let program = program.start(&[None, None, None], true)?;
    // Handing the terminal over from its background, as at the end, must not stop us.
    let signals =
        Signals::hold(&[Name::SIGTTOU]).map_err(MaskError::system("hand over signals"))?;
    tcsetpgrp(&terminal, program).ok();
    loop {
        while let Some(status) = changed(program)? {
            if let Some(code) = exit_code(status) {
                // Whoever it leaves behind is not hung up with us.
                tcsetpgrp(&terminal, getpid()).ok();
                return Ok(code);
            }
            stopped(program, status.stopping_signal(), tcgetpgrp(&terminal).ok());
        }
        signals.wait();
        while let Some(received) = signals.next() {
            if received.is_passed_on() {
                kill_process(program, received.signal).ok();
            }
        }
    }
}

/// Stops as the program did, and goes on with it when this process is continued.
fn stopped(program: Pid, by: Option<i32>, foreground: Option<Pid>) {
    // It may have asked for the terminal before it was given it.
    let asked = [Signal::TTIN, Signal::TTOU].iter().any(|signal| by == Some(signal.as_raw()));
    if !asked || foreground != Some(program) {
        kill_process(getpid(), Signal::STOP).ok();
    }
    kill_process_group(program, Signal::CONT).ok();
}
