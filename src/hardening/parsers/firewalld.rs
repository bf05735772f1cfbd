//! Zones of firewalld (firewalld.zone(5)): the few elements of their XML that let something in.

use super::iptables::{Opening, Policy, Rules};

/// Most elements that are read.
const MAX: usize = 16_384;

/// Reads a zone. Without a target, firewalld rejects what no element names.
pub fn parse(text: &str) -> Rules {
    let mut rules = Rules { input: Some(Policy::Deny), ..Rules::default() };
    // What a rich rule has said so far.
    let mut rule: Option<Opening> = None;
    let mut uncommented = text.to_owned();
    while let Some(start) = uncommented.find("<!--") {
        let end = uncommented[start..].find("-->").map_or(uncommented.len(), |end| start + end + 3);
        uncommented.replace_range(start..end, " ");
    }
    for tag in uncommented.split('<').skip(1).take(MAX) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name =
            tag.split([' ', '\t', '\n', '/']).find(|word| !word.is_empty()).unwrap_or_default();
        let closes = tag.starts_with('/');
        let value = |name: &str| attribute(tag, name);
        match (name, closes) {
            ("zone", false) if value("target").as_deref() == Some("ACCEPT") => {
                rules.input = Some(Policy::Accept);
            }
            ("rule", false) => rule = Some(Opening::default()),
            ("rule", true) => rule = None,
            ("source", false) => {
                if let Some(rule) = &mut rule {
                    rule.from = value("address");
                }
            }
            ("port" | "service", false) => {
                let ports = value("port").or_else(|| value("name")).unwrap_or_default();
                let opening = Opening {
                    protocol: value("protocol").unwrap_or_else(|| "any".to_owned()),
                    ports: ports.replace('-', ":"),
                    ..Opening::default()
                };
                match &mut rule {
                    Some(rule) => *rule = Opening { from: rule.from.take(), ..opening },
                    None => rules.open.push(opening),
                }
            }
            ("accept", false) => {
                rules.open.extend(rule.clone().filter(|rule| !rule.ports.is_empty()));
            }
            _ => {}
        }
    }
    rules
}

/// A zone that firewalld ships and no file changes: all but one reject or drop what no element names.
pub fn shipped(zone: &str) -> Rules {
    let names = ["drop", "block", "public", "external", "dmz", "work", "home", "internal"];
    let input = match zone {
        "trusted" => Some(Policy::Accept),
        zone if names.contains(&zone) => Some(Policy::Deny),
        _ => None,
    };
    let ssh = Opening { protocol: "tcp".to_owned(), ports: "ssh".to_owned(), ..Opening::default() };
    let has_ssh = names[2..].contains(&zone);
    Rules { input, open: has_ssh.then_some(ssh).into_iter().collect(), ..Rules::default() }
}

/// Whether a zone is that of a network card, whatever the default is.
pub fn has_card(text: &str) -> bool {
    text.split("<interface").skip(1).any(|rest| {
        let tag = format!(" {}", rest.split('>').next().unwrap_or_default());
        attribute(&tag, "name")
            .is_some_and(|name| name.starts_with("en") || name.starts_with("eth"))
    })
}

/// Whether a policy denies what this host itself sends and no element names.
pub fn denies_outgoing(text: &str) -> bool {
    let said = |name: &str, wanted: &[&str]| {
        let mut tags = text.split('<').filter(|tag| tag.starts_with(name));
        let key = if name == "policy" { "target" } else { "name" };
        tags.any(|tag| attribute(tag, key).is_some_and(|value| wanted.contains(&value.as_str())))
    };
    said("ingress-zone", &["HOST"]) && said("policy", &["DROP", "REJECT"])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    for quote in ['"', '\''] {
        let start = format!(" {name}={quote}");
        if let Some((_, rest)) = tag.replace(['\t', '\n'], " ").split_once(&start) {
            return rest.split(quote).next().map(str::to_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read() {
        let rules = parse(
            "<?xml version=\"1.0\"?>\n<zone>\n<short>Public</short>\n<service name=\"ssh\"/>\n<!-- <port port=\"1\"/> -->\
             <port protocol=\"tcp\" port=\"8000-8010\"/>\n<rule family=\"ipv4\"><source address=\"10.0.0.1\"/>\
             <port port=\"18789\" protocol=\"tcp\"/><accept/></rule></zone>",
        );
        assert_eq!(rules.input, Some(Policy::Deny));
        let ports: Vec<&str> = rules.open.iter().map(|one| one.ports.as_str()).collect();
        assert_eq!(ports, ["ssh", "8000:8010", "18789"]);
        assert_eq!(rules.open[2].from.as_deref(), Some("10.0.0.1"));
        assert_eq!(parse("<zone target=\"ACCEPT\"/>").input, Some(Policy::Accept));
        assert_eq!(parse("<!-- <").open, []);
        assert_eq!(shipped("drop").input, Some(Policy::Deny));
        assert_eq!(shipped("trusted").input, Some(Policy::Accept));
        assert!(has_card("<zone><interface name='eth0'/></zone>"));
        assert!(!has_card("<zone><interface name='docker0'/></zone>"));
        let policy = "<policy target='REJECT'><ingress-zone name='HOST'/></policy>";
        assert!(denies_outgoing(policy) && !denies_outgoing("<policy target='ACCEPT'/>"));
    }
}
