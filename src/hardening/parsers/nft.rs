//! nftables rulesets: what `nft list ruleset` prints and `/etc/nftables.conf` has.

use super::iptables::{Opening, Policy, Rules};

/// Reads the base chains of filters. Several chains of one hook: one that denies is enough.
pub fn parse(text: &str) -> Rules {
    let mut rules = Rules::default();
    let (mut hook, mut in_chain, mut denies) = (None::<&str>, false, false);
    let statements = statements(text);
    for statement in &statements {
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
            ["drop" | "reject", ..] | ["counter", .., "drop"] if hook.is_some() => denies = true,
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
            // A block begins after `table …` and `chain …`; all other braces hold a set.
            '{' => {
                let begins = word.trim_start();
                let names = ["table", "chain", "set", "map", "flowtable", "counter", "ct"];
                if !in_set
                    && names.iter().any(|name| begins.starts_with(name))
                    && !begins.contains("dport")
                {
                    flush(&mut word, &mut all);
                } else {
                    in_set = true;
                    word.push(' ');
                }
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
    let from_lo = after("iif")
        .or_else(|| after("iifname"))
        .is_some_and(|name| name.trim_matches('"') == "lo");
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
        from: after("saddr").map(str::to_owned),
        comment: after("comment")
            .map(|_| words.join(" ").split('"').nth(1).unwrap_or_default().to_owned())
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
