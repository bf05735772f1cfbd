//! The least of HTTP/1.1 that our own client needs: one request a connection, its body thrown away.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Cast;
use super::head::{Head, MAX_HEAD};

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
    let bytes = timeout(WITHIN, read(&mut stream)).await.map_err(|_| malformed())??;
    let head = Head::read(&bytes).ok().flatten().ok_or_else(malformed)?;
    sleep(cast.latency).await;
    let part = cast.parts.get(head.nth).ok_or_else(malformed)?;
    let (status, body) = match part.lock() {
        Ok(mut part) => part.answer(head.method, head.path),
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

/// Reads a request and gives what came in; what came of its body behind the head is thrown away.
async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (end, body) = loop {
        let before = bytes.len();
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err(malformed());
        }
        // Only what came last can have ended the head.
        let fresh = &bytes[before.saturating_sub(3)..];
        if fresh.windows(4).any(|window| window == b"\r\n\r\n")
            && let Some(head) = Head::read(&bytes).map_err(|_| malformed())?
        {
            break (head.end, head.body);
        }
    };
    let mut left = (end + body).saturating_sub(bytes.len());
    let mut piece = [0; 4096];
    while left > 0 {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(malformed());
        }
        left = left.saturating_sub(count);
    }
    Ok(bytes)
}

fn malformed() -> std::io::Error {
    std::io::ErrorKind::InvalidData.into()
}
