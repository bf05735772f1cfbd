//! One call to a running gateway over its WebSocket (RFC 6455), as OpenClaw 2026.9.6 has it
//! (`docs/gateway/protocol` of its package): challenge, `connect`, the call, its answer.
//!
//! Only the loopback address is spoken to, one message after the other, within one bound of time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use clawvault_core::domain::{Value, json_text};
use serde::Deserialize;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// Longest message of a gateway, in bytes; its greeting has 60,000.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Most messages until an answer: a gateway tells of its own events in between.
const MAX_MESSAGES: usize = 10_000;
/// Longest word of a gateway that is repeated.
const MAX_WORD: usize = 64;

/// What a gateway is shown.
#[derive(Debug)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A token.
    Token(Value),
    /// A password.
    Password(Value),
}

/// What a gateway said of a reload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReloadAnswer {
    /// How many owners of secrets did not get theirs; of those it keeps what it had.
    pub warnings: u64,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// Nobody listens there.
    #[error("no gateway listens at 127.0.0.1:{0}")]
    Nobody(u16),
    /// It did not answer in time, or went away.
    #[error("the gateway does not answer: {0}")]
    Io(io::ErrorKind),
    /// What it said is no answer to what was asked.
    #[error("the gateway speaks another protocol than this program knows")]
    Foreign,
    /// It refused, in a word of its own.
    #[error("the gateway refused: {0}")]
    Refused(String),
}

/// Something that a gateway said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// It asks who is there.
    Challenge,
    /// An answer to the request of this number, with how many warnings it has if it says so.
    Done(String, Option<u64>),
    /// The request of this number failed, in one word.
    Failed(String, String),
    /// Anything else.
    Other,
}

#[derive(Deserialize)]
struct Heard {
    #[serde(rename = "type")]
    kind: String,
    event: Option<String>,
    id: Option<String>,
    ok: Option<bool>,
    payload: Option<serde_json::Value>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<String>,
}

/// Reads a message of a gateway; none where it is not one.
pub fn heard(text: &str) -> Option<Said> {
    let heard: Heard = serde_json::from_str(text).ok()?;
    Some(match (heard.kind.as_str(), heard.event.as_deref(), heard.id) {
        ("event", Some("connect.challenge"), _) => Said::Challenge,
        ("res", _, Some(id)) if heard.ok == Some(true) => {
            let payload = heard.payload.unwrap_or_default();
            let done = payload.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
            let warnings = payload.get("warningCount").and_then(serde_json::Value::as_u64);
            Said::Done(id, warnings.filter(|_| done))
        }
        ("res", _, Some(id)) => {
            let code = heard.error.and_then(|error| error.code).unwrap_or_default();
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let word = !code.is_empty() && code.len() <= MAX_WORD && code.chars().all(plain);
            Said::Failed(id, if word { code } else { "without a word".to_owned() })
        }
        _ => Said::Other,
    })
}

/// What a gateway's own books say of one provider on one day. Its prices are its own, too.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct DayOfProvider {
    /// The day in UTC, as in 2026-11-30.
    pub date: String,
    /// The provider, as OpenClaw calls it.
    #[serde(default)]
    pub provider: String,
    /// US dollars; 0 too where it knows no price.
    pub cost: f64,
}

/// Reads the answer to the question for usage, by the number of the request; none where it is another
/// message.
pub fn usage_of(text: &str, wanted: &str) -> Option<Vec<DayOfProvider>> {
    #[derive(Deserialize)]
    struct Answer {
        id: String,
        payload: Payload,
    }
    #[derive(Deserialize)]
    struct Payload {
        aggregates: Aggregates,
    }
    #[derive(Deserialize)]
    struct Aggregates {
        #[serde(rename = "modelDaily", default)]
        days: Vec<DayOfProvider>,
    }
    let answer: Answer = serde_json::from_str(text).ok()?;
    (answer.id == wanted).then_some(answer.payload.aggregates.days)
}

/// What a gateway's own books say of a stretch of days, the first and the last of them in UTC.
///
/// # Errors
/// As with [`reload`].
pub fn usage(
    port: u16,
    shown: &Shown,
    (first, last): (&str, &str),
    within: Duration,
) -> Result<Vec<DayOfProvider>, RpcError> {
    let mut line = Line::open(port, shown, within)?;
    let params = serde_json::json!({
        "agentScope": "all", "mode": "utc", "startDate": first, "endDate": last,
    });
    let ask = serde_json::json!({
        "type": "req", "id": "2", "method": "sessions.usage", "params": params,
    });
    line.say(ask.to_string())?;
    loop {
        let text = line.hear_text()?;
        if let Some(days) = usage_of(&text, "2") {
            line.close();
            return Ok(days);
        }
        match heard(&text).ok_or(RpcError::Foreign)? {
            Said::Done(id, _) if id == "2" => return Err(RpcError::Foreign),
            Said::Failed(id, word) if id == "2" => return Err(RpcError::Refused(word)),
            _ => {}
        }
    }
}

