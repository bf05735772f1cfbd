//! What a peer sends, read as far as it may send it.

use std::io;
use std::time::Duration;

use clawvault_proto::{Bounds, Frame, FrameError};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Caller, KEY, Line};
use crate::daemon::authority::Standing;

/// How long a message may take from its first byte to its last.
const MESSAGE: Duration = Duration::from_secs(10);
/// How long a connection may stand without a request.
const STANDING: Duration = Duration::from_secs(300);
/// How long somebody may work on the store, from the moment that it was lent.
const LOAN: Duration = Duration::from_secs(3600);
/// Longest messages that cost the budget nothing, in bytes.
const SMALL: usize = 16 * 1024;

/// Why a conversation ends.
pub(super) enum Over {
    /// The peer went away, or took too long.
    Gone,
    /// It sent what is no message.
    Malformed(FrameError),
}

impl From<FrameError> for Over {
    fn from(error: FrameError) -> Self {
        Self::Malformed(error)
    }
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Line<'_> {
    /// Waits for a request. What is large is read only from one who may send it, and only while
    /// there is room for it.
    pub(super) async fn request(&mut self, caller: &mut Caller<'_>) -> Result<Frame, Over> {
        if !self.receiver.is_within() {
            // However often it speaks meanwhile: others want the store, too.
            let left = |(_, since): (u64, Instant)| LOAN.saturating_sub(since.elapsed());
            let limit = self.loan.map_or(STANDING, left);
            let readable = timeout(limit, self.stream.readable()).await;
            readable.map_err(|_| Over::Gone)??;
        }
        let deadline = Instant::now() + MESSAGE;
        let mut room = None;
        loop {
            let bounds = Bounds::FULL;
            if let Some(frame) = self.receiver.next(bounds)? {
                return Ok(frame);
            }
            if let Some((message, body)) = self.receiver.announced(bounds)?
                && room.is_none()
                && (message > SMALL || body > KEY)
            {
                let is_operator = matches!(self.standing(caller).0, Standing::Operator(_));
                if !is_operator && body > KEY {
                    return Err(Over::Malformed(FrameError::TooLarge));
                }
                let budget = if is_operator { &self.shared.budget } else { &self.shared.less };
                let kib = u32::try_from((message + body) / 1024 + 1).unwrap_or(u32::MAX);
                let taken = timeout_at(deadline, budget.acquire_many(kib)).await;
                room = taken.map_err(|_| Over::Gone)?.ok();
            }
            timeout_at(deadline, self.fill()).await.map_err(|_| Over::Gone)??;
        }
    }

    pub(super) async fn next(&mut self, bounds: Bounds) -> Result<Frame, Over> {
        loop {
            if let Some(frame) = self.receiver.next(bounds)? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// Reads what there is, straight into memory that is locked and wiped.
    async fn fill(&mut self) -> Result<(), Over> {
        loop {
            // Room is made only once something has come.
            self.stream.readable().await?;
            match self.stream.try_read(self.receiver.room()) {
                Ok(0) => return Err(Over::Gone),
                Ok(count) => {
                    self.receiver.filled(count);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
