//! Who is told what: receivers of alerts and their rules, as the policy has them.

use serde::Deserialize;

use super::{AlertKind, SecretName, Severity};

/// One receiver, and what it is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// How it is reached.
    pub kind: Channel,
    /// Where: an address for `webhook`, `ntfy`, `slack`, `discord`, `telegram`, `uptime-kuma`; host and
    /// port for `email`.
    pub to: Option<String>,
    /// The secret of the vault that signs, or opens the door there.
    pub token: Option<SecretName>,
    /// The Telegram chat.
    pub chat: Option<String>,
    /// The sender of a mail, and the user at the mail server where there is a `token`.
    pub from: Option<String>,
    /// The recipients of a mail.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The user at the mail server, where it is not the sender.
    pub user: Option<String>,
    /// Whether a mail server speaks TLS from the first byte (`tls`) or after STARTTLS (`starttls`).
    #[serde(default)]
    pub security: Security,
    /// A file with the certificate of the authority that the receiver's own is signed by.
    pub ca: Option<std::path::PathBuf>,
    /// The events that it is told; all where none is named.
    #[serde(default)]
    pub events: Vec<AlertKind>,
    /// The least severity that it is told.
    #[serde(default)]
    pub severity: Severity,
    /// Hours in which only what is critical is sent, such as `22:00-07:00`, in the zone of `[defaults]`.
    pub quiet: Option<Quiet>,
    /// What happens within as many seconds goes in one message.
    #[serde(default)]
    pub group: Seconds,
    /// Most messages in an hour; what is more waits, and goes in one message.
    #[serde(default)]
    pub hourly: Hourly,
}

/// How a receiver is reached.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// An HTTP POST of JSON, signed where there is a token.
    Webhook,
    /// A topic at an ntfy server.
    Ntfy,
    /// An incoming webhook of Slack; the token is the address.
    Slack,
    /// A bot of Telegram.
    Telegram,
    /// A webhook of Discord; the token is the address.
    Discord,
    /// A mail.
    Email,
    /// A notification on this desktop.
    Desktop,
    /// A push monitor of Uptime Kuma: the daemon's heartbeat; the token is the address.
    UptimeKuma,
    /// The system's journal.
    Journald,
    /// The system's log.
    Syslog,
}

impl Channel {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Ntfy => "ntfy",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Discord => "discord",
            Self::Email => "email",
            Self::Desktop => "desktop",
            Self::UptimeKuma => "uptime-kuma",
            Self::Journald => "journald",
            Self::Syslog => "syslog",
        }
    }
}

/// How a mail server is spoken to; never in clear.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// STARTTLS, and nothing before it.
    Starttls,
}

/// Hours of a day, in minutes since midnight; they may go past it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Quiet {
    from: u16,
    to: u16,
}

impl Quiet {
    /// True where that minute of a day is within.
    pub fn covers(self, minute: u16) -> bool {
        match self.from <= self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

impl TryFrom<String> for Quiet {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let two = |text: &str, below: u16| {
                let good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<u16>().ok().filter(|number| good && *number < below)
            };
            Some(two(hour, 24)? * 60 + two(minute, 60)?)
        };
        let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let both = both.filter(|(from, to)| from != to);
        both.map(|(from, to)| Self { from, to }).ok_or("not hours such as 22:00-07:00")
    }
}

/// Seconds, at most a day.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(try_from = "u32")]
pub struct Seconds(pub u32);

impl TryFrom<u32> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        (seconds <= 86_400).then_some(Self(seconds)).ok_or("more seconds than a day has")
    }
}

/// A number of messages in an hour.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "u16")]
pub struct Hourly(pub u16);

impl Default for Hourly {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u16> for Hourly {
    type Error = &'static str;

    fn try_from(count: u16) -> Result<Self, Self::Error> {
        (1..=3600).contains(&count).then_some(Self(count)).ok_or("not a number from 1 to 3600")
    }
}

impl Receiver {
    /// True where the rules say that it is told of such an event.
    pub fn wants(&self, kind: AlertKind, severity: Severity) -> bool {
        let named = self.events.is_empty() || self.events.contains(&kind);
        let beats = self.kind == Channel::UptimeKuma;
        kind == AlertKind::Test || (named && severity >= self.severity && !beats)
    }

    /// What is missing for its kind, where something is.
    pub fn lacks(&self) -> Option<&'static str> {
        use Channel::{
            Desktop, Discord, Email, Journald, Ntfy, Slack, Syslog, Telegram, UptimeKuma, Webhook,
        };
        let missing = |there: bool, what: &'static str| (!there).then_some(what);
        match self.kind {
            Webhook | Ntfy => missing(self.to.is_some(), "`to`"),
            Slack | Discord | UptimeKuma => {
                missing(self.token.is_some(), "`token`, the secret that holds the address")
            }
            Telegram => missing(self.token.is_some() && self.chat.is_some(), "`token` and `chat`"),
            Email => {
                let there = self.to.is_some() && self.from.is_some() && !self.recipients.is_empty();
                missing(there, "`to`, `from` and `recipients`")
            }
            Desktop | Journald | Syslog => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;

    #[test]
    fn receivers_are_read_and_mistakes_have_their_place() {
        let text = "[alerts.ops]\nkind = \"webhook\"\nto = \"https://x.example/hook\"\ntoken = \"alerts/hook\"\n\
                    events = [\"limit\", \"key-dead\"]\nseverity = \"warning\"\nquiet = \"22:00-07:00\"\n";
        let policy = Policy::parse(text).unwrap();
        let ops = policy.alerts.values().next().unwrap();
        assert!(ops.wants(AlertKind::Limit, Severity::Critical));
        assert!(!ops.wants(AlertKind::Limit, Severity::Info));
        assert!(!ops.wants(AlertKind::Spike, Severity::Critical));
        let quiet = ops.quiet.unwrap();
        assert!(quiet.covers(23 * 60) && quiet.covers(0) && !quiet.covers(7 * 60));
        assert_eq!(ops.lacks(), None);
        let empty = Policy::parse("[alerts.a]\nkind = \"slack\"").unwrap();
        assert!(empty.alerts.values().next().unwrap().lacks().is_some());
        for (text, column) in [
            ("[alerts.a]\nkind = \"hunter2\"", 8),
            ("[alerts.a]\nkind = \"desktop\"\nquiet = \"22-07\"", 9),
            ("[alerts.a]\nkind = \"desktop\"\nhourly = 0", 10),
            ("[alerts.a]\nkind = \"desktop\"\ngroup = 86401", 9),
            ("[alerts.a]\nkind = \"desktop\"\nevents = [\"hunter2\"]", 11),
            ("[alerts.a]\nkind = \"desktop\"\nhunter2 = 1", 1),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!(error.column, column, "{text}: {error:?}");
            assert!(!error.what.contains("hunter2"), "{error:?}");
        }
    }
}