/// Has the gateway read its secrets anew.
///
/// # Errors
/// Where none listens, it does not answer `within` that time, or it refuses.
pub fn reload(port: u16, shown: &Shown, within: Duration) -> Result<ReloadAnswer, RpcError> {
    let mut line = Line::open(port, shown, within)?;
    line.say(r#"{"type":"req","id":"2","method":"secrets.reload","params":{}}"#.to_owned())?;
    let warnings = line.answer("2")?.ok_or(RpcError::Foreign)?;
    line.close();
    Ok(ReloadAnswer { warnings })
}

/// The request `connect`, in a buffer that never grows once a value is in it.
fn connect_request(shown: &Shown) -> String {
    let (kind, value) = match shown {
        Shown::Nothing => ("", None),
        Shown::Token(value) => ("\"token\":", Some(value)),
        Shown::Password(value) => ("\"password\":", Some(value)),
    };
    let mut out = Vec::with_capacity(1024 + value.map_or(0, |value| value.len() * 6));
    out.extend_from_slice(
        concat!(
            r#"{"type":"req","id":"1","method":"connect","params":{"minProtocol":4,"#,
            r#""maxProtocol":4,"client":{"id":"gateway-client","version":""#,
            env!("CARGO_PKG_VERSION"),
            r#"","platform":"linux","mode":"backend"},"role":"operator","scopes":["#,
            r#""operator.admin","operator.read","operator.write"],"caps":[],"auth":{"#,
        )
        .as_bytes(),
    );
    out.extend_from_slice(kind.as_bytes());
    if let Some(text) = value.and_then(|value| str::from_utf8(value.expose()).ok()) {
        json_text(text, &mut out);
    }
    out.extend_from_slice(b"}}}");
    String::from_utf8(out).unwrap_or_default()
}

/// A conversation with a gateway.
struct Line {
    socket: WebSocket<TcpStream>,
    until: Instant,
    heard: usize,
}

impl Line {
    /// Connects, and is let in.
    fn open(port: u16, shown: &Shown, within: Duration) -> Result<Self, RpcError> {
        let mut line = Self::connect(port, Instant::now() + within)?;
        while line.hear()? != Said::Challenge {}
        line.say(connect_request(shown))?;
        line.answer("1")?;
        Ok(line)
    }

    fn close(&mut self) {
        self.socket.close(None).ok();
        self.socket.flush().ok();
    }

    fn connect(port: u16, until: Instant) -> Result<Self, RpcError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream =
            TcpStream::connect_timeout(&address, left(until)?).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::ConnectionRefused => RpcError::Nobody(port),
                    kind => RpcError::Io(kind),
                }
            })?;
        patience(&stream, until)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let url = format!("ws://127.0.0.1:{port}/");
        let (socket, _) = tungstenite::client::client_with_config(url, stream, Some(config))
            .map_err(|error| match error {
                tungstenite::HandshakeError::Failure(error) => failed(error),
                tungstenite::HandshakeError::Interrupted(_) => {
                    RpcError::Io(io::ErrorKind::TimedOut)
                }
            })?;
        Ok(Self { socket, until, heard: 0 })
    }

    fn say(&mut self, text: String) -> Result<(), RpcError> {
        patience(self.socket.get_ref(), self.until)?;
        self.socket.send(Message::text(text)).map_err(failed)
    }

    fn hear(&mut self) -> Result<Said, RpcError> {
        heard(&self.hear_text()?).ok_or(RpcError::Foreign)
    }

    fn hear_text(&mut self) -> Result<String, RpcError> {
        loop {
            patience(self.socket.get_ref(), self.until)?;
            self.heard += 1;
            if self.heard > MAX_MESSAGES {
                return Err(RpcError::Foreign);
            }
            match self.socket.read().map_err(failed)? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Err(RpcError::Io(io::ErrorKind::ConnectionReset)),
                Message::Binary(_) | Message::Frame(_) => return Err(RpcError::Foreign),
            }
        }
    }

    /// Waits for the answer to a request.
    fn answer(&mut self, wanted: &str) -> Result<Option<u64>, RpcError> {
        loop {
            match self.hear()? {
                Said::Done(id, warnings) if id == wanted => return Ok(warnings),
                Said::Failed(id, word) if id == wanted => return Err(RpcError::Refused(word)),
                _ => {}
            }
        }
    }
}

fn left(until: Instant) -> Result<Duration, RpcError> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(RpcError::Io(io::ErrorKind::TimedOut)) } else { Ok(left) }
}

fn patience(stream: &TcpStream, until: Instant) -> Result<(), RpcError> {
    let left = Some(left(until)?);
    let set = stream.set_read_timeout(left).and_then(|()| stream.set_write_timeout(left));
    set.map_err(|error| RpcError::Io(error.kind()))
}

