//! nftables rulesets: what `nft list ruleset` prints and `/etc/nftables.conf` has.

use std::collections::BTreeMap;

use super::iptables::{Opening, Policy, Rules};

/// Most characters of a defined value that are taken.
const MOST_VALUE: usize = 256;

/// Reads the base chains of filters. Several chains of one hook: one that denies is enough.
pub fn parse(text: &str) -> Rules {
    let mut rules = Rules::default();
    let (mut hook, mut in_chain, mut denies) = (None::<&str>, false, false);
    for statement in &with_names(statements(text)) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        match words.as_slice() {
            ["chain", ..] => (in_chain, hook, denies) = (true, None, false),
            ["}"] if in_chain => {
                if let Some(chain) = hook.filter(|_| denies).and_then(|at| chain(&mut rules, at)) {
                    *chain = Some(Policy::Deny);
                }
                in_chain = false;
            }
            ["type", kind, "hook", at, ..] if in_chain => {
                hook = (*kind == "filter").then_some(*at);
                if let Some(chain) = hook.and_then(|at| chain(&mut rules, at)) {
                    chain.get_or_insert(Policy::Accept);
                }
            }
            ["policy", policy] if in_chain => denies = *policy == "drop",
            ["drop" | "reject", ..] if hook.is_some() => denies = true,
            // Counted or logged first, and for whatever comes.
            ["counter" | "log", rest @ ..]
                if hook.is_some() && rest.iter().any(|word| ["drop", "reject"].contains(word)) =>
            {
                denies = true;
            }
            _ if hook == Some("input") => rules.open.extend(opening(&words)),
            _ => {}
        }
    }
    rules
}

fn chain<'r>(rules: &'r mut Rules, hook: &str) -> Option<&'r mut Option<Policy>> {
    match hook {
        "input" => Some(&mut rules.input),
        "output" => Some(&mut rules.output),
        _ => None,
    }
}

/// The files that `include` names, with their wildcards; a path without `/` is looked for in `/etc`.
pub fn included(text: &str) -> Vec<String> {
    let named = statements(text).into_iter().filter_map(|statement| {
        let rest = statement.strip_prefix("include")?.trim();
        Some(rest.trim_matches(['"', '\'']).trim_start_matches("./").to_owned())
    });
    let whole = |path: String| if path.starts_with('/') { path } else { format!("/etc/{path}") };
    named.map(whole).collect()
}

/// The statements with what `define NAME = VALUE` says in the place of `$NAME`.
fn with_names(statements: Vec<String>) -> Vec<String> {
    let mut names = BTreeMap::new();
    let mut all = Vec::with_capacity(statements.len());
    for statement in statements {
        let words = statement.split_whitespace().map(|word| {
            let value = word.strip_prefix('$').and_then(|name| names.get(name));
            value.map_or(word, String::as_str)
        });
        let told = words.collect::<Vec<_>>().join(" ");
        if let Some((name, value)) = told.strip_prefix("define ").and_then(|it| it.split_once('='))
        {
            // A value that grows by others' is bounded.
            let value: String = value.trim().chars().take(MOST_VALUE).collect();
            names.insert(name.trim().to_owned(), value);
        }
        all.push(told);
    }
    all
}

/// Whether a brace after these words begins a block; all other braces hold a set.
fn begins_block(words: &str) -> bool {
    let mut words = words.split_whitespace();
    match words.next() {
        Some("table" | "chain" | "set" | "map" | "flowtable") => true,
        Some("ct") => matches!(words.next(), Some("helper" | "timeout" | "expectation")),
        // `counter NAME {`, and no rule that counts.
        Some("counter" | "quota" | "limit" | "secmark" | "synproxy") => words.count() == 1,
        _ => false,
    }
}

