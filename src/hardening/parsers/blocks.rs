//! Directives and the blocks that belong to them: nginx, Caddy, Apache.

/// One directive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Directive {
    /// Its name, in small letters.
    pub name: String,
    /// What follows it, without quotes.
    pub arguments: Vec<String>,
    /// What stands in its block.
    pub block: Vec<Directive>,
}

/// Most levels of blocks.
const MAX_DEPTH: usize = 32;
/// Most directives of one file.
const MAX: usize = 65_536;

/// How a format parts its directives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// A semicolon ends a directive, braces hold a block.
    Nginx,
    /// A line is a directive, a brace at its end begins a block.
    Caddy,
    /// A line is a directive, `<Name arguments>` begins a block that `</Name>` ends.
    Apache,
}

/// Reads a file. What has no partner ends where the file ends.
pub fn parse(text: &str, style: Style) -> Vec<Directive> {
    // The innermost open block is last; at the bottom lies the file itself.
    let mut open = vec![Directive::default()];
    let mut count = 0;
    for token in tokens(text, style) {
        let depth = open.len();
        let Some(top) = open.last_mut() else { break };
        match token {
            Token::Plain(mut words) => {
                count += 1;
                if count > MAX {
                    break;
                }
                let name = words.remove(0).to_ascii_lowercase();
                top.block.push(Directive { name, arguments: words, block: Vec::new() });
            }
            Token::Begin(mut words) => {
                let name = if words.is_empty() { String::new() } else { words.remove(0) };
                if depth > MAX_DEPTH {
                    break;
                }
                // Names of Caddy's blocks are addresses: their letters stay.
                let name = if style == Style::Caddy { name } else { name.to_ascii_lowercase() };
                open.push(Directive { name, arguments: words, block: Vec::new() });
            }
            Token::End => close(&mut open),
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().unwrap_or_default().block
}

fn close(open: &mut Vec<Directive>) {
    if open.len() > 1
        && let (Some(inner), Some(outer)) = (open.pop(), open.last_mut())
    {
        outer.block.push(inner);
    }
}

enum Token {
    Plain(Vec<String>),
    Begin(Vec<String>),
    End,
}

fn tokens(text: &str, style: Style) -> Vec<Token> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut any) = (None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(quote) = quoted {
            match c {
                '\\' => word.extend(chars.next()),
                c if c == quote => quoted = None,
                c => word.push(c),
            }
            continue;
        }
        let ends = match c {
            '"' | '\'' | '`' if !any => {
                (quoted, any) = (Some(c), true);
                continue;
            }
            '#' if !any => {
                while chars.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
                true
            }
            '\\' => {
                word.push(c);
                word.extend(chars.next());
                any = true;
                continue;
            }
            // `${name}` is part of a word.
            '{' if style == Style::Nginx && word.ends_with('$') => {
                word.push(c);
                word.extend(std::iter::from_fn(|| chars.next_if(|c| *c != '}' && *c != '\n')));
                word.extend(chars.next_if(|c| *c == '}'));
                continue;
            }
            '{' | '}' if style == Style::Apache => false,
            // Caddy's placeholders stand in words.
            '{' if style == Style::Caddy && chars.peek().is_some_and(|c| !c.is_whitespace()) => {
                word.push(c);
                word.extend(std::iter::from_fn(|| chars.next_if(|c| *c != '}' && *c != '\n')));
                word.extend(chars.next_if(|c| *c == '}'));
                any = true;
                continue;
            }
            '{' | '}' | '\n' => true,
            ';' if style == Style::Nginx => true,
            '>' if style == Style::Apache => true,
            c => c.is_whitespace(),
        };
        if !ends {
            word.push(c);
            any = true;
            continue;
        }
        if any {
            words.push(std::mem::take(&mut word));
        }
        any = false;
        match c {
            '{' => all.push(Token::Begin(std::mem::take(&mut words))),
            '}' => {
                plain(&mut words, &mut all);
                all.push(Token::End);
            }
            ';' => plain(&mut words, &mut all),
            '>' => section(&mut words, &mut all),
            '\n' if style != Style::Nginx => plain(&mut words, &mut all),
            _ => {}
        }
    }
    if any {
        words.push(word);
    }
    plain(&mut words, &mut all);
    all
}

fn plain(words: &mut Vec<String>, all: &mut Vec<Token>) {
    if !words.is_empty() {
        all.push(Token::Plain(std::mem::take(words)));
    }
}

fn section(words: &mut Vec<String>, all: &mut Vec<Token>) {
    let Some(first) = words.first_mut() else { return };
    if first.starts_with("</") {
        words.clear();
        all.push(Token::End);
    } else if let Some(name) = first.strip_prefix('<') {
        *first = name.to_owned();
        all.push(Token::Begin(std::mem::take(words)));
    }
}

impl Directive {
    /// The directives of this name, here and in all blocks below.
    pub fn below<'d>(&'d self, name: &'d str) -> impl Iterator<Item = &'d Directive> {
        let mut open: Vec<&Directive> = self.block.iter().rev().collect();
        std::iter::from_fn(move || {
            while let Some(next) = open.pop() {
                open.extend(next.block.iter().rev());
                if next.name == name {
                    return Some(next);
                }
            }
            None
        })
    }

    /// The last directive of this name in this very block.
    pub fn own(&self, name: &str) -> Option<&Directive> {
        self.block.iter().rev().find(|one| one.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_write_blocks() {
        let nginx = parse(
            "# c\nhttp { server { listen 443 ssl; server_name \"a b\" c;\n add_header X \"max-age=1; y\";\n\
             location ~ \\.php$ { return 301 https://$host${uri}; } } }",
            Style::Nginx,
        );
        let server = nginx[0].below("server").next().unwrap();
        assert_eq!(server.own("server_name").unwrap().arguments, ["a b", "c"]);
        assert_eq!(server.own("add_header").unwrap().arguments, ["X", "max-age=1; y"]);
        assert_eq!(
            server.below("return").next().unwrap().arguments,
            ["301", "https://$host${uri}"]
        );
        let caddy =
            parse("a.example {\n reverse_proxy 127.0.0.1:1\n header X {y}\n}\n", Style::Caddy);
        assert_eq!((caddy[0].name.as_str(), caddy[0].block.len()), ("a.example", 2));
        let apache = parse(
            "<VirtualHost *:443>\n SSLEngine on\n <Location \"/x\">\n Require ip 1.2.3.4\n </Location>\n</VirtualHost>\n",
            Style::Apache,
        );
        assert_eq!(apache[0].arguments, ["*:443"]);
        assert_eq!(apache[0].below("require").next().unwrap().arguments, ["ip", "1.2.3.4"]);
        for style in [Style::Nginx, Style::Caddy, Style::Apache] {
            parse("} } { { ; \" <", style);
        }
    }
}
