//! The daemon's side of a session: one connection, blocking, without a runtime.

use clawvault_core::auditlog::{Digests, Read};
use clawvault_core::crypto::VaultKey;
use clawvault_core::domain::Value;
use clawvault_core::platform::process::effective_uid;
use clawvault_proto::client::{Client, ClientError};
use clawvault_proto::convert;
use clawvault_proto::hello::Mismatch;
use clawvault_proto::messages::{Empty, Status, Unlock, reply::Last, request::What};

use super::wire::{self, Sent};
use super::{Each, Reply, Request};
use crate::app::{App, AppError, Code, KeySource};

/// Version of this program, for people.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Whether a daemon has the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    /// None listens.
    None,
    /// One listens, and the vault is closed.
    Locked,
    /// One listens, of this number, and holds the vault.
    Unlocked(u32),
}

/// A conversation about the vault.
pub struct Remote {
    client: Client,
    /// What opens the key, where a person named it.
    proof: Option<Box<App>>,
    warnings: Vec<String>,
}

impl App {
    /// A conversation with the daemon, where one listens.
    pub(crate) fn daemon(&self) -> Result<Option<Remote>, AppError> {
        let proof = |remote| Remote { proof: self.proof(), ..remote };
        let reached = self.reached.borrow_mut().take();
        Ok(reached.map_or_else(|| self.connect(), |remote| Ok(Some(remote)))?.map(proof))
    }

    /// Connects to the daemon, where one listens, and asks nothing yet: for one who will not see any
    /// more whose it is.
    pub fn reach_daemon(&self) -> Result<(), AppError> {
        let remote = self.connect()?;
        self.reached.replace(remote);
        Ok(())
    }

