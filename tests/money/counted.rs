//! What counts for whom, and once: counters within an hour, keys of a project, keys of one account.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use clawvault_core::domain::Decimal;
use serde_json::json;

use super::World;
use super::figures::{DAY, now_s};
use super::http::Server;

/// A counter and a balance that are read several times within an hour: nothing of what moved is lost,
/// and what is told again is not counted again.
#[test]
fn what_moves_within_an_hour_is_counted_to_the_last_digit() {
    let at = Arc::new(Mutex::new(("4800", "110.05")));
    let of_server = Arc::clone(&at);
    let server = Server::start(move |asked| {
        let (count, left) = *of_server.lock().unwrap();
        let body = match asked.target.as_str() {
            "/v1/user/subscription" => format!(r#"{{"character_count":{count}}}"#),
            _ => format!(r#"{{"balance_infos":[{{"currency":"USD","total_balance":"{left}"}}]}}"#),
        };
        (200, body)
    });
    let world = World::new();
    world.set("elevenlabs/main", "key-e");
    world.set("deepseek/main", "key-d");
    let url = server.url();
    world.policy(&format!(
        "[vendors.elevenlabs]\nbase_url = \"{url}\"\n[vendors.deepseek]\nbase_url = \"{url}\"\n"
    ));
    // Spent, told again, paid in, spent, begun anew.
    let steps = [
        ("4800", "110.05"),
        ("4812", "110.0499999999"),
        ("4812", "110.0499999999"),
        ("4900", "210.04"),
        ("7", "209.54"),
        ("9", "209.54"),
    ];
    for step in steps {
        *at.lock().unwrap() = step;
        world.good(&["spend", "--refresh"]);
    }
    let told = world.json(&["spend", "--json"]);
    let spent = |subject: &str| {
        let mut all = told["figures"].as_array().unwrap().iter();
        let one = all.find(|one| one["subject"] == subject).unwrap();
        (one["spent"].as_str().unwrap().to_owned(), one["left"].as_str().map(str::to_owned))
    };
    assert_eq!(spent("vendor elevenlabs"), ("109".to_owned(), None), "{told}");
    let left = Some("209.54".to_owned());
    assert_eq!(spent("vendor deepseek"), ("0.5000000001".to_owned(), left), "{told}");
    // What was before the first reading nobody knows, and that is said.
    let hour = jiff::Timestamp::now().strftime("%d %H").to_string();
    for figure in told["figures"].as_array().unwrap() {
        assert!(figure["since"].is_string() || hour == "01 00", "{figure}");
    }
}

/// A counter that tells when it begins anew is known from its beginning on: the first reading counts,
/// over all the days that it is of.
#[test]
fn a_counter_counts_from_its_own_beginning() {
    let server = Server::start(|_| {
        let anew = now_s() + 20 * DAY;
        (200, format!(r#"{{"character_count":4812,"next_character_count_reset_unix":{anew}}}"#))
    });
    let world = World::new();
    world.set("elevenlabs/main", "key-e");
    world.policy(&format!(
        "[vendors.elevenlabs]\nbase_url = \"{}\"\n\
         limits = [{{ per = \"hour\", amount = \"1000 characters\" }}]\n",
        server.url()
    ));
    for _ in 0..2 {
        world.good(&["spend", "--refresh"]);
        let told = world.json(&["spend", "--json"]);
        let figure = &told["figures"][0];
        let days = figure["days"].as_array().unwrap().iter();
        let days = days.map(|day| Decimal::parse(day.as_str().unwrap()).unwrap());
        let days: Vec<Decimal> = days.filter(|day| *day > Decimal::ZERO).collect();
        assert!((9..13).contains(&days.len()), "{figure}");
        assert_eq!(Decimal::sum(days).unwrap().to_string(), "4812", "{figure}");
        // This hour has its share, and no more: its limit is not passed.
        assert!(figure["percent"].as_u64().unwrap() < 5, "{figure}");
        assert!(figure["since"].is_null(), "{figure}");
    }
}

/// A limit that nobody can measure stops nothing: on an hour, where costs are told by the day. Nor does
/// one on a single key stop the other.
#[test]
fn a_vendor_with_a_key_that_nothing_stops_is_named() {
    let server = Server::start(|asked| {
        let today = now_s() / DAY * DAY;
        let costs = format!(
            r#"{{"data":[{{"start_time":{today},"results":[{{"object":"organization.costs.result","project_id":"proj_1","api_key_id":null,"amount":{{"value":3,"currency":"usd"}}}}]}}],"has_more":false}}"#
        );
        match asked.target.starts_with("/organization/costs") {
            true => (200, costs),
            false => (200, r#"{"data":[],"has_more":false}"#.to_owned()),
        }
    });
    let world = World::new();
    world.set("openai/main", "sk-main");
    world.set("openai/admin", "admin-key");
    let told = |limits: &str| {
        world.policy(&format!(
            "[vendors.openai]\nbase_url = \"{}\"\n[secrets.\"openai/*\"]\nadmin = \"openai/admin\"\n\
             params = {{ project = \"proj_1\" }}\n[secrets.\"openai/main\"]\nlimits = [{limits}]\n",
            server.url()
        ));
        world.json(&["spend", "--json"])
    };
    let day = "{ per = \"day\", amount = \"5 USD\" }";
    let hour = "{ per = \"hour\", amount = \"1 USD\" }";
    told(hour);
    world.good(&["spend", "--due"]);
    let by_hour = told(hour);
    let figure = &by_hour["figures"][0];
    assert_eq!(figure["unmeasured"], "told by the day only", "{by_hour}");
    assert_eq!((&figure["spent"], &figure["percent"]), (&json!(null), &json!(null)));
    assert_eq!(by_hour["unlimited"], json!(["openai"]));
    let by_day = told(&format!("{day}, {hour}"));
    assert_eq!((&by_day["figures"][0]["spent"], &by_day["unlimited"]), (&json!("3"), &json!([])));
    world.set("openai/second", "sk-second");
    assert_eq!(told(day)["unlimited"], json!(["openai"]));
    world.good(&["rm", "openai/second", "--yes"]);
    assert_eq!(told(day)["unlimited"], json!([]));
}

/// What is older than thirteen months is not kept, however seldom a vendor is read; nor is it news each
/// time that it is told again.
#[test]
fn figures_are_kept_for_thirteen_months() {
    let server = Server::start(|asked| {
        let day = |age: i64| {
            let start = now_s() / DAY * DAY - age * DAY;
            json!({ "start_time": start, "results": [{ "object": "organization.costs.result",
                "project_id": "proj_1", "api_key_id": null,
                "amount": { "value": 3, "currency": "usd" } }] })
        };
        let days = match asked.target.starts_with("/organization/costs") {
            true => [900, 410, 396, 300, 0].map(day).to_vec(),
            false => Vec::new(),
        };
        (200, json!({ "data": days, "has_more": false }).to_string())
    });
    let world = World::new();
    world.set("openai/main", "sk-main");
    world.set("openai/admin", "admin-key");
    world.policy(&format!(
        "[vendors.openai]\nbase_url = \"{}\"\n[secrets.\"openai/*\"]\nadmin = \"openai/admin\"\n\
         params = {{ project = \"proj_1\" }}\n",
        server.url()
    ));
    for new in [3, 0] {
        let said = world.say(&["spend", "--refresh"]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(&format!(" {new} new figures")), "{new}: {said}");
    }
}

/// OpenAI's costs name keys; a rotation learns service accounts. The list of keys says whose each is,
/// also after it was deleted; a key of nobody counts for every secret of its project.
#[test]
fn costs_of_openai_are_told_by_key() {
    let gone = Arc::new(AtomicBool::new(false));
    let of_server = Arc::clone(&gone);
    let made = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap();
        let owned = |key: &str, account: &str| serde_json::json!({ "id": key, "owner": { "type": "service_account", "service_account": { "id": account } } });
        let answer = match (asked.method.as_str(), path) {
            ("GET", "/organization/costs") => {
                let day = now_s() / DAY * DAY;
                let row = |key: Option<&str>, value: &str| {
                    let value: serde_json::Value = serde_json::from_str(value).unwrap();
                    serde_json::json!({ "object": "organization.costs.result", "project_id": "proj_1",
                        "api_key_id": key, "amount": { "value": value, "currency": "usd" } })
                };
                let rows = [
                    row(Some("key_one"), "1.5"),
                    row(Some("key_two"), "20"),
                    row(Some("key_of_a_person"), "0.25"),
                    row(None, "0.125"),
                ];
                let bucket = serde_json::json!({ "start_time": day, "results": rows });
                serde_json::json!({ "data": [bucket], "has_more": false })
            }
            ("GET", "/organization/projects/proj_1/api_keys") => {
                assert_eq!(asked.query("owner_project_access").as_deref(), Some("any"));
                let all = match (of_server.load(Ordering::SeqCst), asked.query("after")) {
                    (true, _) => vec![],
                    (false, None) => vec![
                        owned("key_one", "account-1"),
                        serde_json::json!({ "id": "key_of_a_person", "owner": { "type": "user" } }),
                    ],
                    (false, Some(_)) => vec![owned("key_two", "account-2")],
                };
                let more = all.len() == 2;
                serde_json::json!({ "data": all, "has_more": more, "last_id": "key_of_a_person" })
            }
            ("POST", "/organization/projects/proj_1/service_accounts") => {
                let nth = made.fetch_add(1, Ordering::SeqCst) + 1;
                serde_json::json!({ "id": format!("account-{nth}"), "api_key": { "value": format!("value-{nth}") } })
            }
            _ => serde_json::json!({ "data": [] }),
        };
        (200, answer.to_string())
    });
    let world = World::new();
    world.set("openai/admin", "admin-key");
    let limits = r#"limits = [{ per = "month", amount = "10 USD" }]"#;
    let rule = |name: &str| {
        format!(
            "[secrets.\"{name}\"]\nvendor = \"openai\"\nadmin = \"openai/admin\"\nparams = {{ project = \"proj_1\" }}\n{limits}\n"
        )
    };
    for name in ["openai/main", "openai/other"] {
        world.give(&["set", name, "--vendor", "openai"], &format!("made-by-hand-{name}"));
    }
    world.policy(&format!(
        "[vendors.openai]\nbase_url = \"{}\"\n{}{}",
        server.url(),
        rule("openai/main").replace("vendor = \"openai\"\n", ""),
        rule("openai/other").replace("vendor = \"openai\"\n", "")
    ));
    let spent = |name: &str| {
        let told = world.json(&["spend", "--json"]);
        let all = told["figures"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["subject"] == name).unwrap();
        one["spent"].as_str().unwrap().to_owned()
    };
    // Before a rotation nobody knows which key is whose: the whole project counts, and that is said.
    world.code(&["spend", "--refresh"]);
    assert_eq!(spent("openai/main"), "21.875");
    let (_, err) = world.code(&["spend"]);
    assert!(err.contains("all of project proj_1 counts for it"), "{err}");
    world.good(&["rotate", "openai/main"]);
    world.good(&["rotate", "openai/other"]);
    for deleted in [false, true] {
        gone.store(deleted, Ordering::SeqCst);
        world.code(&["spend", "--refresh"]);
        // Its own key, that of a person and what is on no key.
        assert_eq!(spent("openai/main"), "1.875");
        assert_eq!(spent("openai/other"), "20.375");
        assert_eq!(spent("vendor openai"), "21.875");
    }
}

/// Vendors that tell each key the figures of its whole account: keys of one account count once, those of
/// another one besides.
#[test]
fn keys_of_one_account_are_counted_once() {
    let step = Arc::new(AtomicUsize::new(0));
    let of_server = Arc::clone(&step);
    let server = Server::start(move |asked| {
        let second = of_server.load(Ordering::SeqCst) == 1;
        let left = match (asked.header("authorization").unwrap(), second) {
            ("Bearer key-of-another", false) => "50",
            ("Bearer key-of-another", true) => "49.5",
            (_, false) => "110.05",
            (_, true) => "107.05",
        };
        (200, format!(r#"{{"balance_infos":[{{"currency":"USD","total_balance":"{left}"}}]}}"#))
    });
    let world = World::new();
    for (name, value) in [("main", "key-a"), ("second", "key-b"), ("third", "key-of-another")] {
        world.give(&["set", &format!("deepseek/{name}")], value);
    }
    world.policy(&format!("[vendors.deepseek]\nbase_url = \"{}\"\n", server.url()));
    let told = || {
        let told = world.json(&["spend", "--json"]);
        let one = told["figures"][0].clone();
        (one["spent"].as_str().unwrap().to_owned(), one["left"].as_str().unwrap().to_owned())
    };
    world.good(&["spend", "--refresh"]);
    assert_eq!(told(), ("0".to_owned(), "160.05".to_owned()));
    step.store(1, Ordering::SeqCst);
    world.good(&["spend", "--refresh"]);
    assert_eq!(told(), ("3.5".to_owned(), "156.55".to_owned()));
}
