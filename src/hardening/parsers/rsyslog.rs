//! rsyslog.conf(5), both of its forms: where messages go.

/// A place that messages go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// A file.
    File(String),
    /// Another machine.
    Remote(String),
}

impl Target {
    /// The other machine, where it is one.
    pub fn remote(self) -> Option<String> {
        match self {
            Self::Remote(host) => Some(host),
            Self::File(_) => None,
        }
    }
}

/// The targets that a configuration names. What is not understood is passed over.
pub fn targets(text: &str) -> Vec<Target> {
    let mut all = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', '$']) {
            continue;
        }
        let lower = line.to_lowercase();
        // action(type="omfwd" target="logs.example" …), on a line of its own or after a filter.
        if let Some(at) = lower.find("action(") {
            let rest = &lower[at..];
            let value = |name: &str| {
                let after = &rest[rest.find(&format!("{name}=\""))? + name.len() + 2..];
                after.split('"').next().map(str::to_owned)
            };
            match value("type").as_deref() {
                Some("omfwd" | "omrelp" | "omelasticsearch" | "omkafka") => {
                    all.push(Target::Remote(
                        value("target").or(value("server")).unwrap_or_default(),
                    ));
                }
                Some("omfile") => all.push(Target::File(value("file").unwrap_or_default())),
                _ => {}
            }
            continue;
        }
        // selector<blanks>target
        let mut words = line.split_whitespace();
        let (Some(selector), Some(target)) = (words.next(), words.next()) else { continue };
        if !selector.contains('.') {
            continue;
        }
        if let Some(host) = target.strip_prefix('@') {
            all.push(Target::Remote(host.trim_start_matches('@').to_owned()));
        } else if target.trim_start_matches('-').starts_with('/') {
            all.push(Target::File(target.trim_start_matches('-').to_owned()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = "# *.* @no\nmodule(load=\"imuxsock\")\nauth,authpriv.*\t/var/log/auth.log\n*.* @@logs.example:514\n\
            *.* action(type=\"omfwd\" target=\"b.example\" port=\"514\")\nmail.* -/var/log/mail.log";
        let remote = |host: &str| Target::Remote(host.to_owned());
        let file = |path: &str| Target::File(path.to_owned());
        let expected = [
            file("/var/log/auth.log"),
            remote("logs.example:514"),
            remote("b.example"),
            file("/var/log/mail.log"),
        ];
        assert_eq!(targets(text), expected);
    }
}
