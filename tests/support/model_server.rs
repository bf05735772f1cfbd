//! A model vendor for offline tests: the streaming half of OpenAI's chat completions, on loopback.
//! It records who asked with which credential. It understands nothing: every turn ends in "done",
//! after at most one tool call that the test chose. No TLS, one request at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// Bytes of one request, head and body. A first turn of OpenClaw has 62,000.
const MAX_REQUEST: u64 = 1024 * 1024;
const IO_TIMEOUT: Duration = Duration::from_secs(5);

/// One request as the vendor saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// A running server; stops and joins its thread on drop.
pub(crate) struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    stopping: AtomicBool,
}

impl ModelServer {
    /// Starts on a free loopback port. With a `command`, the first request that offers the tool
    /// `exec` is answered by one call of it: what a hijacked agent would be made to do.
    pub(crate) fn start(command: Option<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&listener, &shared, command)
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// The base URL a client is configured with.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All requests so far, oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no holder panicked").clone()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The thread sleeps in accept(): one more connection wakes it.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, shared: &Shared, mut command: Option<String>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        // A client that leaves early is the client's affair; what it sent is recorded already.
        let _ = stream.and_then(|stream| answer(&stream, shared, &mut command));
    }
}

fn answer(stream: &TcpStream, shared: &Shared, command: &mut Option<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(IO_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    let mut input = BufReader::new(stream.take(MAX_REQUEST));

    let (request, length) = read_head(&mut input)?;
    let path = request.path.clone();
    shared.requests.lock().expect("no holder panicked").push(request);
    if path != "/v1/chat/completions" {
        return respond(stream, "404 Not Found", "application/json", "{}");
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let Ok(call) = serde_json::from_slice::<Value>(&body) else {
        return respond(stream, "400 Bad Request", "application/json", "{}");
    };
    // Asked for once only: OpenClaw adds messages behind a tool's result, so the last message does
    // not tell whether the tool has answered, and a server that judged by it would never end.
    let asked = if offers_exec(&call) { command.take() } else { None };
    respond(stream, "200 OK", "text/event-stream", &events(asked.as_deref()))
}

/// Reads the request line and the headers; the length of the body comes beside.
fn read_head(input: &mut impl BufRead) -> io::Result<(Request, usize)> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let path = line.split(' ').nth(1).ok_or(io::ErrorKind::InvalidData)?.to_owned();

    let mut request = Request { path, authorization: None };
    let mut length = 0;
    loop {
        line.clear();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => request.authorization = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().unwrap_or(u64::MAX),
            _ => {}
        }
    }
    match usize::try_from(length) {
        Ok(length) if (length as u64) < MAX_REQUEST => Ok((request, length)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn offers_exec(call: &Value) -> bool {
    let tools = call["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    tools.iter().any(|tool| tool["function"]["name"] == "exec")
}

/// The event stream of one turn: the tool call, or "done".
fn events(command: Option<&str>) -> String {
    let (delta, reason) = match command {
        Some(command) => {
            let arguments = json!({ "command": command }).to_string();
            let function = json!({ "name": "exec", "arguments": arguments });
            let call =
                json!({ "index": 0, "id": "call_1", "type": "function", "function": function });
            (json!({ "role": "assistant", "tool_calls": [call] }), "tool_calls")
        }
        None => (json!({ "role": "assistant", "content": "done" }), "stop"),
    };
    let usage = json!({ "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14 });
    let choices = [
        json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
        json!([{ "index": 0, "delta": {}, "finish_reason": reason }]),
        json!([]),
    ];
    let chunks = choices.into_iter().map(|choices| {
        let last = choices.as_array().is_some_and(Vec::is_empty);
        let usage = if last { usage.clone() } else { Value::Null };
        let chunk = json!({
            "id": "turn", "object": "chat.completion.chunk", "created": 0, "model": "fake-1",
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    });
    chunks.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
