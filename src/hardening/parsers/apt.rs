//! apt.conf(5): `A::B "x";` and `A { B "x"; };`, comments as in C++ and shell.

use std::collections::BTreeMap;

/// Most levels of braces.
const MAX_DEPTH: usize = 32;

/// Reads the settings, names in small letters; the last value of a name wins, of a list all are
/// joined by a line break.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let (mut all, mut stack, mut words) = (BTreeMap::new(), Vec::<String>::new(), Vec::new());
    for word in tokens(text) {
        match word.as_str() {
            "{" if stack.len() < MAX_DEPTH => {
                stack.push(words.first().cloned().unwrap_or_default());
                words.clear();
            }
            "}" => {
                stack.pop();
                words.clear();
            }
            ";" => {
                if let Some(value) = words.last() {
                    // In a block a value alone is an item of the list that the block names.
                    let own = if words.len() > 1 { words.first().cloned() } else { None };
                    let is_item =
                        own.is_none() || own.as_ref().is_some_and(|name| name.ends_with("::"));
                    let path: Vec<String> = stack.iter().cloned().chain(own).collect();
                    let name = path.join("::").trim_end_matches("::").to_ascii_lowercase();
                    let entry: &mut String = all.entry(name).or_default();
                    if !is_item || entry.is_empty() {
                        entry.clear();
                    } else {
                        entry.push('\n');
                    }
                    entry.push_str(value);
                }
                words.clear();
            }
            word => words.push(word.to_owned()),
        }
    }
    all
}

fn tokens(text: &str) -> Vec<String> {
    let (mut all, mut word, mut chars) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                word.extend(chars.by_ref().take_while(|c| *c != '"'));
                all.push(std::mem::take(&mut word));
            }
            '/' if chars.peek() == Some(&'*') => {
                let mut before = ' ';
                while let Some(c) = chars.next().filter(|c| !(before == '*' && *c == '/')) {
                    before = c;
                }
            }
            c if c == '#' || (c == '/' && chars.peek() == Some(&'/')) => {
                while chars.next_if(|c| *c != '\n').is_some() {}
            }
            c if c.is_whitespace() || "{};".contains(c) => {
                if !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
                if !c.is_whitespace() {
                    all.push(c.to_string());
                }
            }
            c => word.push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn both_ways_to_write_a_setting_are_read() {
        let all = parse(
            "// c\nAPT::Periodic::Unattended-Upgrade \"1\"; # x { y\n/* x \"; */\n\
             Unattended-Upgrade {\n  Origins { \"a\"; \"b//c\"; };\n Mail \"x\"; };\n#APT::X \"1\";\n",
        );
        assert_eq!(all["apt::periodic::unattended-upgrade"], "1");
        assert_eq!(all["unattended-upgrade::origins"], "a\nb//c");
        assert_eq!(all["unattended-upgrade::mail"], "x");
        assert!(!all.contains_key("apt::x"));
    }
}
