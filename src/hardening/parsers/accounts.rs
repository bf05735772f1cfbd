//! passwd(5) and shadow(5).

use crate::hardening::facts::User;

/// Most lines that are read.
const MAX: usize = 65_536;

/// What the password field of shadow says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Password {
    /// Nothing: whoever says the name is in.
    Empty,
    /// `!` or `*`: no password opens it.
    Locked,
    /// A digest.
    Set,
}

/// The users of a passwd file. Lines that are none are left out.
pub fn users(text: &str) -> Vec<User> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, uid, gid, _, home, shell] = fields.as_slice() else { return None };
        Some(User {
            name: (*name).to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: (*home).to_owned(),
            shell: shell.trim_end().to_owned(),
            is_open: password.is_empty(),
        })
    };
    text.lines().take(MAX).filter(|line| !line.starts_with('#')).filter_map(read).collect()
}

/// Names of a shadow file, and what opens them.
pub fn passwords(text: &str) -> Vec<(String, Password)> {
    let read = |line: &str| {
        let mut fields = line.split(':');
        let (name, password) = (fields.next()?, fields.next()?);
        let kind = match password {
            "" => Password::Empty,
            other if other.starts_with(['!', '*']) => Password::Locked,
            _ => Password::Set,
        };
        (!name.is_empty()).then(|| (name.to_owned(), kind))
    };
    text.lines().take(MAX).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_left_out() {
        let all =
            users("root:x:0:0:root:/r:/bin/bash\nbad\na::1000:1000::/home/a:/usr/sbin/nologin\n");
        assert_eq!(all.len(), 2);
        assert!(all[0].can_log_in() && !all[1].can_log_in() && all[1].is_open);
        let all = passwords("root:*:1:\na::1:\nb:$y$j9T$x:1:\nc:!$6$x:1\n\n");
        let kinds: Vec<Password> = all.into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [Password::Locked, Password::Empty, Password::Set, Password::Locked]);
    }
}
