//! How much and how long an answer may be.

use std::time::Duration;

/// Bounds of one request and its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Between two pieces of the answer.
    pub read: Duration,
    /// In all.
    pub total: Duration,
    /// Largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(15),
            total: Duration::from_secs(30),
            body: 10_000_000,
        }
    }
}
