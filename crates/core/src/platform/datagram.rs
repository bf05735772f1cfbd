//! Datagrams to a local socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Sends one datagram. A receiver who is not there is an error at once; one whose queue is full is
/// waited for as long as `patience` says, or not at all.
pub fn send(socket: &Path, bytes: &[u8], patience: Option<Duration>) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    match patience {
        Some(patience) => sender.set_write_timeout(Some(patience))?,
        None => sender.set_nonblocking(true)?,
    }
    let sent = sender.send_to(bytes, socket)?;
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
