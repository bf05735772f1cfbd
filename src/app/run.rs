//! `run`: which secrets a program gets, under which variables, and everything that must hold first.

mod choose;
mod templates;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clawvault_core::domain::{
    FieldName, ProfileName, Program, Revealed, SecretName, Value, Variable, hex,
};
use clawvault_core::platform::process::{CoreLimit, ProcessId, effective_uid};
use clawvault_core::platform::{
    Clock, Dir, Private, SystemClock, bell, confine, executable, memory,
};
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
    /// For a program that is to see neither the vault nor its daemon: what else leads to them.
    pub confine: Option<Vec<PathBuf>>,
    /// The bell of the process that starts it anew, where one does.
    pub bell: Option<String>,
}

/// Everything that a launch needs.
pub struct Launch {
    /// What is launched.
    pub ready: Ready,
    /// What a person should know about what the program gets.
    pub notes: Vec<String>,
    /// Still open: replacing this process ends it faster than closing would.
    pub vault: Session,
    pub(super) revealed: Vec<Revealed>,
    pub(super) runs: Runs,
    pub(super) record: RunRecord,
    /// What the program is not to see, and which files below it it is to see all the same.
    hidden: Option<(Vec<PathBuf>, Vec<PathBuf>)>,
}

impl App {
    /// Gets everything ready to launch. The audit log is written here, the last step before.
    pub fn prepare_run(&self, options: RunOptions) -> Result<Launch, AppError> {
        let templates = templates::read(&options.templates)?;
        let (ask, program, mut environment) = asked(&options, &templates)?;
        let run = ask.run.clone();
        let who = Who { run: Some(run.clone()), program: Some(ask.program.clone()), ..self.who() };
        let mut session = self.session_for(Access::Read, &who)?;
        let reply = session.ask(Request::Run(ask))?;
        let (revealed, launched) = (reply.revealed, reply.launched.unwrap_or_default());
        let notes = reply.notes;
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
        let made = (files.as_ref(), &rendered);
        let (runs, record) = self.leave_record(&launched, (run, agent), made, options.bell)?;
        self.render(&templates, &launched.fills, &revealed, &rendered)?;
        let (arguments, core_limit) = (options.command, options.core_limit);
        let ready = Ready { program, arguments, environment, core_limit, files, rendered };
        let hidden = options.confine.map(|others| (self.to_hide(others), record.kept_files()));
        Ok(Launch { ready, notes, vault: session, revealed, runs, record, hidden })
    }

    /// Makes this process one that stands beside a program, in the daemon's eyes where there is one: it may
    /// ask for what the program has, whatever becomes of the login session. Gives the directory of bells.
    ///
    /// Where none runs, its record proves to a daemon that is unlocked later what it is, if `silent`, which
    /// asks nobody, can open the vault.
    ///
    /// # Errors
    /// As [`App::prepare_run`]; no value is opened.
    pub fn stand_beside(&self, options: &RunOptions, silent: &Self) -> Result<PathBuf, AppError> {
        let templates = templates::read(&options.templates)?;
        let (mut ask, ..) = asked(options, &templates)?;
        ask.beside = true;
        let run = ask.run.clone();
        let agent = ask.agent.as_ref().map(ToString::to_string);
        let reply = match self.daemon()? {
            Some(remote) => Some(Session::Remote(Box::new(remote)).ask(Request::Run(ask))?),
            None => {
                let opened = silent.session(Access::Read);
                opened.and_then(|mut session| session.ask(Request::Run(ask))).ok()
            }
        };
        if let Some(launched) = reply.and_then(|reply| reply.launched) {
            self.leave_record(&launched, (run, agent), (None, &Rendered::default()), None)?;
        }
        let bells = self.bells();
        if !self.elsewhere {
            self.runtime_dir()?;
            bell::make(&bells, false).map_err(|error| no_bells(&error))?;
        }
        Ok(bells)
    }

