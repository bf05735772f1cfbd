//! A manifest of the user's own tells of money as a built-in one does.

use super::World;
use super::http::Server;

const POLICY: &str = r#"
[manifests.acme]
id = "acme"
name = "Acme"

[[manifests.acme.variables]]
variable = "ACME_KEY"
secret = "acme/main"

[manifests.acme.money.api]
base_url = "https://billing.acme.example"

[manifests.acme.money.spend]
by = "key"

[[manifests.acme.money.spend.reads]]
call = { request = "GET /spent?from={taken.from_date}", auth = "key" }
amount = "$.cents"
unit = "USD"
power = -2
flow = "monthly"

[manifests.acme.money.cap]
of = "account"
unit = "USD"
call = { request = "PUT /cap", json = { dollars = "{taken.amount:number}" } }

[secrets."acme/main"]
admin = "acme/admin"
"#;

#[test]
fn a_manifest_of_ones_own_tells_what_was_spent_and_sets_the_cap() {
    let server = Server::start(|asked| {
        match (asked.method.as_str(), asked.target.split('?').next(), asked.header("authorization"))
        {
            ("GET", Some("/spent"), Some("Bearer key-of-acme")) => {
                (200, r#"{"cents": 1234.5}"#.to_owned())
            }
            ("PUT", Some("/cap"), Some("Bearer admin-of-acme")) => (200, "{}".to_owned()),
            _ => (401, "{}".to_owned()),
        }
    });
    let world = World::new();
    world.set("acme/main", "key-of-acme");
    world.set("acme/admin", "admin-of-acme");
    let policy = format!("{POLICY}\n[vendors.acme]\nbase_url = \"{}\"\n", server.url());
    std::fs::write(world.path("policy.toml"), &policy).unwrap();
    // Its host for money is one that keys go to: it is named like any other.
    let (code, said) = world.code(&["policy", "apply", "policy.toml", "--yes"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--trust-host billing.acme.example"), "{said}");
    let trust = ["--trust-host", "billing.acme.example"];
    world.good(&[&["policy", "apply", "policy.toml", "--yes"][..], &trust].concat());

    world.good(&["spend", "--due"]);
    let told = world.json(&["spend", "acme/main", "--json"]);
    let figure = &told["figures"][0];
    assert_eq!((&figure["spent"], &figure["unit"]), (&"12.345".into(), &"USD".into()), "{told}");
    world.good(&["spend", "cap", "acme", "50 USD"]);
    let asked = server.asked();
    let cap = asked.iter().find(|one| one.method == "PUT").unwrap();
    assert_eq!(cap.body, r#"{"dollars":50}"#);

    // What such a manifest may not say is refused when it is looked at.
    let (manifest, _) = POLICY.split_once("[secrets.").unwrap();
    let manifest = manifest.replace("[manifests.acme]\n", "").replace("manifests.acme.", "");
    let check = |text: &str| {
        std::fs::write(world.path("acme.toml"), text).unwrap();
        world.code(&["providers", "check", "acme.toml"])
    };
    assert_eq!(check(&manifest).0, 0, "{}", check(&manifest).1);
    for (from, to) in [
        ("https://billing", "http://billing"),
        ("{taken.from_date}", "{taken.nothing}"),
        ("{taken.amount:number}", "{param.nothing}"),
    ] {
        let (code, said) = check(&manifest.replace(from, to));
        assert_eq!(code, 2, "{to}: {said}");
    }
}
