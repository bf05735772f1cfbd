//! Stand-ins for vendors, on this machine: what a manifest says of its calls is turned round, so that
//! a revocation can be rehearsed without a vendor being called.
//!
//! Each stand-in plays the vendor of one secret. It accepts the key until the calls that revoke it
//! were made, in the manifest's own words; it knows no value, and looks at method and path alone.

mod answer;
pub mod head;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::manifest::recipes::Interface;

use answer::Part;

/// Plays vendors at one port of this machine, for as long as it is kept; each has a path of its own.
#[derive(Debug)]
pub struct StandIns {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What is played.
struct Cast {
    parts: Vec<Mutex<Part>>,
    /// How long each answer takes.
    latency: Duration,
}

impl StandIns {
    /// Begins to play these vendors, on a free port of 127.0.0.1 and in the runtime of the caller.
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn start(vendors: Vec<Interface>, latency: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let parts = vendors.into_iter().map(|vendor| Mutex::new(Part::new(vendor))).collect();
        let cast = Arc::new(Cast { parts, latency });
        let task = tokio::spawn(serve::serve(listener, cast));
        Ok(Self { address, task })
    }

    /// What stands in the place of every host of the nth vendor.
    pub fn base_url(&self, nth: usize) -> String {
        format!("http://{}/{nth}", self.address)
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        self.task.abort();
    }
}
