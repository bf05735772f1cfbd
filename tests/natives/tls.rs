//! TLS to a real PostgreSQL and a real Redis, whose certificate is of an authority that only the policy
//! names: that one is trusted, no other one is, and nothing goes over less than what was asked for.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clawvault_providers::adapter::{Adapter, Ask, Kind, Validity, VendorError};
use clawvault_providers::native::postgres::Postgres;
use clawvault_providers::native::redis::Redis;

use crate::server::{Server, find, home};
use crate::{ask, fields, is_live, postgres, run};

const PASSWORD: &str = "made-up-redis-password";

/// An authority, and a certificate of it for 127.0.0.1; another authority, which made none.
fn certificates(dir: &Path) {
    let script = "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        for ca in ca other; do
            $new -x509 -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca \
                -addext basicConstraints=critical,CA:TRUE
        done
        $new -keyout server.key -out server.csr -subj /CN=localhost
        printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile ext -out server.pem";
    let made = Command::new("sh").args(["-ec", script]).current_dir(dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let owner = fs::metadata(dir).unwrap();
    use std::os::unix::fs::MetadataExt;
    for name in ["server.key", "server.pem", "ca.pem"] {
        let file = dir.join(name);
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

/// What is true of either server: `sealed` is a URL that asks for TLS.
async fn holds(adapter: &dyn Adapter, dir: &Path, sealed: &str) {
    let path = |name: &str| -> PathBuf { dir.join(name) };
    let asked = |params: &[(&str, &str)]| ask(fields(&[("url", sealed)]), params);
    let validate = async |params: &[(&str, &str)]| -> Result<Validity, VendorError> {
        let asked: Ask = asked(params);
        adapter.validate(&asked).await
    };
    let (own, other) = (path("ca.pem"), path("other.pem"));
    let (own, other) = (own.to_str().unwrap(), other.to_str().unwrap());
    for tls in [&[][..], &[("tls", "verify-full")]] {
        let with = |ca| [&[("ca_file", ca)], tls].concat();
        assert!(is_live(&validate(&with(own)).await.unwrap()), "{tls:?}");
        // The URL alone asks for TLS to this machine: without it, this would be let in.
        let wrong = validate(&with(other)).await.unwrap_err();
        assert_eq!(wrong.kind, Kind::Tls, "{tls:?}: {wrong:?}");
        let unknown = validate(tls).await.unwrap_err();
        assert_eq!(unknown.kind, Kind::Tls, "{tls:?}: {unknown:?}");
    }
    let less = validate(&[("ca_file", own), ("tls", "disable")]).await.unwrap_err();
    assert_eq!(less.kind, Kind::NotConfigured, "{less:?}");
    let none = validate(&[("ca_file", "/nonexistent/ca.pem")]).await.unwrap_err();
    assert_eq!(none.kind, Kind::NotConfigured, "{none:?}");
}

#[test]
fn postgres_is_trusted_by_the_named_authority_alone() {
    let server = postgres::start();
    let dir = server.home.path();
    certificates(dir);
    run(async {
        let admin = postgres::key("admin", postgres::ADMIN, server.port);
        let client = postgres::connect(&admin).await.unwrap();
        for (name, value) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key")] {
            let set = format!("ALTER SYSTEM SET {name} = '{}'", dir.join(value).display());
            client.batch_execute(&set).await.unwrap();
        }
        client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // It is let in without TLS as well: what is refused below, we refuse.
        let url = |mode: &str| {
            format!(
                "postgres://app_a:{}@127.0.0.1:{}/postgres?sslmode={mode}",
                postgres::FIRST,
                server.port
            )
        };
        let ca = dir.join("ca.pem");
        let sealed = ask(fields(&[("url", &url("require"))]), &[("ca_file", ca.to_str().unwrap())]);
        // The setting comes into force a moment after it was asked for.
        for _ in 0..200 {
            if Postgres.validate(&sealed).await.is_ok_and(|told| is_live(&told)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for mode in ["require", "verify-full"] {
            holds(&Postgres, dir, &url(mode)).await;
        }
    });
}

#[test]
fn redis_is_trusted_by_the_named_authority_alone() {
    let home = home();
    certificates(home.path());
    let server = Server::start(home, |home, port| {
        let mut command = Command::new(find("redis-server", &[]));
        command.args(["--port", "0", "--tls-port", &port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--tls-auth-clients", "no", "--requirepass", PASSWORD]);
        command.arg("--dir").arg(home).arg("--tls-cert-file").arg(home.join("server.pem"));
        command.arg("--tls-key-file").arg(home.join("server.key"));
        command.arg("--tls-ca-cert-file").arg(home.join("ca.pem"));
        command
    });
    let url = format!("rediss://default:{PASSWORD}@127.0.0.1:{}", server.port);
    run(holds(&Redis, server.home.path(), &url));
}