    fn connect(&self) -> Result<Option<Remote>, AppError> {
        match Client::connect(&self.socket, effective_uid(), PROGRAM) {
            Ok(client) => Ok(Some(Remote { client, proof: None, warnings: Vec::new() })),
            Err(ClientError::Nobody) if self.elsewhere => {
                let what = format!("no daemon listens at {}", self.socket.display());
                let advice = "Start clawvault.socket or clawvault.service, or name another socket.";
                Err(AppError::new(Code::Failed, what, advice))
            }
            Err(ClientError::Nobody) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The key, if a file that opens it was named. One that only lies in the home proves nothing:
    /// whatever runs as this user finds it there.
    fn proof(&self) -> Option<Box<Self>> {
        let KeySource { identity, passphrase_file, .. } = &self.keys;
        let keys = KeySource {
            identity: identity.clone(),
            passphrase_file: passphrase_file.clone(),
            prompt: Box::new(|| None),
        };
        let (place, runtime) = (self.place.clone(), self.runtime.clone());
        let mut app = Self::new(place, runtime, self.socket.clone(), keys);
        app.elsewhere = self.elsewhere;
        (identity.is_some() || passphrase_file.is_some()).then(|| Box::new(app))
    }

    /// The key, if a file that opens it was named: for the daemon itself.
    ///
    /// # Errors
    /// Where it does not open the vault.
    pub fn named_key(&self) -> Result<Option<(VaultKey, String)>, AppError> {
        if self.keys.identity.is_none() && self.keys.passphrase_file.is_none() {
            return Ok(None);
        }
        // Its own vault: there is no daemon to ask yet.
        self.unlock_key().map(Some)
    }

    fn key_to_send(&self) -> Result<(Value, String), AppError> {
        let (key, opened_by) = self.unlock_key()?;
        let value = Value::of_key(key.to_locked());
        Ok((value, opened_by))
    }

    /// Whether a daemon has the vault open.
    pub(crate) fn sight(&self) -> Result<Sight, AppError> {
        Ok(match self.daemon_status()? {
            None => Sight::None,
            Some(status) if status.unlocked => Sight::Unlocked(status.pid),
            Some(_) => Sight::Locked,
        })
    }

    /// What the daemon says of itself, where one listens.
    pub fn daemon_status(&self) -> Result<Option<Status>, AppError> {
        let Some(mut remote) = self.connect()? else { return Ok(None) };
        remote.send(&[(What::Status(Empty {}), Vec::new())])?;
        remote.status()
    }

    /// Has the daemon open the vault; this login session is the operator's from then on.
    ///
    /// # Errors
    /// Where no daemon listens, or the key does not open the vault.
    pub fn unlock(&self) -> Result<Status, AppError> {
        let mut remote = self.daemon_or_none()?;
        let (key, opened_by) = self.key_to_send()?;
        remote.send(&[(What::Unlock(Unlock { opened_by }), vec![key])])?;
        remote.status()?.ok_or_else(nothing_said)
    }

    /// Has the daemon close the vault and forget its key.
    ///
    /// # Errors
    /// Where no daemon listens.
    pub fn lock(&self) -> Result<Status, AppError> {
        let mut remote = self.daemon_or_none()?;
        remote.send(&[(What::Lock(Empty {}), Vec::new())])?;
        remote.status()?.ok_or_else(nothing_said)
    }

    fn daemon_or_none(&self) -> Result<Remote, AppError> {
        self.connect()?.ok_or_else(|| {
            AppError::new(
                Code::Failed,
                "no daemon runs",
                "Start one with `clawvault daemon`; without it every command opens the vault itself.",
            )
        })
    }

    /// The header of a vault that only its daemon can read.
    pub(crate) fn header_elsewhere(&self) -> Result<String, AppError> {
        let mut remote = self.daemon_or_none()?;
        remote.send(&[(What::Header(Empty {}), Vec::new())])?;
        let reply = remote.answer(&mut |_, _| true)?.map_err(|(error, _)| error)?;
        Ok(reply.text)
    }

    /// Has a daemon that holds the store close it, until this app is dropped: for one who has the key
    /// and works on the store itself.
    pub(crate) fn borrow_store(&self) -> Result<(), AppError> {
        if self.elsewhere {
            let what = "the vault lies with the user of the daemon";
            let advice = "Call this as that user, with CLAWVAULT_HOME set as in its unit.";
            return Err(AppError::new(Code::Denied, what, advice));
        }
        if self.loan.borrow().is_some() || !matches!(self.sight()?, Sight::Unlocked(_)) {
            return Ok(());
        }
        let mut loan = Loan(self.daemon_or_none()?);
        loan.ask(self.key_to_send()?.0)?;
        self.loan.replace(Some(loan));
        Ok(())
    }

    /// Gives a store back that was borrowed: what follows is asked of the daemon.
    pub(super) fn return_store(&self) -> Result<(), AppError> {
        let Some(Loan(mut remote)) = self.loan.take() else { return Ok(()) };
        remote.send(&[(What::GiveBack(Empty {}), Vec::new())])?;
        remote.status().map(drop)
    }

    /// Tells the daemon that the store has new keys, so that it opens it with them later.
    pub(crate) fn note_new_keys(&self) {
        if let Some(loan) = self.loan.borrow_mut().as_mut()
            && let Ok((key, _)) = self.key_to_send()
        {
            // Without it the daemon finds that its key opens nothing, and locks.
            loan.ask(key).ok();
        }
    }
}

/// The store, lent by the daemon for as long as this connection stands.
pub(crate) struct Loan(Remote);

impl Loan {
    fn ask(&mut self, key: Value) -> Result<(), AppError> {
        self.0.send(&[(What::Borrow(Empty {}), vec![key])])?;
        self.0.answer(&mut |_, _| true)?.map_err(|(error, _)| error)?;
        Ok(())
    }
}

impl Remote {
    /// Asks, proves who we are where that is wanted and possible, and gathers the answer.
    pub(super) fn ask(&mut self, request: Request, each: Each<'_>) -> Result<Reply, AppError> {
        let sent = wire::encode(request).map_err(ClientError::from)?;
        self.send(&sent)?;
        match self.answer(each)? {
            Ok(reply) => Ok(reply),
            Err((error, true)) => {
                let Some(app) = self.proof.take() else { return Err(error) };
                let (key, _) = app.key_to_send()?;
                self.send(&[(What::Prove(Empty {}), vec![key])])?;
                self.answer(&mut |_, _| true)?.map_err(|(error, _)| error)?;
                self.send(&sent)?;
                self.answer(each)?.map_err(|(error, _)| error)
            }
            Err((error, false)) => Err(error),
        }
    }

    /// What a person should know, as the last answer said.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn send(&mut self, all: &[Sent]) -> Result<(), AppError> {
        for (what, body) in all {
            self.client.send(what.clone(), body.clone())?;
        }
        Ok(())
    }

    /// Gathers an answer; or a failure, and whether proof of the key would be enough.
    fn answer(&mut self, each: Each<'_>) -> Result<Result<Reply, (AppError, bool)>, AppError> {
        let (mut reply, mut digests, mut goes_on) = (Reply::default(), Digests::default(), true);
        loop {
            let (mut piece, frame) = self.client.receive()?;
            for entry in std::mem::take(&mut piece.entries) {
                if !goes_on {
                    break;
                }
                for (file, digest) in convert::digests_of(&entry) {
                    digests.know(file, digest);
                }
                let read = Read::try_from(entry).map_err(ClientError::from)?;
                goes_on = each(read, &mut digests);
            }
            match piece.last.take() {
                Some(Last::Failure(failure)) => {
                    let prove = failure.prove;
                    return Ok(Err((wire::told(failure), prove)));
                }
                Some(Last::End(mut end)) => {
                    self.warnings = std::mem::take(&mut end.warnings);
                    piece.last = Some(Last::End(end));
                    wire::gather(&mut reply, piece, &frame.body).map_err(ClientError::from)?;
                    return Ok(Ok(reply));
                }
                None => {
                    wire::gather(&mut reply, piece, &frame.body).map_err(ClientError::from)?;
                }
            }
        }
    }

    fn status(&mut self) -> Result<Option<Status>, AppError> {
        let (reply, _) = self.client.receive()?;
        match reply.last {
            Some(Last::End(end)) => Ok(end.status),
            Some(Last::Failure(failure)) => Err(wire::told(failure)),
            None => Ok(None),
        }
    }
}

fn nothing_said() -> AppError {
    AppError::new(Code::Failed, "the daemon did not say how things stand", "Restart the daemon.")
}

impl From<ClientError> for AppError {
    fn from(error: ClientError) -> Self {
        let (code, advice) = match &error {
            ClientError::Version { error: Mismatch::Older(_), .. } => {
                (Code::Failed, "Restart the daemon: it runs an older clawvault than this one.")
            }
            ClientError::Version { error: Mismatch::Newer(_), .. } => {
                (Code::Failed, "Use the clawvault that the daemon was started from.")
            }
            ClientError::Foreign(_) => {
                (Code::Denied, "Nothing was sent to it. Look who put a socket there.")
            }
            ClientError::Frame(_) => {
                (Code::Failed, "Restart the daemon; it may be of another version.")
            }
            _ => (Code::Failed, "See whether it still runs; restart it if need be."),
        };
        Self::new(code, error.to_string(), advice)
    }
}
