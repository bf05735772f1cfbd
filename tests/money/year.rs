//! Hourly figures of 200 keys: how large the ledger is, how long `spend` takes, at their real size.

use std::time::{Duration, Instant};

use super::World;
use super::http::Server;

const KEYS: i64 = 200;
const PAGE: i64 = 1000;
const ACCOUNTS: u64 = 4;

/// Hourly costs of all keys, 1000 rows a page, as many as a stretch has.
fn costs(asked: &super::http::Asked) -> (u16, String) {
    let hour = |name: &str| {
        let at: jiff::Timestamp = asked.query(name).unwrap().parse().unwrap();
        at.as_second() / 3600
    };
    let (from, to) = (hour("starting_at"), hour("ending_at"));
    let page: i64 = asked.query("page").map_or(0, |page| page.parse().unwrap());
    let all = (to - from) * KEYS;
    let rows = (page * PAGE..((page + 1) * PAGE).min(all)).map(|at| {
        let (hour, key) = (from + at / KEYS, at % KEYS);
        let start = jiff::Timestamp::from_second(hour * 3600).unwrap();
        let amount = (hour * 7919 + key * 104_729) % 9_999_991;
        format!(
            r#"{{"starting_at":"{start}","ending_at":"{start}","group":{{"api_key_id":"apikey_{key}"}},"cost":{{"amount":"{}.{:04}","currency":"USD"}}}}"#,
            amount / 10_000, amount % 10_000
        )
    });
    let rows: Vec<String> = rows.collect();
    let more = (page + 1) * PAGE < all;
    let next = if more { format!("\"{}\"", page + 1) } else { "null".to_owned() };
    (200, format!(r#"{{"data":[{}],"has_more":{more},"next_page":{next}}}"#, rows.join(",")))
}

#[test]
fn a_year_of_hourly_figures_is_small_and_shown_at_once() {
    let server = Server::start(costs);
    let world = World::new();
    let secrets: Vec<String> = (0..KEYS).map(|key| format!("K{key}=value-{key}\n")).collect();
    std::fs::write(world.path("keys.env"), secrets.concat()).unwrap();
    world.good(&["import", "keys.env"]);
    let policy = |accounts: u64| {
        let one = |account| {
            format!(
                "[secrets.\"anthropic/main{account}\"]\nadmin = \"anthropic/admin{account}\"\n\
                 params = {{ key_id = \"apikey_7\" }}\n"
            )
        };
        let secrets: String = (0..accounts).map(one).collect();
        format!(
            "[vendors.anthropic]\nbase_url = \"{}\"\n\
             limits = [{{ per = \"month\", amount = \"9000000 USD\" }}]\n{secrets}",
            server.url()
        )
    };
    for account in 0..ACCOUNTS {
        world.set(&format!("anthropic/admin{account}"), &format!("admin-{account}"));
        world.set(&format!("anthropic/main{account}"), &format!("key-{account}"));
    }
    let store = || std::fs::metadata(world.path("home").join("store.redb")).unwrap().len();
    let before = store();
    world.policy(&policy(1));
    world.good(&["spend", "--due"]);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        world.say(&["spend"]);
        best = best.min(start.elapsed());
    }
    // A vendor is asked for 90 days at first: four accounts of 200 keys are as much as a year of one.
    world.policy(&policy(ACCOUNTS));
    world.good(&["spend", "--due"]);
    let year = store() - before;
    println!("{ACCOUNTS} times 90 days of hours of 200 keys: {year} bytes; spend {best:?}");
    // Four quarters are five days less than a year.
    assert!(year / 360 * 365 < 20_000_000, "{year} bytes");
    if !cfg!(debug_assertions) {
        assert!(best < Duration::from_millis(50), "{best:?}");
    }
}
