//! logrotate(8): which files are rotated.

/// One block: files, and what is done with them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Patterns of paths.
    pub files: Vec<String>,
    /// Whether something bounds them: a number of old files, a size or an age.
    pub bounded: bool,
}

/// The blocks of a configuration. What is not understood is passed over.
pub fn rules(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut files: Vec<String> = Vec::new();
    let mut inside = false;
    let mut in_script = false;
    let mut bounded = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if inside {
            let word = line.split_whitespace().next().unwrap_or_default();
            match word {
                "postrotate" | "prerotate" | "firstaction" | "lastaction" | "preremove" => {
                    in_script = true;
                }
                "endscript" => in_script = false,
                _ if in_script => {}
                "}" => {
                    rules.push(Rule { files: std::mem::take(&mut files), bounded });
                    (inside, bounded) = (false, false);
                }
                "rotate" | "size" | "maxsize" | "maxage" | "hourly" | "daily" | "weekly"
                | "monthly" => bounded = true,
                _ => {}
            }
            continue;
        }
        let (paths, opens) = match line.split_once('{') {
            Some((paths, _)) => (paths, true),
            None => (line, false),
        };
        let paths = paths.split_whitespace().map(|path| path.trim_matches(['"', '\''].as_slice()));
        files.extend(paths.filter(|path| path.starts_with('/')).map(str::to_owned));
        if opens {
            inside = true;
        } else if !line.starts_with(['/', '"', '\'']) {
            // A directive of the whole file: no path before it belongs to a block.
            files.clear();
        }
    }
    rules
}

impl Rule {
    /// Whether it takes this file.
    pub fn covers(&self, file: &str) -> bool {
        self.bounded && self.files.iter().any(|pattern| fits(pattern.as_bytes(), file.as_bytes()))
    }
}

/// `*` stands for anything but `/`, `?` for one byte. Greedy, with one place to go back to: linear in
/// the product of both lengths.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(b'?') if text[t] != b'/' => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((star, at)) if text[at] != b'/' => {
                    back = Some((star, at + 1));
                    (p, t) = (star + 1, at + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read() {
        let text = "weekly\nrotate 4\n/var/log/a.log\n\"/var/log/b/*.log\" {\n  daily\n  postrotate\n    } x\n  endscript\n}\n/x {\n}\n";
        let rules = rules(text);
        assert_eq!(rules.len(), 2);
        assert!(rules[0].covers("/var/log/a.log") && rules[0].covers("/var/log/b/c.log"));
        assert!(!rules[0].covers("/var/log/b/d/c.log") && !rules[1].covers("/x"));
    }
}
