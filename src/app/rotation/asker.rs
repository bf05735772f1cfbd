//! Who asks the vault on behalf of a rotation, again and again, without keeping it from others.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use clawvault_core::crypto::VaultKey;
use clawvault_core::platform::SystemClock;
use clawvault_core::vault::{Opener, Vault};

use crate::app::session::{Reply, Request, Session, Sight};
use crate::app::{App, AppError, Code};

/// How long a process that was killed may hold its socket.
const DYING: Duration = Duration::from_millis(100);

/// Asks the vault for one thing.
pub type Asker<'a> = Box<dyn FnMut(Request) -> Result<Reply, AppError> + 'a>;

/// Asks through the daemon where it has the vault, else opens it here, step by step.
pub(super) struct Asking<'a> {
    app: &'a App,
    /// True to open the vault here where the daemon has it locked: taking power away needs no daemon.
    even_locked: bool,
    /// True while the vault stays open here between two questions.
    hold: Rc<Cell<bool>>,
    conversation: Option<Session>,
    key: Option<(VaultKey, String)>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(app: &'a App, even_locked: bool) -> Self {
        Self { app, even_locked, hold: Rc::default(), conversation: None, key: None }
    }

    /// Keeps the vault open here, until that is taken back: others wait for it meanwhile.
    pub(super) fn holding(&self) -> Rc<Cell<bool>> {
        self.hold.set(true);
        Rc::clone(&self.hold)
    }

    /// Asks, and closes the vault again unless it is held.
    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, AppError> {
        let mut session = match self.conversation.take() {
            Some(session) => session,
            None => self.open()?,
        };
        let reply = session.ask(request);
        if reply.is_err() && matches!(session, Session::Remote(_)) && self.is_lost() {
            // What is asked next is asked of whoever has the vault then.
            return reply;
        }
        // A daemon's conversation costs nobody anything; a vault that is open here does.
        match session {
            Session::Remote(_) => self.conversation = Some(session),
            Session::Local(..) if self.hold.get() => self.conversation = Some(session),
            Session::Local(..) => drop(session.close()),
        }
        reply
    }

    /// Every life. A daemon that is just dying answers nobody, and a moment later nobody has the vault: asked
    /// once more then.
    pub(super) fn lives(&mut self) -> Result<Reply, AppError> {
        match self.ask(Request::Lives(None)) {
            Err(error) if error.code == Code::Failed => {
                self.conversation = None;
                std::thread::sleep(DYING);
                self.ask(Request::Lives(None))
            }
            told => told,
        }
    }

    /// Whether the daemon died, or closed the vault, since the conversation began.
    fn is_lost(&self) -> bool {
        !matches!(self.app.sight(), Ok(Sight::Unlocked(_)))
    }

    fn open(&mut self) -> Result<Session, AppError> {
        let who = self.app.who();
        let sight = self.app.sight()?;
        let remote = match sight {
            Sight::Unlocked(_) => true,
            Sight::Locked => !self.even_locked,
            Sight::None => false,
        };
        if remote && let Some(remote) = self.app.daemon()? {
            return Ok(Session::Remote(Box::new(remote)));
        }
        if let Some((key, by)) = &self.key {
            let opener = Opener {
                key: Some((key.copy(), by.clone())),
                identities: Vec::new(),
                passphrase: &|| None,
                who: &who,
                clock: Box::new(SystemClock),
                write: true,
                accept_rollback: false,
            };
            let vault = Vault::open(&self.app.place, opener)?;
            return Ok(Session::Local(Box::new(vault), who, Some(self.app.bells_here())));
        }
        // A passphrase is stretched once, and asked for once.
        let (vault, key) = self.app.open_to_work(&who)?;
        self.key = Some((key, vault.opened_by().to_owned()));
        Ok(Session::Local(Box::new(vault), who, Some(self.app.bells_here())))
    }
}
