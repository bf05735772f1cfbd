//! The blocking side: one connection, no thread, no runtime.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use clawvault_core::domain::Value;
use clawvault_core::platform::socket::{peer_user, trusted_owner};
use prost::Message;

use crate::frame::{Bounds, Frame, FrameError, Outgoing, Receiver};
use crate::hello::{self, Mismatch};
use crate::messages::{Hello, Reply, Request, reply, request};

/// How long the daemon may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// Room for what comes in; most answers fit.
const ROOM: usize = 16 * 1024;

/// Why a conversation ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no daemon listens")]
    Nobody,
    /// The socket belongs to someone else.
    #[error("the daemon's socket is held by user {0}")]
    Foreign(u32),
    /// It stopped answering, or went away.
    #[error("the daemon does not answer: {0}")]
    Io(io::ErrorKind),
    /// It speaks another version.
    #[error("{error}; its program is {program}")]
    Version {
        /// Which is older.
        error: Mismatch,
        /// Version of the daemon's program.
        program: String,
    },
    /// What it said is not understood.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// A conversation with the daemon.
pub struct Client {
    stream: UnixStream,
    receiver: Receiver,
    /// True until the daemon said hello.
    is_new: bool,
    hello: Vec<u8>,
    patience: Duration,
}

impl Client {
    /// Connects. `uid` is whose daemon it must be, if it is neither root's nor that of the user whom
    /// root made the socket's directory for; nobody listening there is an error of its own.
    ///
    /// # Errors
    /// Where nobody listens, or another user does.
    pub fn connect(socket: &Path, uid: u32, program: &str) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            // Where no socket can be, no daemon is.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::ConnectionRefused => ClientError::Nobody,
            kind => ClientError::Io(kind),
        })?;
        let found = peer_user(&stream)?;
        if found != uid && found != 0 && Some(found) != trusted_owner(socket) {
            return Err(ClientError::Foreign(found));
        }
        stream.set_write_timeout(Some(PATIENCE))?;
        let hello = Outgoing::new(&hello::own(program), Vec::new())?.head;
        Ok(Self {
            stream,
            receiver: Receiver::with_room(ROOM),
            is_new: true,
            hello,
            patience: PATIENCE,
        })
    }

    /// Waits no longer than this for any word of the daemon, in place of a minute.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn hurry(&mut self, patience: Duration) -> Result<(), ClientError> {
        self.patience = patience;
        Ok(self.stream.set_write_timeout(Some(patience))?)
    }

    /// Sends a request with its body. The first goes out together with our hello.
    ///
    /// # Errors
    /// Where it is too large, or the daemon went away.
    pub fn send(&mut self, what: request::What, body: Vec<Value>) -> Result<(), ClientError> {
        let mut frame = Outgoing::new(&Request { what: Some(what) }, body)?;
        if !self.hello.is_empty() {
            let mut both = std::mem::take(&mut self.hello);
            both.append(&mut frame.head);
            frame.head = both;
        }
        let mut at = 0;
        while at < frame.len() {
            let mut rest = frame.rest(at);
            // More pieces than the kernel takes at once are left for the next turn.
            rest.truncate(512);
            match self.stream.write_vectored(&rest) {
                Ok(0) => return Err(ClientError::Io(io::ErrorKind::WriteZero)),
                Ok(count) => at += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It may have said why before it closed: the answer tells.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for the next piece of an answer.
    ///
    /// # Errors
    /// Where the daemon went away, says nothing, or speaks another version.
    pub fn receive(&mut self) -> Result<(Reply, Frame), ClientError> {
        if self.is_new {
            self.stream.set_read_timeout(Some(HELLO.min(self.patience)))?;
            let hello: Hello = self.next()?.decode()?;
            hello::check(&hello)
                .map_err(|error| ClientError::Version { error, program: hello.program })?;
            self.is_new = false;
            self.stream.set_read_timeout(Some(self.patience))?;
        }
        let frame = self.next()?;
        Ok((frame.decode()?, frame))
    }

    fn next(&mut self) -> Result<Frame, ClientError> {
        loop {
            if let Some(frame) = self.receiver.next(Bounds::FULL)? {
                return Ok(frame);
            }
            match self.stream.read(self.receiver.room()) {
                Ok(0) => return Err(ClientError::Io(io::ErrorKind::UnexpectedEof)),
                Ok(count) => self.receiver.filled(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// True for the last piece of an answer.
pub fn is_last(reply: &Reply) -> bool {
    matches!(reply.last, Some(reply::Last::End(_) | reply::Last::Failure(_)))
}

/// Bytes of a message on the wire.
pub fn length(message: &impl Message) -> usize {
    message.encoded_len()
}
