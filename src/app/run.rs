//! `run`: which secrets a program gets, under which variables, and everything that must hold first.

mod choose;
mod templates;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use clawvault_core::domain::{
    FieldName, ProfileName, Program, Revealed, SecretName, Value, Variable, hex,
};
use clawvault_core::platform::process::{CoreLimit, ProcessId, effective_uid};
use clawvault_core::platform::{Clock, SystemClock, executable, memory};
use clawvault_core::vault::{VaultError, Who};

use super::session::{Launched, Request, Session};
use super::{Access, App, AppError, Code};
use crate::launch::{
    Base, Ready, Rendered, Room, RunRecord, Runs, SecretFiles, base, find, memory_directory,
};
use templates::Planned;

pub use choose::RunAsk;
pub(super) use choose::{is_admin, is_blocked, launch, named, refuse_blocked};
pub use templates::FromTemplate;

/// `VAR=NAME` or `VAR=NAME#FIELD`.
#[derive(Clone, Debug)]
pub struct FromName {
    /// The variable.
    pub variable: Variable,
    /// The secret.
    pub name: SecretName,
    /// Its field, where it has several.
    pub field: Option<FieldName>,
}

/// How to run.
pub struct RunOptions {
    /// Profile; where none is named the agent's, else `default`.
    pub profile: Option<ProfileName>,
    /// Agent whose grant narrows what is injected.
    pub agent: Option<ProfileName>,
    /// Only these secrets; all that have a variable where none is named.
    pub only: Vec<SecretName>,
    /// Further variables.
    pub env: Vec<FromName>,
    /// Variables that get the path of a file with the value.
    pub files: Vec<FromName>,
    /// Templates to render.
    pub templates: Vec<FromTemplate>,
    /// Which of the surrounding variables the program gets.
    pub base: Base,
    /// The surrounding variables.
    pub surroundings: Vec<(OsString, OsString)>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The core limit that the program would have had without us.
    pub core_limit: CoreLimit,
}

/// Everything that a launch needs.
pub struct Launch {
    /// What is launched.
    pub ready: Ready,
    /// Still open: replacing this process ends it faster than closing would.
    pub vault: Session,
    pub(super) revealed: Vec<Revealed>,
    pub(super) runs: Runs,
    pub(super) record: RunRecord,
}

impl App {
    /// Gets everything ready to launch. The audit log is written here, the last step before.
    pub fn prepare_run(&self, options: RunOptions) -> Result<Launch, AppError> {
        let mut environment = base(options.surroundings.iter().cloned(), options.base);
        let name = options.command.first().cloned().unwrap_or_default();
        let program = find(&name, environment.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
        let launched = Program {
            path: program.to_string_lossy().into_owned(),
            file: executable::identity(&program),
        };
        let templates = templates::read(&options.templates)?;
        let run = new_run_name()?;
        let who = Who { run: Some(run.clone()), program: Some(launched.clone()), ..self.who() };
        let mut session = self.session_for(Access::Read, &who)?;
        let lengths = environment.iter().map(|(name, value)| (name.as_os_str(), value.len()));
        let ask = RunAsk {
            run: run.clone(),
            program: launched,
            profile: options.profile,
            agent: options.agent.clone(),
            only: options.only,
            env: options.env,
            files: options.files,
            places: templates.iter().flat_map(Planned::places).collect(),
            room: Room::of(options.command.iter().map(OsString::as_os_str), lengths),
        };
        let reply = session.ask(Request::Run(ask))?;
        let (revealed, launched) = (reply.revealed, reply.launched.unwrap_or_default());
        let mut files = None;
        for slot in &launched.slots {
            let value = value_of(&revealed, slot.at, &slot.field)?;
            let text = if slot.as_file {
                let files = match &mut files {
                    Some(files) => files,
                    None => files.insert(SecretFiles::new(
                        memory_directory(&self.runtime, effective_uid())?,
                        run.clone(),
                    )),
                };
                files.write(slot.variable.as_str(), value)?.into_os_string()
            } else {
                OsString::from_vec(value.expose().to_vec())
            };
            environment.insert(OsString::from(slot.variable.as_str()), text);
        }
        let rendered = self.make_files(&templates)?;
        let agent = options.agent.as_ref().map(ToString::to_string);
        let (runs, record) =
            self.leave_record(&launched, (run, agent), files.as_ref(), &rendered)?;
        self.render(&templates, &launched.fills, &revealed, &rendered)?;
        let (arguments, core_limit) = (options.command, options.core_limit);
        let ready = Ready { program, arguments, environment, core_limit, files, rendered };
        Ok(Launch { ready, vault: session, revealed, runs, record })
    }

    fn leave_record(
        &self,
        launched: &Launched,
        (run, agent): (String, Option<String>),
        files: Option<&SecretFiles>,
        rendered: &Rendered,
    ) -> Result<(Runs, RunRecord), AppError> {
        let runs = Runs::open(&self.runtime_dir()?)?;
        runs.sweep_if_due()?;
        let own = ProcessId::own();
        let record = RunRecord {
            run,
            vault: launched.vault.clone(),
            pid: own.pid,
            started: own.started,
            launched_ms: SystemClock.now_ms(),
            agent,
            holds: launched.holds.clone(),
            files: files.map(SecretFiles::paths).unwrap_or_default(),
            rendered: rendered.marks().to_vec(),
        };
        runs.write(&record)?;
        Ok((runs, record))
    }
}

fn value_of<'a>(
    revealed: &'a [Revealed],
    at: usize,
    field: &FieldName,
) -> Result<&'a Value, AppError> {
    let missing = || VaultError::NoSuch(format!("field {field} of what was opened"));
    Ok(revealed.get(at).and_then(|r| r.field(field)).ok_or_else(missing)?)
}

/// Eight random bytes in hex: names a run in the audit log and in its record.
pub(super) fn new_run_name() -> Result<String, AppError> {
    let mut bytes = [0; 8];
    memory::random(&mut bytes).map_err(|_| {
        AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
    })?;
    Ok(hex(&bytes))
}
