//! Ways in which a vendor misbehaves.

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status and a JSON body, nothing done.
    Status(u16),
    /// 429 with `Retry-After`, in seconds.
    RateLimited(u64),
    /// 200 and a page for people, nothing done.
    Page,
    /// 200, and JSON with everything of another type; done all the same.
    WrongTypes,
    /// Done; the answer breaks off in its middle.
    Truncated,
    /// Done; the answer comes a byte at a time, this many milliseconds apart.
    Drip(u64),
    /// 200 and a body of 11 MB, its length not announced; nothing done.
    Huge,
    /// 307 to this address.
    Redirect(String),
    /// 400, and a body that repeats all headers and the body of the request.
    Echo,
    /// Done; the connection closes without an answer.
    Lost,
    /// The connection closes before anything is done.
    Dropped,
    /// Answered so many milliseconds late, otherwise well.
    Late(u64),
}
