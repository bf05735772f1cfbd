//! logrotate(8): which files are rotated.

use super::glob;

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
        let depth = |path: &str| path.matches('/').count();
        let fits = |pattern: &String| depth(pattern) == depth(file) && glob::matches(pattern, file);
        self.bounded && self.files.iter().any(fits)
    }
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
