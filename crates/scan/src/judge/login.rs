//! Passwords where nothing but a password stands: `scheme://name:PASSWORD@host`, `curl -u
//! name:PASSWORD`. They may be words, which elsewhere say nothing.

use super::pairs;

/// What documents and tests write there, in lower case.
#[rustfmt::skip]
const FILLERS: [&[u8]; 62] = [
    b"password", b"passwort", b"passwd", b"passphrase", b"pass", b"pword", b"pwd", b"psw", b"pw", b"secret",
    b"secure", b"credential", b"token", b"apikey", b"key", b"username", b"user", b"login", b"admin",
    b"root", b"guest", b"owner", b"client", b"server", b"service", b"account", b"example", b"sample",
    b"dummy", b"fake", b"test", b"demo", b"mock", b"change", b"insert", b"replace", b"your", b"some",
    b"here", b"this", b"the", b"foo", b"bar", b"baz", b"qux", b"hello", b"world", b"local", b"host",
    b"database", b"data", b"postgres", b"mysql", b"mongo", b"redis", b"rabbit", b"elastic", b"default",
    b"value", b"string", b"abc", b"xyz",
];

/// Fewest letters besides such words, and digits, that make a password of words.
const LETTERS: usize = 6;

/// Whether a text can be a password of words, or of digits: more than what documents write.
pub(super) fn is_login(text: &[u8]) -> bool {
    let plain = text.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80);
    if !(6..=200).contains(&text.len()) || !plain || super::entropy(text) < 2.2 {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let (mut letters, mut at) = (0, 0);
    while at < lower.len() {
        let fillers = FILLERS.iter().filter(|word| lower[at..].starts_with(word));
        match fillers.map(|word| word.len()).max() {
            Some(length) => at += length,
            None => {
                letters += usize::from(lower[at].is_ascii_alphabetic());
                at += 1;
            }
        }
    }
    let (_, pairs) = pairs::common(text);
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    letters >= LETTERS && (text.len() >= 10 || digits > 0) || pairs == 0 && digits >= 8
}

/// Whether what stands behind a login names a host that is nobody's, as documents do.
pub fn is_shown(behind: &[u8]) -> bool {
    const INSIDE: [&[u8]; 4] = [b"localhost", b"127.0.0.1", b"example.", b".test"];
    const HOSTS: [&[u8]; 7] = [b"host", b"server", b"domain", b"address", b"proxy", b"db", b"foo"];
    const BEGIN: [&[u8]; 4] = [b"my", b"your", b"some", b"hostname"];
    let line = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len());
    let lower = behind[..line].to_ascii_lowercase();
    let host = lower.strip_prefix(b"@").unwrap_or_default();
    let ends = |rest: &[u8]| {
        rest.starts_with(b".com")
            || !rest.first().is_some_and(|b| b.is_ascii_alphanumeric() || b"-.".contains(b))
    };
    let named = |word: &&[u8]| host.strip_prefix(*word).is_some_and(ends);
    HOSTS.iter().any(named)
        || BEGIN.iter().any(|word| host.starts_with(word))
        || INSIDE.iter().any(|part| lower.windows(part.len()).any(|found| found == *part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_passwords_where_documents_write_others() {
        for password in ["correcthorse", "zxcvmnbqtr", "Welcome123", "letmein99", "hunter2hunter"] {
            assert!(is_login(password.as_bytes()), "{password}");
        }
        for shown in
            ["password", "my_password", "fooBarBaz12", "secret123", "admin", "guest", "aaaaaaaa"]
        {
            assert!(!is_login(shown.as_bytes()), "{shown}");
        }
    }

    #[test]
    fn hosts_of_documents_are_told() {
        for host in
            ["@localhost:5432/app", "@db/app", "@host:1", " https://api.example.com", "@myhost"]
        {
            assert!(is_shown(host.as_bytes()), "{host}");
        }
        for host in ["@db1.acme.io", "@10.0.0.7/app", " https://acme.io/x\nexample.com"] {
            assert!(!is_shown(host.as_bytes()), "{host}");
        }
    }
}
