//! Which distribution it is (os-release(5)).

use super::Facts;
use crate::hardening::parsers::assignments;

/// How software and services are managed there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// Debian, Ubuntu and what is made of them: apt, ufw.
    Debian,
    /// RHEL, Fedora, Rocky, Alma, CentOS: dnf, firewalld.
    Rhel,
    /// Anything else.
    Other,
}

/// The operating system.
#[derive(Clone, Debug)]
pub struct Os {
    /// `ID`, such as `debian`; empty where nothing says.
    pub id: String,
    /// `VERSION_ID`, such as `12`.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
    /// What it is kin to.
    pub family: Family,
}

impl Facts<'_> {
    /// The operating system; without an os-release it is called unknown.
    pub fn os(&self) -> &Os {
        self.os.get_or_init(|| {
            let read = |path| self.text(path).ok().flatten();
            let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
            parse(&text.unwrap_or_default())
        })
    }
}

fn parse(text: &str) -> Os {
    let fields = assignments::parse(text);
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let kin = format!("{} {}", field("ID"), field("ID_LIKE"));
    let is_kin = |names: &[&str]| kin.split_whitespace().any(|word| names.contains(&word));
    let family = if is_kin(&["debian", "ubuntu"]) {
        Family::Debian
    } else if is_kin(&["rhel", "fedora", "centos"]) {
        Family::Rhel
    } else {
        Family::Other
    };
    let name = match field("PRETTY_NAME") {
        name if name.is_empty() => "unknown system".to_owned(),
        name => name,
    };
    Os { id: field("ID"), version: field("VERSION_ID"), name, family }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kin_decides() {
        let os = parse("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n");
        assert_eq!((os.family, os.version.as_str()), (Family::Rhel, "9.4"));
        assert_eq!(parse("PRETTY_NAME='Debian 12'\nID=debian").family, Family::Debian);
        assert_eq!(parse("ID=arch").family, Family::Other);
        assert_eq!(parse("").name, "unknown system");
    }
}
