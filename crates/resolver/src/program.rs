//! The program: a request from stdin, one question to the daemon, an answer on stdout.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clawvault_core::domain::{ProfileName, Revealed, SecretName};
use clawvault_core::memory;
use clawvault_core::platform::process::{effective_uid, harden};
use clawvault_proto::client::{Client, ClientError};
use clawvault_proto::convert::{self, Revealing};
use clawvault_proto::messages::{Place, Resolve, Secret, reply::Last, request::What};
use rustix::io::Errno;

use crate::{Asked, Id, MAX_REQUEST};

/// How long the daemon may say nothing: less than the 5 s after which OpenClaw ends a provider that
/// names no time of its own.
const PATIENCE: Duration = Duration::from_secs(4);
/// Version of this program, for people.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What the program is told.
struct Options {
    socket: PathBuf,
    profile: ProfileName,
}

/// Why there is no answer, and the exit code; nobody but a person who tries it by hand reads it.
struct Failure(u8, String);

impl Failure {
    fn usage(what: &str) -> Self {
        Self(2, what.to_owned())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self(7, error.to_string())
    }
}

/// Answers the request on stdin; `arguments` are `--socket PATH` and `--profile NAME`. Without an
/// answer the exit code says why: 2 usage, 3 refused or locked, 7 any other failure.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    // What the system refuses here the daemon says of itself, to people who can read it.
    let _ = harden();
    let done = options(arguments).and_then(|options| answer(&options));
    memory::wipe_stack::<{ memory::DEEPEST }>();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, what)) => {
            writeln!(std::io::stderr(), "clawvault-resolver: {what}").ok();
            ExitCode::from(code)
        }
    }
}

fn options(mut arguments: impl Iterator<Item = OsString>) -> Result<Options, Failure> {
    let (mut socket, mut profile) = (None, ProfileName::default());
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| Failure::usage("a value is missing"))?;
        match flag.to_str() {
            Some("--socket") => socket = Some(PathBuf::from(value)),
            Some("--profile") => {
                let name = value.to_str().and_then(|name| ProfileName::parse(name).ok());
                profile = name.ok_or_else(|| Failure::usage("that is no name of a profile"))?;
            }
            _ => return Err(Failure::usage("usage: clawvault-resolver --socket PATH")),
        }
    }
    let socket = socket.filter(|path| path.is_absolute());
    let socket = socket.ok_or_else(|| Failure::usage("usage: clawvault-resolver --socket PATH"))?;
    Ok(Options { socket, profile })
}

fn answer(options: &Options) -> Result<(), Failure> {
    let mut request = Vec::with_capacity(4096);
    let most = MAX_REQUEST as u64 + 1;
    let read = std::io::stdin().lock().take(most).read_to_end(&mut request);
    read.map_err(|_| Failure(7, "stdin cannot be read".to_owned()))?;
    let asked = Asked::parse(&request)
        .map_err(|_| Failure::usage("stdin is no request of an exec secret provider"))?;
    let (revealed, withheld) = ask(options, asked.ids())?;
    write(&asked.answer(&revealed, &withheld))
}

/// Asks the daemon: what it reveals, and the secrets that it withholds.
fn ask(options: &Options, ids: Vec<Id>) -> Result<(Vec<Revealed>, Vec<SecretName>), Failure> {
    let mut client = Client::connect(&options.socket, effective_uid(), PROGRAM)?;
    client.hurry(PATIENCE)?;
    let place = |(name, field): Id| Place {
        variable: String::new(),
        secret: name.to_string(),
        field: field.map(|field| field.to_string()),
    };
    let ids = ids.into_iter().map(place).collect();
    client
        .send(What::Resolve(Resolve { profile: options.profile.to_string(), ids }), Vec::new())?;
    let (mut revealed, mut withheld) = (Vec::new(), Vec::new());
    loop {
        let (piece, frame) = client.receive()?;
        let mut values = Revealing::of(&frame.body);
        for one in piece.revealed {
            revealed.push(convert::revealed(one, &mut values).map_err(ClientError::from)?);
        }
        for secret in piece.secrets {
            let Secret { name, .. } = secret;
            withheld.push(convert::name(name).map_err(ClientError::from)?.1);
        }
        match piece.last {
            Some(Last::End(_)) => return Ok((revealed, withheld)),
            Some(Last::Failure(failure)) => {
                return Err(Failure(u8::try_from(failure.code).unwrap_or(7), failure.what));
            }
            None => {}
        }
    }
}

/// Writes the answer past the standard library's buffer, which would keep a copy.
fn write(document: &[u8]) -> Result<(), Failure> {
    let out = std::io::stdout().lock();
    let mut rest = document;
    while !rest.is_empty() {
        match rustix::io::write(out.as_fd(), rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(_) => return Err(Failure(7, "stdout cannot be written".to_owned())),
        }
    }
    Ok(())
}
