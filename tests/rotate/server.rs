//! A vendor on a free port, in the shape of OpenAI's administration: it checks who asks, keeps its
//! keys, may be slow, and repeats keys in its errors.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const ADMIN: &str = "sk-admin-Zq7Zq7Zq7Zq7";

#[derive(Default)]
pub(crate) struct State {
    /// Value and name by the id of the service account.
    pub keys: BTreeMap<String, (String, String)>,
    pub made: usize,
    pub requests: usize,
    /// Method and target of each, oldest first.
    pub seen: Vec<String>,
    /// What is answered instead, to the next requests.
    pub fail: Vec<u16>,
    /// When the first request came in, and when the last was answered.
    pub busy: Option<(Instant, Instant)>,
}

#[derive(Clone)]
pub(crate) struct Vendor {
    pub state: Arc<Mutex<State>>,
    pub port: u16,
}

impl Vendor {
    pub(crate) fn start(delay: Duration) -> Self {
        Self::start_at(0, delay)
    }

    /// The same at a port that a test knows already.
    pub(crate) fn start_at(port: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let vendor = Self { state: Arc::default(), port };
        let served = vendor.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(&stream, delay));
            }
        });
        vendor
    }

    pub(crate) fn add(&self, id: &str, value: &str) {
        let mut state = self.state.lock().unwrap();
        state.keys.insert(id.to_owned(), (value.to_owned(), id.to_owned()));
    }

    fn serve(&self, stream: &TcpStream, delay: Duration) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let (mut length, mut key) = (0, String::new());
            loop {
                let mut header = String::new();
                if reader.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
                    break;
                }
                let (name, value) = header.split_once(':').unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "authorization" => key = value.trim().replace("Bearer ", ""),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let (method, path) = line.split_once(' ').unwrap();
            let path = path.split(' ').next().unwrap();
            let came = Instant::now();
            let (status, answer) = self.answer(method, path, &key, &body);
            // The answer comes late: whoever is killed meanwhile has been served all the same.
            std::thread::sleep(delay);
            let first = self.state.lock().unwrap().busy.map_or(came, |(first, _)| first);
            self.state.lock().unwrap().busy = Some((first, Instant::now()));
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            let mut stream = reader.get_ref();
            if stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(answer.as_bytes()))
                .is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, method: &str, path: &str, key: &str, body: &[u8]) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        state.seen.push(format!("{method} {path}"));
        let refused =
            format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {key}\"}}}}");
        if let Some(status) = state.fail.pop() {
            return (status, refused);
        }
        if path == "/v1/models" {
            let known = key == ADMIN || state.keys.values().any(|(value, _)| value == key);
            return if known { (200, "{\"data\":[]}".into()) } else { (401, refused) };
        }
        if (method, path) == ("POST", "/v1/revoke") {
            let before = state.keys.len();
            state.keys.retain(|_, (value, _)| value != key);
            let gone = state.keys.len() < before;
            return if gone { (200, "{\"revoked\":true}".into()) } else { (401, refused) };
        }
        if key != ADMIN {
            return (401, refused);
        }
        match method {
            "POST" => {
                let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
                state.made += 1;
                let (id, value) = (
                    format!("made_{}", state.made),
                    format!("sk-made-{:04}-Xy9Xy9Xy9", state.made),
                );
                let name = asked["name"].as_str().unwrap().to_owned();
                state.keys.insert(id.clone(), (value.clone(), name.clone()));
                let key = serde_json::json!({"id": format!("key_{id}"), "value": value, "name": name, "created_at": 1});
                (
                    200,
                    serde_json::json!({"id": id, "name": name, "role": "member", "api_key": key})
                        .to_string(),
                )
            }
            "DELETE" => match state.keys.remove(path.rsplit('/').next().unwrap()) {
                Some(_) => (200, "{\"deleted\":true}".into()),
                None => (404, refused),
            },
            _ => {
                let row = |(id, (value, name)): (&String, &(String, String))| {
                    let hint = format!("{}...{}", &value[..8], &value[value.len() - 4..]);
                    serde_json::json!({"id": format!("key_{id}"), "redacted_value": hint, "name": name, "created_at": 1,
                        "owner": {"type": "service_account", "service_account": {"id": id, "name": name, "created_at": 1}}})
                };
                let rows: Vec<_> = state.keys.iter().map(row).collect();
                (
                    200,
                    serde_json::json!({"data": rows, "has_more": false, "last_id": null})
                        .to_string(),
                )
            }
        }
    }
}
