//! Passwords of a real Redis.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use clawvault_providers::adapter::{Adapter, Ask, Fields, Kind, Revoked};
use clawvault_providers::native::redis::Redis;

use crate::load::{Connect, Load, Worker};
use crate::server::{Server, find, home};
use crate::{ask, field, fields, is_dead, is_live, rotate, rotate_under_load, run};

const ADMIN: &str = "made-up-admin-password";
const FIRST: &str = "made-up-first-password";

fn start(has_file: bool) -> Server {
    let home = home();
    let acl = home.path().join("users.acl");
    let users = [
        format!("user default on >{ADMIN} ~* &* +@all"),
        format!("user app on >{FIRST} ~* &* +@read +@write +@connection"),
        format!("user self on >{FIRST} ~* &* +@all"),
    ];
    fs::write(&acl, users.join("\n") + "\n").unwrap();
    Server::start(home, |home, port| {
        let mut command = Command::new(find("redis-server", &[]));
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(home);
        if has_file {
            command.arg("--aclfile").arg(home.join("users.acl"));
        } else {
            command.args(["--requirepass", ADMIN]);
        }
        command
    })
}

fn key(user: &str, password: &str, port: u16) -> Fields {
    let port = port.to_string();
    fields(&[("user", user), ("password", password), ("host", "127.0.0.1"), ("port", &port)])
}

/// A client that counts.
fn clients() -> Connect {
    Arc::new(|key| {
        let mut connection = Connection::open(field(key, "port").parse().unwrap());
        let login = format!("AUTH {} {}", field(key, "user"), field(key, "password"));
        match connection.say(&login).as_str() {
            "+OK" => {}
            other => return Err(other.to_owned()),
        }
        let work = move || match connection.say("INCR n") {
            number if number.starts_with(':') => Ok(()),
            other => Err(other),
        };
        Ok(Box::new(work) as Worker)
    })
}

/// Commands in their inline form, as a person types them.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()))
    }

    fn say(&mut self, command: &str) -> String {
        let mut line = String::new();
        let said =
            write!(self.0.get_mut(), "{command}\r\n").and_then(|()| self.0.read_line(&mut line));
        said.map_or_else(|error| error.to_string(), |_| line.trim_end().to_owned())
    }
}

#[test]
fn two_passwords_are_valid_at_once_and_no_client_notices() {
    let server = start(true);
    let mut first = ask(key("app", FIRST, server.port), &[]);
    first.admin = Some(fields(&[("password", ADMIN)]));
    let load = Load::start(4, &first.key, &clients());
    let last = rotate_under_load(&Redis, first, load);
    // What was changed is in the file, and no password is.
    let users = fs::read_to_string(server.home.path().join("users.acl")).unwrap();
    let app = users.lines().find(|line| line.starts_with("user app ")).unwrap();
    assert_eq!(app.matches('#').count(), 1, "one password is left");
    assert!(!users.contains(field(&last.key, "password")));
}

#[test]
fn a_user_may_do_it_for_itself_and_a_lost_reply_is_settled() {
    let server = start(true);
    let first = ask(key("self", FIRST, server.port), &[]);
    let load = Load::start(1, &first.key, &clients());
    run(async {
        let last = rotate(&Redis, &first, "one", &load).await;
        // The reply is lost: an id shows up in the list that nobody knows.
        let lost = Redis.create(&last).await.unwrap();
        let listed = Redis.list(&last).await.unwrap();
        let known = last.key_id.clone().unwrap();
        let [orphan] = listed.iter().filter(|key| key.key_id != known).collect::<Vec<_>>()[..]
        else {
            panic!("{listed:?}");
        };
        let named = Ask { key_id: Some(orphan.key_id.clone()), ..last.clone() };
        assert_eq!(Redis.revoke(&named).await.unwrap(), Revoked::Done);
        assert!(is_dead(&Redis.validate(&Ask { key: lost.fields, ..last.clone() }).await.unwrap()));
        assert!(is_live(&Redis.validate(&last).await.unwrap()));
        // Who may not change passwords is told so.
        let mut weak = ask(key("app", FIRST, server.port), &[]);
        assert_eq!(Redis.create(&weak).await.unwrap_err().kind, Kind::Forbidden);
        weak.key = key("nobody", FIRST, server.port);
        assert!(is_dead(&Redis.validate(&weak).await.unwrap()));
    });
    assert_eq!(load.stop().1, 0);
}

#[test]
fn a_password_that_a_restart_would_forget_is_not_made() {
    let server = start(false);
    let mut first = ask(key("default", ADMIN, server.port), &[]);
    run(async {
        let error = Redis.create(&first).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotConfigured, "{error}");
        assert_eq!(Redis.list(&first).await.unwrap().len(), 1, "it was taken back");
        first.params.insert("persist".to_owned(), "no".to_owned());
        let load = Load::start(0, &first.key, &clients());
        rotate(&Redis, &first, "one", &load).await;
    });
}
