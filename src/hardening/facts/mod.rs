//! Facts about the host: each is read when a check first asks for it, and only once.

mod accounts;
mod certificates;
mod files;
mod firewall;
mod homes;
mod os;
mod packages;
mod probes;
mod processes;
mod settings;
mod sockets;
mod ssh;
mod supplied;
mod sysctl;
mod web;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use super::host::{Host, Unseen};
pub use accounts::User;
pub use certificates::Chain;
pub use firewall::Firewall;
pub use homes::OpenClawHome;
pub use os::{Family, Os};
pub use probes::{Probe, Speaks};
pub use settings::Setting;
pub use sockets::Socket;
pub use ssh::Sshd;
pub use web::Site;

/// A file's text; none where there is no such file.
type Text = Result<Option<Rc<str>>, Unseen>;

/// What the checks look at.
pub struct Facts<'h> {
    /// The machine itself.
    pub host: &'h dyn Host,
    texts: RefCell<BTreeMap<PathBuf, Text>>,
    os: OnceCell<Os>,
    users: OnceCell<Result<Vec<User>, Unseen>>,
    homes: OnceCell<Result<Vec<OpenClawHome>, Unseen>>,
    sshd: OnceCell<Result<Option<Sshd>, Unseen>>,
    firewalls: OnceCell<Result<Vec<Firewall>, Unseen>>,
    sockets: OnceCell<Result<Vec<Socket>, Unseen>>,
    sites: OnceCell<Result<Vec<Site>, Unseen>>,
    settings: OnceCell<Result<Vec<Setting>, Unseen>>,
    chains: OnceCell<Result<Vec<Chain>, Unseen>>,
    probes: OnceCell<Result<Vec<Probe>, Unseen>>,
    supplied: supplied::Supplied,
}

impl<'h> Facts<'h> {
    /// Nothing is read yet.
    pub fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            texts: RefCell::default(),
            os: OnceCell::new(),
            users: OnceCell::new(),
            homes: OnceCell::new(),
            sshd: OnceCell::new(),
            firewalls: OnceCell::new(),
            sockets: OnceCell::new(),
            sites: OnceCell::new(),
            settings: OnceCell::new(),
            chains: OnceCell::new(),
            probes: OnceCell::new(),
            supplied: supplied::Supplied::default(),
        }
    }
}

/// A fact that is computed once: its answer, or why there is none.
fn once<T>(
    cell: &OnceCell<Result<T, Unseen>>,
    read: impl FnOnce() -> Result<T, Unseen>,
) -> Result<&T, Unseen> {
    cell.get_or_init(read).as_ref().map_err(Clone::clone)
}