    /// Where supervisors listen for a new version.
    pub(super) fn bells(&self) -> PathBuf {
        self.socket.parent().unwrap_or(&self.runtime).join("bells")
    }

    /// Tells those who stand beside a program that secrets of it, named by their blinded ids, have another
    /// version. One that cannot be told goes on as it is; it is told with the next.
    pub fn ring(&self, ids: &[String]) {
        if let Ok(runtime) = Dir::open(&self.runtime, Private::Required) {
            ring(&runtime, &self.bells(), ids);
        }
    }

    /// Everything that leads to this vault or its daemon.
    fn to_hide(&self, others: Vec<PathBuf>) -> Vec<PathBuf> {
        let mut all = vec![self.place.home.clone(), self.place.state.clone(), self.runtime.clone()];
        all.extend(self.socket.parent().map(Path::to_owned));
        all.extend(self.keys.identity.clone());
        all.extend(self.keys.passphrase_file.clone());
        all.extend(others);
        all
    }

    fn leave_record(
        &self,
        launched: &Launched,
        (run, agent): (String, Option<String>),
        (files, rendered): (Option<&SecretFiles>, &Rendered),
        bell: Option<String>,
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
            bell,
            files: files.map(SecretFiles::paths).unwrap_or_default(),
            rendered: rendered.marks().to_vec(),
            proof: launched.proof.clone(),
        };
        runs.write(&record)?;
        Ok((runs, record))
    }
}

/// Rings for those among the runs that are recorded in `runtime` and hold one of these secrets.
pub fn ring(runtime: &Dir, bells: &Path, ids: &[String]) {
    if !ids.is_empty()
        && bells.is_dir()
        && let Ok(names) = Runs::open(runtime).and_then(|runs| runs.bells_of(ids))
    {
        bell::ring(bells, &names).ok();
    }
}

fn no_bells(error: &std::io::Error) -> AppError {
    let what = format!("nobody could tell of a new version: {}", error.kind());
    AppError::new(Code::NotLaunched, what, "Look at the rights of the runtime directory.")
}

/// What is asked of the vault for a program, where that lies, and its environment without secrets.
#[allow(clippy::type_complexity, reason = "three things that are found together")]
fn asked(
    options: &RunOptions,
    templates: &[Planned],
) -> Result<(RunAsk, PathBuf, BTreeMap<OsString, OsString>), AppError> {
    let environment = base(options.surroundings.iter().cloned(), options.base);
    let name = options.command.first().cloned().unwrap_or_default();
    let program = find(&name, environment.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
    let launched = Program {
        path: program.to_string_lossy().into_owned(),
        file: executable::identity(&program),
    };
    let lengths = environment.iter().map(|(name, value)| (name.as_os_str(), value.len()));
    let ask = RunAsk {
        run: new_run_name()?,
        program: launched,
        profile: options.profile.clone(),
        agent: options.agent.clone(),
        only: options.only.clone(),
        env: options.env.clone(),
        files: options.files.clone(),
        places: templates.iter().flat_map(Planned::places).collect(),
        beside: false,
        room: Room::of(options.command.iter().map(OsString::as_os_str), lengths),
    };
    Ok((ask, program, environment))
}

impl Launch {
    /// Covers what the program is not to see, for this process, which is to become it.
    ///
    /// # Errors
    /// Where the system does not let it.
    pub fn confine(&self) -> Result<(), AppError> {
        match &self.hidden {
            None => Ok(()),
            Some((hidden, kept)) => confine::hide(hidden, kept).map_err(|e| not_confined(&e)),
        }
    }
}

/// Why a program cannot be confined here.
pub fn not_confined(error: &std::io::Error) -> AppError {
    AppError::new(
        Code::NotLaunched,
        format!("the system does not let this user make namespaces: {}", error.kind()),
        "Allow it (user.max_user_namespaces, kernel.unprivileged_userns_clone, AppArmor's \
         restriction), or give the program a user of its own.",
    )
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
