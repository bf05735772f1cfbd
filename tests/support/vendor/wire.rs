//! HTTP/1.1 as far as a vendor needs it: a thread for each connection, kept alive, with or without
//! TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::exchange::{Exchange, Request};
use super::{Fault, Seen, Shared, Words};

const MAX_BODY: usize = 1024 * 1024;
const IO_TIMEOUT: Duration = Duration::from_secs(20);

/// A certificate for 127.0.0.1 that no list of the system holds: `openssl req -x509` with an
/// EC key, both kept as DER.
pub(super) fn tls() -> Arc<rustls::ServerConfig> {
    let certificate = include_bytes!("../../../fixtures/vendors/tls/certificate.der");
    let key = include_bytes!("../../../fixtures/vendors/tls/key.der");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are there")
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.to_vec())],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec())),
        );
    Arc::new(config.expect("certificate and key belong together"))
}

pub(super) fn serve(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    tls: Option<&Arc<rustls::ServerConfig>>,
) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let (shared, tls) = (Arc::clone(shared), tls.cloned());
        // A client that leaves early is the client's affair; what it sent is recorded already.
        std::thread::spawn(move || stream.and_then(|stream| connection(stream, &shared, tls)));
    }
}

fn connection(
    stream: TcpStream,
    shared: &Shared,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(IO_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    stream.set_nodelay(true)?;
    match tls {
        Some(config) => {
            let session = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
            talk(rustls::StreamOwned::new(session, stream), shared)
        }
        None => talk(stream, shared),
    }
}

fn talk<S: Read + Write>(stream: S, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream)? {
        let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(open, Ordering::SeqCst);
        let goes_on = answer(stream.get_mut(), shared, &request);
        shared.open.fetch_sub(1, Ordering::SeqCst);
        if !goes_on? {
            break;
        }
    }
    Ok(())
}

/// The next request; none where the client has left.
fn read(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request { method, target, ..Request::default() };
    loop {
        line.clear();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if length > MAX_BODY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}

/// Answers one request; whether the connection goes on.
fn answer(stream: &mut impl Write, shared: &Shared, request: &Request) -> io::Result<bool> {
    std::thread::sleep(Duration::from_millis(shared.latency_ms.load(Ordering::SeqCst)));
    let found = shared.book.find(request);
    let (fault, done) = {
        let mut state = shared.state.lock().expect("no holder panicked");
        let name = found.as_ref().map(|(exchange, _)| exchange.name.clone()).ok();
        let planned = |(on, _): &(String, Fault)| on == "*" || Some(on) == name.as_ref();
        let at = state.faults.iter().position(planned);
        let fault = at.map(|at| state.faults.remove(at).1);
        let done = match found {
            Ok((exchange, words)) if !stops(fault.as_ref()) => {
                carry_out(shared, exchange, words, request, &mut state)
            }
            Ok(_) => (200, String::new(), Vec::new()),
            Err(why) => {
                state.problems.push(why);
                (404, r#"{"error":"no such call"}"#.to_owned(), Vec::new())
            }
        };
        state.seen.push(Seen {
            exchange: name,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            status: done.0,
        });
        (fault, done)
    };
    misbehave(stream, fault, request, &done)
}

type Done = (u16, String, Vec<(String, String)>);

fn carry_out(
    shared: &Shared,
    exchange: &Exchange,
    mut words: Words,
    request: &Request,
    state: &mut super::State,
) -> Done {
    let book = &shared.book;
    let Some(asking) = book.asks(exchange, request, &words, state) else {
        return (book.refused, book.refusal.clone(), Vec::new());
    };
    let body = exchange.carry_out(book, asking.as_ref(), &mut words, state);
    if exchange.is_of_none(&words, state) {
        return (404, "{}".to_owned(), Vec::new());
    }
    let headers = exchange.answers.iter().map(|(name, value)| (name.clone(), value.clone()));
    (exchange.status, body, headers.collect())
}

/// Whether a fault keeps the request from being carried out.
fn stops(fault: Option<&Fault>) -> bool {
    use Fault::{Dropped, Echo, Huge, Page, RateLimited, Redirect, Status};
    matches!(fault, Some(Status(_) | RateLimited(_) | Page | Huge | Redirect(_) | Echo | Dropped))
}

fn misbehave(
    stream: &mut impl Write,
    fault: Option<Fault>,
    request: &Request,
    (status, body, headers): &Done,
) -> io::Result<bool> {
    let json = |stream: &mut _, status, body: &str, more: &[(String, String)]| {
        respond(stream, status, "application/json", body, more)
    };
    match fault {
        None => json(stream, *status, body, headers)?,
        Some(Fault::Late(ms)) => {
            std::thread::sleep(Duration::from_millis(ms));
            json(stream, *status, body, headers)?;
        }
        Some(Fault::Status(status)) => json(stream, status, r#"{"error":"made to"}"#, &[])?,
        Some(Fault::RateLimited(seconds)) => {
            let wait = ("retry-after".to_owned(), seconds.to_string());
            json(stream, 429, r#"{"error":"slow down"}"#, &[wait])?;
        }
        Some(Fault::Page) => {
            respond(stream, 200, "text/html", "<!doctype html><title>Sign in</title>", &[])?;
        }
        Some(Fault::WrongTypes) => {
            let wrong = r#"{"id":{},"key":7,"data":[{"id":[],"hash":{}},3],"result":[{"id":{}}],
                "api_key":{"value":[]},"token":{},"value":[],"active":"yes","ok":"perhaps"}"#;
            json(stream, *status, wrong, &[])?;
        }
        Some(Fault::Truncated) => {
            let length = body.len() + 100;
            write!(stream, "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n")?;
            write!(stream, "content-length: {length}\r\n\r\n{}", &body[..body.len() / 2])?;
            return Ok(false);
        }
        Some(Fault::Drip(ms)) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n")?;
            write!(stream, "content-length: {length}\r\n\r\n")?;
            for byte in body.bytes() {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(ms));
            }
        }
        Some(Fault::Huge) => {
            stream.write_all(b"HTTP/1.1 200 -\r\ncontent-type: application/json\r\n\r\n\"")?;
            let piece = vec![b'a'; 1 << 20];
            for _ in 0..11 {
                stream.write_all(&piece)?;
            }
            return Ok(false);
        }
        Some(Fault::Redirect(to)) => json(stream, 307, "{}", &[("location".to_owned(), to)])?,
        Some(Fault::Echo) => {
            let text = serde_json::json!({
                "error": { "message": format!("{:?} {}", request.headers, request.body) },
                "owner": request.headers, "id": request.target,
            });
            json(stream, 400, &text.to_string(), &[])?;
        }
        Some(Fault::Lost | Fault::Dropped) => return Ok(false),
    }
    stream.flush()?;
    Ok(true)
}

fn respond(
    stream: &mut impl Write,
    status: u16,
    kind: &str,
    body: &str,
    more: &[(String, String)],
) -> io::Result<()> {
    let body = if status == 204 { "" } else { body };
    let length = body.len();
    let mut head = format!("HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\n");
    for (name, value) in more {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // One write: a second small one would wait for the first to be acknowledged.
    let text = format!("{head}content-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