/// Statements: lines, and what semicolons and the braces of blocks part; sets stay whole.
fn statements(text: &str) -> Vec<String> {
    let (mut all, mut word, mut in_set, mut quoted) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars();
    let flush = |word: &mut String, all: &mut Vec<String>| {
        let text = std::mem::take(word);
        let text = text.trim();
        if !text.is_empty() {
            all.push(text.to_owned());
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.push(c);
            }
            c if quoted => word.push(c),
            '#' => {
                for c in chars.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
                flush(&mut word, &mut all);
            }
            // The words of a block may stand on the line before.
            '{' if !in_set
                && word.trim().is_empty()
                && all.last().is_some_and(|it| begins_block(it)) => {}
            '{' if !in_set && begins_block(&word) => flush(&mut word, &mut all),
            '{' => {
                in_set = true;
                word.push(' ');
            }
            '}' if in_set => {
                in_set = false;
                word.push(' ');
            }
            '}' => {
                flush(&mut word, &mut all);
                all.push("}".to_owned());
            }
            ',' if in_set => word.push(','),
            c if in_set && c.is_whitespace() => {}
            '\n' | ';' => flush(&mut word, &mut all),
            c => word.push(c),
        }
    }
    flush(&mut word, &mut all);
    all
}

fn opening(words: &[&str]) -> Option<Opening> {
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    words.contains(&"accept").then_some(())?;
    let card = after("iif").or_else(|| after("iifname")).map(|name| name.trim_matches('"'));
    let from_lo = card == Some("lo");
    // What comes by a tunnel or a bridge does not come from anywhere.
    let inner = card.filter(|name| {
        !["e", "w", "!", "{", "$"].iter().any(|it| name.starts_with(it)) || name.starts_with("wg")
    });
    let known = words.contains(&"state") && !words.iter().any(|word| word.contains("new"));
    let other =
        ["icmp", "icmpv6", "igmp"].iter().any(|name| words.iter().any(|word| word.contains(name)));
    if from_lo || known || other {
        return None;
    }
    let at = words.iter().position(|word| *word == "dport");
    let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| words.get(at));
    Some(Opening {
        protocol: before.copied().unwrap_or("any").to_owned(),
        ports: after("dport").unwrap_or("any").replace('-', ":"),
        from: after("saddr").or(inner).map(str::to_owned),
        comment: after("comment")
            .map(|_| words.join(" ").split('"').nth(1).unwrap_or_default().to_owned())
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ways_to_write_a_chain_are_read() {
        let rules = parse(
            "define ssh = 22022\ntable inet gate\n{\n chain from-outside\n {\n\
             type filter hook input priority 0\n policy accept\n\
             ct state { established, related } accept\n tcp dport $ssh accept\n\
             log prefix \"no: \" counter drop\n }\n chain out { type filter hook output priority 0; }\n}\n",
        );
        assert_eq!((rules.input, rules.output), (Some(Policy::Deny), Some(Policy::Accept)));
        assert_eq!(rules.open.len(), 1);
        assert_eq!(rules.open[0].ports, "22022");
        let named = "include \"/etc/nftables/*.nft\"\n# include \"no\"\ninclude 'a.nft';";
        assert_eq!(included(named), ["/etc/nftables/*.nft", "/etc/a.nft"]);
    }

    #[test]
    fn base_chains_are_read() {
        let rules = parse(
            "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n chain input {\n\
             type filter hook input priority 0; policy drop;\n iif \"lo\" accept\n\
             ct state established,related accept\n tcp dport { 80, 443 } accept\n\
             ip saddr 10.0.0.0/8 tcp dport 22 accept comment \"temporary; ask\" # x\n }\n\
             chain output { type filter hook output priority 0; }\n chain other { tcp dport 1 accept }\n}\n",
        );
        assert_eq!((rules.input, rules.output), (Some(Policy::Deny), Some(Policy::Accept)));
        assert_eq!(rules.open.len(), 2);
        assert_eq!(rules.open[0].ports, "80,443");
        assert_eq!(rules.open[1].from.as_deref(), Some("10.0.0.0/8"));
        assert_eq!(rules.open[1].comment, "temporary; ask");
        assert_eq!(
            parse("table ip nat { chain input { type nat hook input priority 0; } }").input,
            None
        );
    }
}
