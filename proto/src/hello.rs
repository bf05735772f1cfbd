//! The handshake: both sides say which versions of the protocol they speak, before anything else.

use crate::messages::Hello;

/// The version that this program speaks.
pub const VERSION: u32 = 1;
/// The oldest version that it still understands.
pub const OLDEST: u32 = 1;

/// Why two programs cannot work together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// The other one speaks a version that is not understood here any more.
    #[error("the other side is older (protocol {0}, this is {VERSION})")]
    Older(u32),
    /// The other one does not understand this version any more.
    #[error("the other side is newer (it takes no protocol below {0}, this is {VERSION})")]
    Newer(u32),
}

/// What this program says first; `program` is its version, for people.
pub fn own(program: &str) -> Hello {
    Hello { version: VERSION, oldest: OLDEST, program: program.to_owned() }
}

/// Whether this program and the one that said `other` understand each other.
///
/// # Errors
/// Which of the two is too old.
pub fn check(other: &Hello) -> Result<(), Mismatch> {
    if other.version < OLDEST {
        return Err(Mismatch::Older(other.version));
    }
    if other.oldest > VERSION {
        return Err(Mismatch::Newer(other.oldest));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_side_is_named() {
        let hello = |version, oldest| Hello { version, oldest, program: String::new() };
        assert_eq!(check(&own("1.0")), Ok(()));
        assert_eq!(check(&hello(VERSION + 3, OLDEST)), Ok(()));
        assert_eq!(check(&hello(0, 0)), Err(Mismatch::Older(0)));
        assert_eq!(check(&hello(VERSION + 3, VERSION + 1)), Err(Mismatch::Newer(VERSION + 1)));
    }
}
