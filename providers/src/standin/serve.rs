//! The least of HTTP/1.1 that our own client needs: one request a connection, its body thrown away.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Cast;

/// Longest head and longest body of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1024 * 1024;
/// Most connections at once.
const AT_ONCE: usize = 256;
/// Longest that a request may take to come in.
const WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn serve(listener: TcpListener, cast: Arc<Cast>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let cast = Arc::clone(&cast);
        tokio::spawn(async move {
            // Whoever does not speak as our client does is not answered.
            answer(stream, &cast).await.ok();
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, cast: &Cast) -> std::io::Result<()> {
    let malformed = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let head = timeout(WITHIN, read(&mut stream)).await.map_err(|_| malformed())??;
    let (method, nth, path) = parse(&head).ok_or_else(malformed)?;
    sleep(cast.latency).await;
    let part = cast.parts.get(nth).ok_or_else(malformed)?;
    let (status, body) = match part.lock() {
        Ok(mut part) => part.answer(method, path),
        Err(_) => return Err(malformed()),
    };
    let body = if status == 204 { String::new() } else { body.to_string() };
    let head = format!(
        "HTTP/1.1 {status} drill\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Reads a request, and keeps its head.
async fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let malformed = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err(malformed());
        }
    };
    let head = str::from_utf8(&bytes[..end]).map_err(|_| malformed())?.to_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.unwrap_or(0);
    if length > MAX_BODY {
        return Err(malformed());
    }
    let mut left = (end + 4 + length).saturating_sub(bytes.len());
    let mut piece = [0; 4096];
    while left > 0 {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(malformed());
        }
        left = left.saturating_sub(count);
    }
    Ok(head)
}

/// Method, which vendor, and the path as the vendor would see it, of a head.
fn parse(head: &str) -> Option<(&str, usize, &str)> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?.strip_prefix('/')?;
    let end = path.find('/')?;
    Some((method, path[..end].parse().ok()?, &path[end..]))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_head_names_a_vendor_and_a_path() {
        let head = "GET /12/v1/models?limit=1 HTTP/1.1\r\nhost: x";
        assert_eq!(parse(head), Some(("GET", 12, "/v1/models")));
        for head in ["", "GET", "GET x", "GET /x/y", "GET /-1/y", "GET /1", "GET  /1/y"] {
            assert_eq!(parse(head), None, "{head}");
        }
    }
}
