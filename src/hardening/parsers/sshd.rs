//! sshd_config(5): what applies to everybody, and what a `Match` block changes for some.
//!
//! The first value of a keyword wins, but for those that add up. `Include` stands for the files that
//! its patterns match; in a `Match` block it belongs to that block, and a block that begins in an
//! included file ends with it. What a block sets goes before what stands outside, wherever it stands;
//! `Match all` is for everybody, and so its values are.

use std::collections::BTreeMap;

/// Most lines that are read, all files together.
const MAX_LINES: usize = 65_536;
/// Most levels of files that include each other; sshd's own bound.
const MAX_LEVELS: usize = 16;

/// Keywords of which every value counts.
const ADDING: &[&str] = &[
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostkey",
    "listenaddress",
    "port",
];

/// A configuration, keywords in small letters. What no line sets is not in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Config {
    /// For everybody.
    pub global: BTreeMap<String, Vec<String>>,
    /// For those who match.
    pub blocks: Vec<Block>,
    /// Whether a bound cut it short.
    pub is_cut: bool,
}

/// A `Match` block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Block {
    /// Whom it is for, as written.
    pub criteria: String,
    /// What it sets.
    pub values: BTreeMap<String, Vec<String>>,
}

/// Reads a configuration; `include` gives the texts of the files that a pattern matches.
pub fn parse(text: &str, include: &mut dyn FnMut(&str) -> Vec<String>) -> Config {
    let (config, for_all) = (Config::default(), BTreeMap::new());
    let mut reader = Reader { config, for_all, lines: 0, include };
    reader.read(text, Place::Global, 0);
    let mut config = reader.config;
    config.global.extend(reader.for_all);
    config
}

/// Where a line stands.
#[derive(Clone, Copy)]
enum Place {
    /// Before any block.
    Global,
    /// In a block for everybody.
    All,
    /// In a block for some, by its number.
    Block(usize),
}

struct Reader<'a> {
    config: Config,
    /// What blocks for everybody set.
    for_all: BTreeMap<String, Vec<String>>,
    lines: usize,
    include: &'a mut dyn FnMut(&str) -> Vec<String>,
}

impl Reader<'_> {
    /// Reads a file that is included at `outer`.
    fn read(&mut self, text: &str, outer: Place, level: usize) {
        let mut place = outer;
        for line in text.lines() {
            self.lines += 1;
            if self.lines > MAX_LINES || level > MAX_LEVELS {
                self.config.is_cut = true;
                return;
            }
            let mut words = words(line).into_iter();
            let Some(keyword) = words.next() else { continue };
            let arguments: Vec<String> = words.collect();
            match canonical(&keyword).as_str() {
                "match" => place = self.begin(&arguments.join(" "), outer),
                "include" => {
                    for pattern in arguments {
                        for text in (self.include)(&pattern) {
                            self.read(&text, place, level + 1);
                        }
                    }
                }
                keyword => self.set(keyword, arguments, place),
            }
        }
    }

    /// A block begins; one in a file that a block includes is for some of those.
    fn begin(&mut self, criteria: &str, outer: Place) -> Place {
        let all = criteria.eq_ignore_ascii_case("all");
        let criteria = match outer {
            Place::Block(_) if all => return outer,
            _ if all => return Place::All,
            Place::Block(at) => {
                let above = self.config.blocks.get(at).map(|block| block.criteria.as_str());
                format!("{} {criteria}", above.unwrap_or_default())
            }
            _ => criteria.to_owned(),
        };
        self.config.blocks.push(Block { criteria, ..Block::default() });
        Place::Block(self.config.blocks.len() - 1)
    }

    fn set(&mut self, keyword: &str, arguments: Vec<String>, place: Place) {
        let values = match place {
            Place::Global => &mut self.config.global,
            Place::All => &mut self.for_all,
            Place::Block(at) => match self.config.blocks.get_mut(at) {
                Some(block) => &mut block.values,
                None => return,
            },
        };
        if arguments.is_empty() {
            return;
        }
        if ADDING.contains(&keyword) {
            values.entry(keyword.to_owned()).or_default().extend(arguments);
        } else {
            values.entry(keyword.to_owned()).or_insert(arguments);
        }
    }
}

/// Old names of keywords.
fn canonical(keyword: &str) -> String {
    match keyword.to_ascii_lowercase().as_str() {
        "challengeresponseauthentication" | "skeyauthentication" => {
            "kbdinteractiveauthentication".to_owned()
        }
        "dsaauthentication" | "rsaauthentication" => "pubkeyauthentication".to_owned(),
        "hostbasedacceptedkeytypes" => "hostbasedacceptedalgorithms".to_owned(),
        "pubkeyacceptedkeytypes" => "pubkeyacceptedalgorithms".to_owned(),
        other => other.to_owned(),
    }
}

