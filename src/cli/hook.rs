//! `clawvault hook`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::output;
use crate::app::{AppError, Code, Hook, HookDone, install_hook, uninstall_hook};

/// Let git scan what is committed or pushed, before it is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault hook install                  scan what is staged before each commit
  clawvault hook install --pre-push       scan what is pushed before each push
  clawvault hook uninstall                take both out again

A hook that is there already is kept and called first. A hook stops mistakes, no one who means
harm: `git commit --no-verify` passes it.")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a hook into a repository, where git looks for it (core.hooksPath)
    Install {
        /// Before each push instead of before each commit
        #[arg(long)]
        pre_push: bool,
        /// A directory of the repository [default: here]
        #[arg(value_name = "DIR")]
        path: Option<PathBuf>,
    },
    /// Take the hooks out; what was there before has its place again
    Uninstall {
        /// Only that before each push
        #[arg(long)]
        pre_push: bool,
        /// A directory of the repository [default: here]
        #[arg(value_name = "DIR")]
        path: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode, AppError> {
    let here = |path: &Option<PathBuf>| path.clone().unwrap_or_else(|| PathBuf::from("."));
    match &args.action {
        Action::Install { pre_push, path } => {
            let program = std::env::current_exe().map_err(|error| {
                let what = format!("this program does not know its own path: {}", error.kind());
                AppError::new(Code::Failed, what, "Call it by its full path.")
            })?;
            let hook = if *pre_push { Hook::PrePush } else { Hook::PreCommit };
            let (directory, done) = install_hook(&here(path), hook, &program)?;
            tell(hook, &directory, &done);
        }
        Action::Uninstall { pre_push, path } => {
            let hooks = if *pre_push { &[Hook::PrePush][..] } else { &Hook::ALL };
            let mut all = Vec::new();
            for hook in hooks {
                let (directory, done) = uninstall_hook(&here(path), *hook)?;
                if done != HookDone::Absent {
                    tell(*hook, &directory, &done);
                }
                all.push(done);
            }
            if all.iter().all(|done| *done == HookDone::Absent) {
                output::talk("there is no hook of ours");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(hook: Hook, directory: &Path, done: &HookDone) {
    let path = directory.join(hook.name());
    let path = path.display();
    output::talk(&match done {
        HookDone::Installed => format!("{path} scans from now on"),
        HookDone::Chained => {
            format!("{path} scans from now on; the hook that was there is kept and called first")
        }
        HookDone::Removed => format!("{path} is gone"),
        HookDone::Restored => format!("{path} is again the hook that was there before"),
        HookDone::Absent => format!("{path} is none of ours"),
        HookDone::Foreign => format!(
            "{path} was replaced by another hook, which stays; the one before ours is beside it"
        ),
    });
}