fn failed(error: tungstenite::Error) -> RpcError {
    match error {
        tungstenite::Error::Io(error) => RpcError::Io(match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut,
            kind => kind,
        }),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            RpcError::Io(io::ErrorKind::ConnectionReset)
        }
        _ => RpcError::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(heard(r#"{"type":"event","event":"connect.challenge"}"#), Some(Said::Challenge));
        assert_eq!(heard(r#"{"type":"event","event":"tick"}"#), Some(Said::Other));
        let done = r#"{"type":"res","id":"2","ok":true,"payload":{"ok":true,"warningCount":3}}"#;
        assert_eq!(heard(done), Some(Said::Done("2".into(), Some(3))));
        let not = r#"{"type":"res","id":"2","ok":true,"payload":{"ok":false,"warningCount":0}}"#;
        assert_eq!(heard(not), Some(Said::Done("2".into(), None)));
        let failed = |code: &str| {
            heard(&format!(r#"{{"type":"res","id":"1","ok":false,"error":{{"code":"{code}"}}}}"#))
        };
        assert_eq!(failed("UNAVAILABLE"), Some(Said::Failed("1".into(), "UNAVAILABLE".into())));
        let Some(Said::Failed(_, word)) = failed("a secret") else { unreachable!() };
        assert_eq!(word, "without a word");
        assert!(heard("{}").is_none() && heard("").is_none());
    }

    #[test]
    fn a_value_in_a_request_is_escaped() {
        let value = Value::new(b"a\"}\\".to_vec()).unwrap();
        let text = connect_request(&Shown::Token(value));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["params"]["auth"]["token"], "a\"}\\");
        let text = connect_request(&Shown::Nothing);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(parsed["params"]["auth"].as_object().unwrap().is_empty());
    }

    /// A gateway that sends these messages, and hears one before each but the first.
    fn gateway(messages: &'static [&'static str]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            let mut heard = Vec::new();
            for (at, message) in messages.iter().enumerate() {
                if at > 0 {
                    heard.push(socket.read().unwrap().into_text().unwrap().to_string());
                }
                socket.send(Message::text(*message)).unwrap();
            }
            socket.read().ok();
            heard
        });
        (port, thread)
    }

    const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{}}"#;
    const HELLO: &str = r#"{"type":"res","id":"1","ok":true,"payload":{"type":"hello-ok"}}"#;

    #[test]
    fn a_reload_is_what_the_gateway_says_of_it() {
        let second = Duration::from_secs(5);
        let done = r#"{"type":"res","id":"2","ok":true,"payload":{"ok":true,"warningCount":1}}"#;
        let (port, thread) = gateway(Box::leak(Box::new([CHALLENGE, HELLO, done])));
        let answer = reload(port, &Shown::Nothing, second);
        assert_eq!(answer, Ok(ReloadAnswer { warnings: 1 }));
        let heard = thread.join().unwrap();
        assert!(heard[0].contains("\"connect\"") && heard[1].contains("secrets.reload"));
        let refused =
            r#"{"type":"res","id":"1","ok":false,"error":{"code":"AUTH_TOKEN_MISMATCH"}}"#;
        let (port, _thread) = gateway(Box::leak(Box::new([CHALLENGE, refused])));
        let answer = reload(port, &Shown::Nothing, second);
        assert_eq!(answer, Err(RpcError::Refused("AUTH_TOKEN_MISMATCH".into())));
        let (port, _thread) = gateway(&["no json"]);
        assert_eq!(reload(port, &Shown::Nothing, second), Err(RpcError::Foreign));
    }

    #[test]
    fn the_books_of_a_gateway_are_read_by_day_and_provider() {
        let tick = r#"{"type":"event","event":"tick"}"#;
        let books = r#"{"type":"res","id":"2","ok":true,"payload":{"sessions":[],"aggregates":{"modelDaily":[
            {"date":"2026-11-30","provider":"groq","model":"m","tokens":14,"cost":0.014,"count":1}]}}}"#;
        let (port, thread) = gateway(Box::leak(Box::new([CHALLENGE, HELLO, tick])));
        let days = ("2026-11-29", "2026-11-30");
        let answer = usage(port, &Shown::Nothing, days, Duration::from_secs(5));
        assert!(matches!(answer, Err(RpcError::Io(_))), "it went away: {answer:?}");
        let heard = thread.join().unwrap();
        assert!(
            heard[1].contains("sessions.usage") && heard[1].contains("2026-11-29"),
            "{heard:?}"
        );
        let (port, _thread) = gateway(Box::leak(Box::new([CHALLENGE, HELLO, books])));
        let answer = usage(port, &Shown::Nothing, days, Duration::from_secs(5)).unwrap();
        assert_eq!((answer[0].provider.as_str(), answer[0].cost), ("groq", 0.014));
        assert_eq!(usage_of(books, "3"), None);
    }

    #[test]
    fn silence_ends_in_time_and_nobody_is_told_apart() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let began = Instant::now();
        let answer = reload(port, &Shown::Nothing, Duration::from_millis(200));
        assert!(matches!(answer, Err(RpcError::Io(_))), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        drop(listener);
        let answer = reload(port, &Shown::Nothing, Duration::from_secs(1));
        assert_eq!(answer, Err(RpcError::Nobody(port)));
    }
}
