//! Settings of a program as its configuration holds them, without any secret in them.

use std::collections::{BTreeMap, BTreeSet};

/// One setting, or a group of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Setting {
    /// Settings by name.
    Map(BTreeMap<String, Setting>),
    /// Settings in order.
    List(Vec<Setting>),
    /// A text that is no secret: a word, a path, a reference to a secret.
    Text(String),
    /// A truth value.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// A secret that lies there in clear.
    Hidden(Hidden),
    /// Nothing, or what has no meaning here.
    #[default]
    Nothing,
}

/// What may be known of a secret without holding it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hidden {
    /// Its length in bytes.
    pub bytes: usize,
    /// How many different bytes it is made of.
    pub kinds: usize,
    /// Tells equal from different; a digest, for memory alone.
    pub mark: [u8; 16],
    /// True where it is a word of the documentation, or one that everybody tries.
    pub placeholder: bool,
}

/// Parts of texts that stand for a secret in documentation, or that everybody tries first.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "replace-with",
    "your-",
    "your_",
    "example",
    "password",
    "secret-token",
    "placeholder",
    "12345678",
    "qwerty",
    "letmein",
    "openclaw-token",
    "admin123",
    "insert-",
    "<token>",
    "xxxxxxxx",
];

impl Hidden {
    /// What may be known of `secret`; `mark` is a digest of it.
    pub fn of(secret: &[u8], mark: [u8; 16]) -> Self {
        let kinds = secret.iter().collect::<BTreeSet<_>>().len();
        let lower = secret.to_ascii_lowercase();
        let has = |part: &&str| lower.windows(part.len()).any(|window| window == part.as_bytes());
        Self { bytes: secret.len(), kinds, mark, placeholder: PLACEHOLDERS.iter().any(has) }
    }
}

impl Setting {
    /// A plain value as it is written on a command line; none for what has parts, is secret, or is not set.
    pub fn plain(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Whole(number) => Some(number.to_string()),
            Self::Map(_) | Self::List(_) | Self::Hidden(_) | Self::Nothing => None,
        }
    }

    /// The setting at `path`, names joined by dots; nothing where there is none.
    pub fn at(&self, path: &str) -> &Setting {
        path.split('.').fold(self, |node, name| node.child(name))
    }

    /// The setting of that name, which may hold dots.
    pub fn child(&self, name: &str) -> &Setting {
        const NOTHING: &Setting = &Setting::Nothing;
        match self {
            Self::Map(map) => map.get(name).unwrap_or(NOTHING),
            _ => NOTHING,
        }
    }

    /// Names and settings of a group, sorted; none where this is no group.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Setting)> {
        let map = match self {
            Self::Map(map) => Some(map),
            _ => None,
        };
        map.into_iter().flatten().map(|(name, setting)| (name.as_str(), setting))
    }

    /// The items of a list; none where this is none.
    pub fn items(&self) -> &[Setting] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The texts of a list.
    pub fn texts(&self) -> Vec<&str> {
        self.items().iter().filter_map(Self::text).collect()
    }

    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, where it is one.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, where it is a whole one.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            _ => None,
        }
    }

    /// The secret, where one lies there in clear.
    pub fn hidden(&self) -> Option<&Hidden> {
        match self {
            Self::Hidden(hidden) => Some(hidden),
            _ => None,
        }
    }

    /// True where something is set.
    pub fn is_set(&self) -> bool {
        *self != Self::Nothing
    }

    /// Lays `other` over this: groups are joined, all else is replaced.
    pub fn overlay(&mut self, other: Setting) {
        match (self, other) {
            (_, Self::Nothing) => {}
            (Self::Map(map), Self::Map(above)) => {
                for (name, setting) in above {
                    map.entry(name).or_default().overlay(setting);
                }
            }
            (here, above) => *here = above,
        }
    }

    /// The same, below a path of names joined by dots.
    pub fn below(self, path: &str) -> Setting {
        path.rsplit('.')
            .filter(|name| !name.is_empty())
            .fold(self, |inner, name| Self::Map(BTreeMap::from([(name.to_owned(), inner)])))
    }

    /// Visits every setting that is no group, with its path.
    pub fn visit(&self, each: &mut dyn FnMut(&str, &Setting)) {
        self.visit_below(&mut String::new(), each);
    }

    fn visit_below(&self, path: &mut String, each: &mut dyn FnMut(&str, &Setting)) {
        let length = path.len();
        let mut step = |name: &str, setting: &Setting| {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
            setting.visit_below(path, each);
            path.truncate(length);
        };
        match self {
            Self::Map(map) => map.iter().for_each(|(name, setting)| step(name, setting)),
            Self::List(list) => {
                list.iter().enumerate().for_each(|(at, setting)| step(&at.to_string(), setting));
            }
            leaf => each(path, leaf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_laid_over_each_other() {
        let mut setting = Setting::Truth(true).below("a.b");
        setting.overlay(Setting::Whole(3).below("a.c"));
        setting.overlay(Setting::Truth(false).below("a.b"));
        setting.overlay(Setting::Nothing);
        assert_eq!(setting.at("a.b").truth(), Some(false));
        assert_eq!(setting.at("a.c").whole(), Some(3));
        assert!(!setting.at("a.b.c").is_set());
        let mut paths = Vec::new();
        setting.visit(&mut |path, _| paths.push(path.to_owned()));
        assert_eq!(paths, ["a.b", "a.c"]);
    }

    #[test]
    fn of_a_secret_only_its_form_is_known() {
        let hidden = Hidden::of(b"replace-with-long-random-token", [0; 16]);
        assert_eq!((hidden.bytes, hidden.placeholder), (30, true));
        assert!(!Hidden::of(b"9f8a7c6e5d4b3a2f1e0d", [0; 16]).placeholder);
    }
}