/// Words of a line: quotes keep blanks, a `=` may follow the keyword, `#` begins a comment.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quoted, mut any) = (Vec::new(), String::new(), None, false);
    for c in line.trim().chars() {
        match (c, quoted) {
            (c, Some(quote)) if c == quote => quoted = None,
            (c, Some(_)) => word.push(c),
            ('"' | '\'', None) => (quoted, any) = (Some(c), true),
            ('#', None) if !any => break,
            (' ' | '\t' | '\u{c}' | '\r', None) => {
                if any {
                    all.push(std::mem::take(&mut word));
                }
                any = false;
            }
            ('=', None) if all.is_empty() && any => {
                all.push(std::mem::take(&mut word));
                any = false;
            }
            ('=', None) if all.len() == 1 && !any => {}
            (c, None) => {
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

/// What `sshd -T` prints: one keyword and its value a line, all of it for everybody.
pub fn effective(printed: &str) -> Config {
    let mut global: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in printed.lines().take(MAX_LINES) {
        let mut words = line.split_whitespace().map(str::to_owned);
        let Some(keyword) = words.next() else { continue };
        global.entry(keyword).or_default().extend(words);
    }
    Config { global, ..Config::default() }
}

/// What sshd does where no line says otherwise, of the keywords that the audit asks for.
const DEFAULTS: &[(&str, &str)] = &[
    ("allowagentforwarding", "yes"),
    ("clientalivecountmax", "3"),
    ("clientaliveinterval", "0"),
    ("disableforwarding", "no"),
    ("ignorerhosts", "yes"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("loglevel", "info"),
    ("maxauthtries", "6"),
    ("maxsessions", "10"),
    ("passwordauthentication", "yes"),
    ("permitemptypasswords", "no"),
    ("permitrootlogin", "prohibit-password"),
    ("permituserenvironment", "no"),
    ("port", "22"),
    ("pubkeyauthentication", "yes"),
    ("strictmodes", "yes"),
    ("usedns", "no"),
    ("usepam", "no"),
    ("x11forwarding", "no"),
];

impl Config {
    /// The first value of a keyword for everybody, or sshd's own; in small letters, as `sshd -T`
    /// writes it.
    pub fn value(&self, keyword: &str) -> String {
        let set = self.global.get(keyword).and_then(|values| values.first()).cloned();
        let default =
            || DEFAULTS.iter().find(|(name, _)| *name == keyword).map(|(_, value)| *value);
        let value = set.unwrap_or_else(|| default().unwrap_or_default().to_owned());
        normal(keyword, &value)
    }

    /// All values of a keyword for everybody.
    pub fn all(&self, keyword: &str) -> &[String] {
        self.global.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// What `Match` blocks set a keyword to: whom, and the value.
    pub fn in_blocks(&self, keyword: &str) -> Vec<(&str, String)> {
        let of =
            |block: &'_ Block| block.values.get(keyword)?.first().map(|one| normal(keyword, one));
        self.blocks.iter().filter_map(|block| Some((block.criteria.as_str(), of(block)?))).collect()
    }

    /// A time in seconds, as sshd writes it: `90`, `5m`, `1h30m`.
    pub fn seconds(&self, keyword: &str) -> Option<u64> {
        seconds(&self.value(keyword))
    }
}

/// Other words for the same value, and times in seconds.
fn normal(keyword: &str, value: &str) -> String {
    let value = value.to_ascii_lowercase();
    match (keyword, value.as_str()) {
        ("permitrootlogin", "without-password") => "prohibit-password".to_owned(),
        ("clientaliveinterval" | "logingracetime", time) => {
            seconds(time).map_or_else(|| time.to_owned(), |seconds| seconds.to_string())
        }
        (_, "true") => "yes".to_owned(),
        (_, "false") => "no".to_owned(),
        _ => value,
    }
}

fn seconds(text: &str) -> Option<u64> {
    let (mut whole, mut number) = (0_u64, None::<u64>);
    for c in text.chars() {
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            c => {
                let digit = u64::from(c.to_digit(10)?);
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
        };
        whole = whole.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    whole.checked_add(number.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        parse(text, &mut |pattern| match pattern {
            "a" => vec!["Port 2222\nMatch User x\nX11Forwarding yes\n".to_owned()],
            "loop" => vec!["Include loop\n".to_owned()],
            _ => Vec::new(),
        })
    }

    #[test]
    fn the_first_value_wins_and_includes_stand_where_they_are() {
        let config = read(
            "Include none a\nport=22 # c\nPasswordAuthentication no\nPasswordAuthentication yes\n\
             AllowUsers \"a b\" c\nMatch Group sftp\n  PasswordAuthentication yes\nInclude a\nMatch all\nMaxAuthTries 3\n",
        );
        assert_eq!(config.all("port"), ["2222", "22"]);
        assert_eq!(config.value("passwordauthentication"), "no");
        assert_eq!(config.all("allowusers"), ["a b", "c"]);
        assert_eq!(config.value("maxauthtries"), "3");
        let blocks: Vec<&str> = config.blocks.iter().map(|block| block.criteria.as_str()).collect();
        assert_eq!(blocks, ["User x", "Group sftp", "Group sftp User x"]);
        assert_eq!(config.in_blocks("passwordauthentication"), [("Group sftp", "yes".to_owned())]);
        assert!(config.blocks[1].values.contains_key("port"));
    }

    #[test]
    fn a_file_that_includes_itself_comes_to_an_end() {
        assert!(read("Include loop").is_cut);
    }

    #[test]
    fn times_and_words_are_as_sshd_writes_them() {
        let config =
            read("ClientAliveInterval 1h30m5\nPermitRootLogin WITHOUT-password\nUsePAM=true");
        assert_eq!(config.seconds("clientaliveinterval"), Some(5405));
        assert_eq!(config.value("permitrootlogin"), "prohibit-password");
        assert_eq!(config.value("usepam"), "yes");
        assert_eq!(seconds("9999999999999999999999"), None);
        assert_eq!(effective("port 22\nport 23\n").all("port"), ["22", "23"]);
    }
}
