//! Roles of a real PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clawvault_providers::adapter::{Adapter, Ask, Fields, Kind, Revoked, Validity};
use clawvault_providers::native::postgres::Postgres;
use tokio_postgres::{Client, Config, NoTls};

use crate::load::{Connect, Load, Worker};
use crate::server::{Server, find, home, unprivileged};
use crate::{ask, field, fields, is_dead, is_live, orphaned, rotate, rotate_under_load, run};

pub(crate) const ADMIN: &str = "made-up-admin-password";
pub(crate) const FIRST: &str = "made-up-first-password";

pub(crate) fn start() -> Server {
    let home = home();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let bins: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    let password = home.path().join("password");
    fs::write(&password, ADMIN).unwrap();
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let made = unprivileged(&find("initdb", &bins))
        .args(["--no-sync", "--auth=scram-sha-256", "--username=admin", "--encoding=UTF8"])
        .arg("--pwfile")
        .arg(&password)
        .arg("--pgdata")
        .arg(home.path().join("data"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let server = Server::start(home, |home, port| {
        let mut command = unprivileged(&find("postgres", &bins));
        command.arg("-D").arg(home.join("data")).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "log_statement=all",
            "log_min_error_statement=debug5",
        ] {
            command.args(["-c", setting]);
        }
        command
    });
    let sql = format!(
        "CREATE ROLE owner; CREATE ROLE app_a LOGIN PASSWORD '{FIRST}' IN ROLE owner; \
         CREATE ROLE app_b IN ROLE owner; CREATE TABLE work (n serial); \
         GRANT ALL ON work, work_n_seq TO owner"
    );
    // It takes connections before it lets anybody in.
    run(async {
        for _ in 0..200 {
            if let Ok(client) = connect(&key("admin", ADMIN, server.port)).await {
                return client.batch_execute(&sql).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nobody is let in; {}", server.log());
    });
    server
}

pub(crate) fn key(user: &str, password: &str, port: u16) -> Fields {
    let port = port.to_string();
    fields(&[
        ("user", user),
        ("password", password),
        ("host", "127.0.0.1"),
        ("port", &port),
        ("database", "postgres"),
    ])
}

pub(crate) async fn connect(key: &Fields) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(field(key, "port").parse().unwrap()).dbname("postgres");
    config.user(field(key, "user")).password(field(key, "password"));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A client that adds a row.
fn clients() -> Connect {
    Arc::new(|key| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(connect(key)).map_err(|error| format!("{error:?}"))?;
        let work = move || {
            let insert = client.batch_execute("INSERT INTO work DEFAULT VALUES");
            runtime.block_on(insert).map_err(|error| format!("{error:?}"))
        };
        Ok(Box::new(work) as Worker)
    })
}

fn turns(port: u16) -> Ask {
    let mut ask = ask(key("app_a", FIRST, port), &[("roles", "app_a, app_b")]);
    ask.admin = Some(fields(&[("user", "admin"), ("password", ADMIN)]));
    ask
}

#[test]
fn two_roles_take_turns_and_no_client_notices() {
    let server = start();
    let first = turns(server.port);
    let load = Load::start(4, &first.key, &clients());
    let last = rotate_under_load(&Postgres, first, load);
    assert_eq!(field(&last.key, "user"), "app_a", "an even number of turns");
    // No statement held a password in clear: only those of this test's own preparation.
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("PASSWORD")).count();
    assert!(told > 200, "the server did not log statements: {told}");
    assert!(log.contains("SCRAM-SHA-256$4096:") && !log.contains(field(&last.key, "password")));
}

#[test]
fn what_stands_in_the_way_is_told_and_nothing_is_touched() {
    let server = start();
    let first = turns(server.port);
    run(async {
        let refused = async |ask: &Ask| Postgres.create(ask).await.unwrap_err();
        let with = |name: &str, text: &str| {
            let mut ask = first.clone();
            ask.params.insert(name.to_owned(), text.to_owned());
            ask
        };
        assert!(refused(&with("roles", "app_a, app_c")).await.detail.contains("does not exist"));
        assert!(
            refused(&with("roles", "app_c, app_d")).await.detail.contains("none of params.roles")
        );
        assert!(refused(&with("roles", "app_a, admin")).await.detail.contains("sessions"));
        let alone = Ask { admin: None, ..first.clone() };
        assert_eq!(refused(&alone).await.kind, Kind::NotConfigured);
        let wrong =
            Ask { admin: Some(fields(&[("user", "admin"), ("password", "x")])), ..first.clone() };
        assert_eq!(refused(&wrong).await.kind, Kind::Unauthorized);
        let weak = Ask { admin: Some(first.key.clone()), ..first.clone() };
        assert_eq!(refused(&weak).await.kind, Kind::Forbidden);
        let mut elsewhere = ask(key("app_a", FIRST, 1), &[]);
        assert_eq!(Postgres.validate(&elsewhere).await.unwrap_err().kind, Kind::Unreachable);
        elsewhere.key = key("app_a", FIRST, server.port);
        elsewhere.params.insert("tls".to_owned(), "verify-full".to_owned());
        let no_tls = Postgres.validate(&elsewhere).await.unwrap_err();
        assert!(!format!("{no_tls:?}").contains(FIRST), "{no_tls:?}");
        assert!(is_live(&Postgres.validate(&first).await.unwrap()));
    });
}

#[test]
fn a_lost_reply_is_settled_by_the_label_and_the_orphan_goes() {
    let server = start();
    let first = turns(server.port);
    run(async {
        let made = Postgres
            .create(&Ask { label: "rotation-7".to_owned(), ..first.clone() })
            .await
            .unwrap();
        // The reply is lost: all that is known is the old key, and the label.
        let listed = Postgres.list(&first).await.unwrap();
        let orphan = listed.iter().find(|key| key.name.as_deref() == Some("rotation-7")).unwrap();
        assert_eq!((orphan.key_id.as_str(), orphan.active), ("app_b", true));
        let named = orphaned(&first, &orphan.key_id);
        assert_eq!(Postgres.revoke(&named).await.unwrap(), Revoked::Done);
        let lost = Ask { key: made.fields, ..first.clone() };
        assert!(is_dead(&Postgres.validate(&lost).await.unwrap()));
        assert!(is_live(&Postgres.validate(&first).await.unwrap()));
    });
}

#[test]
fn one_role_changes_its_own_password_only_where_the_policy_allows_it() {
    let server = start();
    let mut first = ask(key("app_a", FIRST, server.port), &[]);
    run(async {
        assert_eq!(Postgres.create(&first).await.unwrap_err().kind, Kind::NotConfigured);
        first.no_overlap_allowed = true;
        let made = Postgres.create(&first).await.unwrap();
        let new = Ask { key: made.fields, ..first.clone() };
        assert!(is_dead(&Postgres.validate(&first).await.unwrap()));
        // The old key is gone; to revoke it must not touch the role, which the new one has.
        assert_eq!(Postgres.revoke(&first).await.unwrap(), Revoked::Done);
        assert!(is_live(&Postgres.validate(&new).await.unwrap()));
        assert_eq!(Postgres.revoke(&new).await.unwrap(), Revoked::Done);
        let found = Postgres.validate(&new).await.unwrap();
        assert_eq!(found, Validity::Dead("SQLSTATE 28P01".to_owned()));
    });
}

#[test]
fn a_url_is_rotated_as_a_url() {
    let server = start();
    let url =
        format!("postgresql://app_a:{FIRST}@127.0.0.1:{}/postgres?application_name=x", server.port);
    let mut first = ask(fields(&[("value", &url)]), &[("roles", "app_a, app_b")]);
    first.admin = Some(fields(&[("user", "admin"), ("password", ADMIN), ("database", "postgres")]));
    let load = Load::start(0, &first.key, &clients());
    let last = run(rotate(&Postgres, &first, "one", &load));
    let told = field(&last.key, "value");
    assert!(
        told.starts_with("postgresql://app_b:") && told.ends_with("/postgres?application_name=x")
    );
}
