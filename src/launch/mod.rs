//! Launching a program with secrets: what it gets, whether it fits, and handing the process over.
//!
//! clawvault replaces itself by the program (`exec`), so signals, job control and exit codes are
//! the program's own, and nothing of ours stays, but for a supervisor that holds no value where one was
//! asked for. This feature sees values and no vault.

mod command;
mod environment;
mod error;
mod exec;
mod files;
mod record;
mod rendered;
mod size;
mod supervise;
mod template;

pub use command::find;
pub use environment::{Base, base};
pub use error::LaunchError;
pub use exec::{Ready, replace};
pub use files::{SecretFiles, memory_directory};
pub use record::{RunRecord, Runs, said_of_run};
pub use rendered::{Mark, Rendered};
pub use size::Room;
pub use supervise::{Beside, OnRotate, RENEWED, SUPERVISED, SUPERVISOR, Stood};
pub use template::{Fault, Place, Template, TemplateError};
