//! The head of a request, of the least of HTTP/1.1 that our own client needs.

/// Longest head and longest body of a request, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// Longest body of a request, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// What a head says.
#[derive(Debug, Eq, PartialEq)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// Which of the vendors is meant.
    pub nth: usize,
    /// The path as that vendor would see it.
    pub path: &'a str,
    /// Where the body begins.
    pub end: usize,
    /// How long the body is.
    pub body: usize,
}

/// It is not what our client sends.
#[derive(Debug, Eq, PartialEq)]
pub struct Malformed;

impl<'a> Head<'a> {
    /// Reads a head from the beginning of what came in; none where more has to come first.
    ///
    /// # Errors
    /// Where no client of ours would send it, or it is too long.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let within = &bytes[..bytes.len().min(MAX_HEAD + 4)];
        let Some(at) = within.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() > MAX_HEAD { Err(Malformed) } else { Ok(None) };
        };
        let head = str::from_utf8(&bytes[..at]).map_err(|_| Malformed)?;
        Self::of(head, at + 4).ok_or(Malformed).map(Some)
    }

    fn of(head: &'a str, end: usize) -> Option<Self> {
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let whole = target.split('?').next()?.strip_prefix('/')?;
        let slash = whole.find('/')?;
        let mut body = 0;
        for line in lines {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                body = value.trim().parse().ok().filter(|length| *length <= MAX_BODY)?;
            }
        }
        Some(Self { method, nth: whole[..slash].parse().ok()?, path: &whole[slash..], end, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_a_vendor_and_a_path() {
        let text = b"PUT /12/v1/models?limit=1 HTTP/1.1\r\nContent-Length: 7\r\n\r\n1234567";
        let head = Head::read(text).unwrap().unwrap();
        assert_eq!((head.method, head.nth, head.path), ("PUT", 12, "/v1/models"));
        assert_eq!((head.end, head.body), (text.len() - 7, 7));
        assert_eq!(Head::read(&text[..text.len() - 8]), Ok(None));
        for line in ["", "GET", "GET x", "GET /x/y", "GET /-1/y", "GET /1", "GET  /1/y"] {
            assert_eq!(Head::read(format!("{line}\r\n\r\n").as_bytes()), Err(Malformed), "{line}");
        }
        let long = b"GET /1/y HTTP/1.1\r\ncontent-length: 1048577\r\n\r\n";
        assert_eq!(Head::read(long), Err(Malformed));
        assert_eq!(Head::read(&[b'a'; MAX_HEAD]), Ok(None));
        assert_eq!(Head::read(&[b'a'; MAX_HEAD + 1]), Err(Malformed));
    }
}
