//! What `iptables-save` writes, and `iptables -S`.

/// What a firewall does with what no rule names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Policy {
    /// Drops or rejects it.
    Deny,
    /// Lets it pass.
    Accept,
}

/// A way in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Opening {
    /// `tcp`, `udp`, `any`.
    pub protocol: String,
    /// As written: `22`, `80,443`, `6000:6007`, a service's name, `any`.
    pub ports: String,
    /// From where alone; none: from anywhere.
    pub from: Option<String>,
    /// What was noted with it.
    pub comment: String,
}

/// The table `filter`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    /// For what comes in; none where the chain is not there.
    pub input: Option<Policy>,
    /// For what goes out.
    pub output: Option<Policy>,
    /// Ways in.
    pub open: Vec<Opening>,
}

/// Most rules that are read.
const MAX: usize = 65_536;

/// Reads the rules. A last rule that drops or rejects all counts as the policy.
pub fn parse(text: &str) -> Rules {
    let (mut rules, mut filter) = (Rules::default(), true);
    for line in text.lines().take(MAX).map(str::trim) {
        if let Some(table) = line.strip_prefix('*') {
            filter = table == "filter";
        }
        if !filter {
            continue;
        }
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["-P", chain, policy, ..] => rules.set(chain, policy),
            [chain, policy, ..] if chain.starts_with(':') => rules.set(&chain[1..], policy),
            ["-A", chain @ ("INPUT" | "OUTPUT"), rest @ ..] => rules.append(chain, rest),
            _ => {}
        }
    }
    rules
}

impl Rules {
    fn set(&mut self, chain: &str, policy: &str) {
        let policy = if policy == "ACCEPT" { Policy::Accept } else { Policy::Deny };
        match chain {
            "INPUT" => self.input = Some(policy),
            "OUTPUT" => self.output = Some(policy),
            _ => {}
        }
    }

    fn append(&mut self, chain: &str, rule: &[&str]) {
        let after = |name: &[&str]| {
            let at = rule.iter().position(|word| name.contains(word))?;
            // `! -s x` is not from x.
            let not = at.checked_sub(1).and_then(|at| rule.get(at)) == Some(&"!");
            rule.get(at + 1).filter(|_| !not).copied()
        };
        let target = after(&["-j", "--jump"]).unwrap_or_default();
        if ["DROP", "REJECT"].contains(&target)
            && rule.iter().position(|word| *word == "-j") == Some(0)
        {
            self.set(chain, "DROP");
        }
        let inner = after(&["-i", "--in-interface"]) == Some("lo");
        let known = after(&["--ctstate", "--state"]).is_some_and(|state| !state.contains("NEW"));
        if target != "ACCEPT" || chain != "INPUT" || inner || known {
            return;
        }
        let ports = after(&["--dport", "--dports", "--destination-port"]);
        let protocol = after(&["-p", "--protocol"]).unwrap_or("any");
        // Pings and the like open no port.
        if ports.is_none() && !["any", "all", "tcp", "udp"].contains(&protocol) {
            return;
        }
        self.open.push(Opening {
            protocol: protocol.to_owned(),
            ports: ports.unwrap_or("any").to_owned(),
            from: after(&["-s", "--source"])
                .filter(|from| !["0.0.0.0/0", "::/0"].contains(from))
                .map(str::to_owned),
            comment: after(&["--comment"]).unwrap_or_default().to_owned(),
        });
    }
}

/// Words, quoted ones whole.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if any {
                    all.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        all.push(word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_and_openings_are_read() {
        let rules = parse(
            "*nat\n:INPUT ACCEPT [0:0]\n*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
             -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n\
             -A INPUT -p tcp -m multiport --dports 80,443 -m comment --comment \"for now\" -j ACCEPT\n\
             -A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\nCOMMIT\n",
        );
        assert_eq!((rules.input, rules.output), (Some(Policy::Deny), Some(Policy::Accept)));
        assert_eq!(rules.open.len(), 2);
        assert_eq!(
            (rules.open[0].ports.as_str(), rules.open[0].comment.as_str()),
            ("80,443", "for now")
        );
        assert_eq!(rules.open[1].from.as_deref(), Some("10.0.0.0/8"));
        let last = parse(
            "-P INPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with x",
        );
        assert_eq!(last.input, Some(Policy::Deny));
        assert_eq!(parse("-A INPUT -p tcp -j DROP").input, None);
    }
}
