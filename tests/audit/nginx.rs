//! A real nginx, asked over the network as any client would: with a good certificate, and with an
//! expired and weak one, old versions of TLS and ciphers without a secret.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::skip_without;

const GOOD: &str = "
worker_processes 1; pid DIR/nginx.pid; error_log DIR/error.log;
events {}
http {
    access_log off;
    server { listen 80; server_name gw.example.test; return 301 https://$host$request_uri; }
    server {
        listen 443 ssl; server_name gw.example.test;
        ssl_certificate DIR/chain.pem; ssl_certificate_key DIR/leaf.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
        add_header Strict-Transport-Security \"max-age=31536000\" always;
        location / { return 200 ok; }
    }
}";
const CARELESS: &str = "
worker_processes 1; pid DIR/nginx.pid; error_log DIR/error.log;
events {}
http {
    access_log off;
    server { listen 80; server_name gw.example.test; location / { return 200 ok; } }
    server {
        listen 443 ssl; server_name gw.example.test;
        ssl_certificate DIR/leaf.pem; ssl_certificate_key DIR/leaf.key;
        # Nothing of this says by its words what it takes.
        ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
        ssl_ciphers ALL:aNULL:eNULL:@SECLEVEL=0;
        location / { return 200 ok; }
    }
}";

fn shell(folder: &Path, script: &str) {
    let done = Command::new("sh").arg("-ec").arg(script).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// An authority, and a certificate by it.
fn certificates(folder: &Path, key: &str, digest: &str, begins: &str, ends: &str) {
    fs::write(
        folder.join("ca.cnf"),
        "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nnew_certs_dir = .\nserial = serial\npolicy = p\n\
         x509_extensions = x\nunique_subject = no\n[p]\ncommonName = supplied\n[x]\nsubjectAltName = DNS:gw.example.test\n",
    )
    .unwrap();
    shell(
        folder,
        &format!(
            ": > index.txt; echo 77 > serial; \
             openssl req -x509 -newkey {key} -nodes -keyout ca.key -out ca.pem -subj '/CN=Test Authority' -days 3650 -{digest}; \
             openssl req -newkey {key} -nodes -keyout leaf.key -out leaf.csr -subj /CN=gw.example.test; \
             openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -md {digest} -in leaf.csr -out leaf.pem \
             -startdate {begins} -enddate {ends} -notext; cat leaf.pem ca.pem > chain.pem"
        ),
    );
}

/// The checks of the network, as they end beside a running nginx, in a network of its own.
fn beside_nginx(folder: &Path, config: &str) -> Option<Vec<Value>> {
    let config = config.replace("DIR", &folder.display().to_string());
    fs::create_dir_all(folder.join("etc")).unwrap();
    fs::write(folder.join("etc/nginx.conf"), config).unwrap();
    let script = format!(
        "mount --bind {0}/etc /etc/nginx; \
         python3 -c 'import fcntl,socket,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh\", b\"lo\", 1))'; \
         nginx -c /etc/nginx/nginx.conf -g 'daemon off;' >&2 & \
         for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s {0}/nginx.pid ] && break; sleep 0.2; done; \
         {1} audit --only network --no-openclaw --json || true; kill $!; wait",
        folder.display(),
        env!("CARGO_BIN_EXE_clawvault")
    );
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--", "sh", "-ec", &script])
        .env("CLAWVAULT_HOME", folder.join("vault"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("Operation not permitted") {
        println!("SKIP: no network of our own: {errors}");
        return None;
    }
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    Some(document["checks"].as_array().unwrap().clone())
}

#[track_caller]
fn assert_ends(checks: &[Value], id: &str, status: &str, evidence: &str) {
    let check = checks.iter().find(|check| check["id"] == id).unwrap();
    assert_eq!(check["status"], status, "{check:#}");
    assert!(check["evidence"].as_str().unwrap().contains(evidence), "{check:#}");
}

#[test]
fn a_good_server_passes_by_its_own_answers() {
    if skip_without("/usr/sbin/nginx") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let key = "ec -pkeyopt ec_paramgen_curve:P-256";
    certificates(home.path(), key, "sha256", "20260101000000Z", "20991231000000Z");
    let Some(checks) = beside_nginx(home.path(), GOOD) else { return };
    for id in ["listeners", "chain", "expiry", "key", "versions", "ciphers"] {
        assert_ends(&checks, &format!("network.tls.{id}"), "pass", "");
    }
    assert_ends(&checks, "network.tls.versions", "pass", "1 sites, 1 listeners asked");
    // The file, and what was shown over the network.
    assert_ends(&checks, "network.tls.chain", "pass", "2 chains");
    assert_ends(&checks, "network.http.redirect", "pass", "");
    assert_ends(&checks, "network.http.hsts", "pass", "");
    assert_ends(&checks, "network.tls.renewal", "fail", "neither a timer");
}

#[test]
fn an_expired_and_weak_server_is_found_out_by_its_own_answers() {
    if skip_without("/usr/sbin/nginx") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    certificates(home.path(), "rsa:1024", "sha1", "20230101000000Z", "20240101000000Z");
    let Some(checks) = beside_nginx(home.path(), CARELESS) else { return };
    assert_ends(&checks, "network.tls.expiry", "fail", "0.0.0.0:443: gw.example.test ended");
    assert_ends(
        &checks,
        "network.tls.key",
        "fail",
        "0.0.0.0:443: gw.example.test has a key Rsa(1024)",
    );
    assert_ends(&checks, "network.tls.chain", "fail", "0.0.0.0:443: the certificate that signed");
    assert_ends(&checks, "network.tls.versions", "fail", "on 0.0.0.0:443 takes TLS 1.0, TLS 1.1");
    assert_ends(&checks, "network.tls.ciphers", "fail", "on 0.0.0.0:443 takes cipher 0x");
    assert_ends(&checks, "network.tls.listeners", "fail", "on 0.0.0.0:80 speaks HTTP in clear");
    assert_ends(&checks, "network.http.redirect", "fail", "on 0.0.0.0:80 answers HTTP/1.1 200 OK");
    assert_ends(&checks, "network.http.hsts", "fail", "sends none");
}
