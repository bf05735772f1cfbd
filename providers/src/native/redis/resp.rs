//! RESP2, the protocol of Redis and Valkey: a command goes out as an array of bulk strings, one
//! reply comes back. Replies are bounded in size, count and depth.
//!
//! The few commands that the life of a password needs do not carry the weight of a client library
//! (the crate redis: 35 packages more).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::native::socket::Socket;

/// Most bytes of one reply.
const MAX_REPLY: usize = 1024 * 1024;
/// Most elements of one reply, at all depths together.
const MAX_ELEMENTS: usize = 100_000;
const MAX_DEPTH: usize = 8;

/// A reply.
#[derive(Debug, Eq, PartialEq)]
pub enum Reply {
    /// `+OK`, or a bulk string.
    Text(Vec<u8>),
    /// `-WRONGPASS …`: the server's words, for the program alone.
    Error(String),
    /// A number.
    Number(i64),
    /// Elements in order.
    Array(Vec<Reply>),
    /// Nothing.
    Nil,
}

/// Why no reply was had.
#[derive(Debug, Eq, PartialEq)]
pub enum Broken {
    /// The connection ended.
    Ended,
    /// Not RESP2, or past a bound.
    NoReply,
}

impl Reply {
    /// Reads one reply off the front of `bytes`, and what follows it; `None` while it is not whole.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, &[u8])>, Broken> {
        let mut left = MAX_ELEMENTS;
        read_one(bytes, MAX_DEPTH, &mut left)
    }
}

/// One connection, on which a command is asked at a time.
pub(super) struct Connection {
    socket: Socket,
    read: Zeroizing<Vec<u8>>,
}

impl Connection {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, read: Zeroizing::default() }
    }

    /// Sends a command and takes its reply.
    pub(super) async fn ask(&mut self, command: &[&[u8]]) -> Result<Reply, Broken> {
        let mut bytes = Zeroizing::new(format!("*{}\r\n", command.len()).into_bytes());
        for part in command {
            bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        self.socket.write_all(&bytes).await.map_err(|_| Broken::Ended)?;
        self.socket.flush().await.map_err(|_| Broken::Ended)?;
        self.read.clear();
        loop {
            if let Some((reply, rest)) = Reply::read(&self.read)? {
                // Nobody asked for more.
                return if rest.is_empty() { Ok(reply) } else { Err(Broken::NoReply) };
            }
            let mut chunk = Zeroizing::new([0; 16 * 1024]);
            match self.socket.read(&mut *chunk).await {
                Ok(0) | Err(_) => return Err(Broken::Ended),
                Ok(count) => self.read.extend_from_slice(&chunk[..count]),
            }
            if self.read.len() > MAX_REPLY {
                return Err(Broken::NoReply);
            }
        }
    }
}

type Part<'a, T> = Result<Option<(T, &'a [u8])>, Broken>;

fn read_one<'a>(bytes: &'a [u8], depth: usize, left: &mut usize) -> Part<'a, Reply> {
    *left = left.checked_sub(1).ok_or(Broken::NoReply)?;
    let Some((line, rest)) = read_line(bytes)? else { return Ok(None) };
    let (kind, text) = line.split_first().ok_or(Broken::NoReply)?;
    match kind {
        b'+' => Ok(Some((Reply::Text(text.to_vec()), rest))),
        b'-' => Ok(Some((Reply::Error(String::from_utf8_lossy(text).into_owned()), rest))),
        b':' => Ok(Some((Reply::Number(number(text)?), rest))),
        b'$' => match length(text, MAX_REPLY)? {
            None => Ok(Some((Reply::Nil, rest))),
            Some(length) if rest.len() < length + 2 => Ok(None),
            Some(length) => match rest.split_at(length) {
                (bulk, [b'\r', b'\n', rest @ ..]) => Ok(Some((Reply::Text(bulk.to_vec()), rest))),
                _ => Err(Broken::NoReply),
            },
        },
        b'*' => {
            let depth = depth.checked_sub(1).ok_or(Broken::NoReply)?;
            let Some(count) = length(text, *left)? else { return Ok(Some((Reply::Nil, rest))) };
            let (mut elements, mut rest) = (Vec::new(), rest);
            for _ in 0..count {
                let Some((element, after)) = read_one(rest, depth, left)? else { return Ok(None) };
                elements.push(element);
                rest = after;
            }
            Ok(Some((Reply::Array(elements), rest)))
        }
        _ => Err(Broken::NoReply),
    }
}

fn read_line(bytes: &[u8]) -> Part<'_, &[u8]> {
    match bytes.iter().take(MAX_REPLY).position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = bytes[..end].strip_suffix(b"\r").ok_or(Broken::NoReply)?;
            Ok(Some((line, &bytes[end + 1..])))
        }
        None if bytes.len() >= MAX_REPLY => Err(Broken::NoReply),
        None => Ok(None),
    }
}

fn number(text: &[u8]) -> Result<i64, Broken> {
    let text = std::str::from_utf8(text).map_err(|_| Broken::NoReply)?;
    text.parse().map_err(|_| Broken::NoReply)
}

/// A length from 0 to `most`; `None` for -1, which says that there is nothing.
fn length(text: &[u8], most: usize) -> Result<Option<usize>, Broken> {
    match number(text)? {
        -1 => Ok(None),
        length => {
            let length = usize::try_from(length).map_err(|_| Broken::NoReply)?;
            if length <= most { Ok(Some(length)) } else { Err(Broken::NoReply) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<Option<Reply>, Broken> {
        Reply::read(bytes).map(|read| read.map(|(reply, _)| reply))
    }

    #[test]
    fn replies_are_read_whole_or_not_yet_or_never() {
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let all = b"*4\r\n+OK\r\n$5\r\na\r\nbc\r\n:-7\r\n*1\r\n$-1\r\n";
        let nested = Reply::Array(vec![Reply::Nil]);
        let whole = Reply::Array(vec![text("OK"), text("a\r\nbc"), Reply::Number(-7), nested]);
        assert_eq!(one(all), Ok(Some(whole)));
        for end in 0..all.len() {
            assert_eq!(one(&all[..end]), Ok(None), "{end}");
        }
        assert_eq!(one(b"-ERR no\r\n"), Ok(Some(Reply::Error("ERR no".to_owned()))));
        let wrong: [&[u8]; 8] = [
            b"HTTP/1.1 400\r\n",
            b"+OK\n",
            b"$-2\r\n",
            b"$3\r\nabcd\r\n",
            b"$99999999999\r\n",
            b"*100001\r\n",
            b":x\r\n",
            b"\r\n",
        ];
        for bytes in wrong {
            assert_eq!(one(bytes), Err(Broken::NoReply), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(one(&b"*1\r\n".repeat(MAX_DEPTH + 1)), Err(Broken::NoReply));
        // What is nested counts, too.
        let half = [b"*60000\r\n".as_slice(), &b"*0\r\n".repeat(60_000)].concat();
        let many = [b"*2\r\n".as_slice(), &half, &half].concat();
        assert_eq!(one(&many), Err(Broken::NoReply));
    }
}
