//! Takes secrets out of a process environment, as pairs that the caller hands in.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clawvault_core::domain::limits::MAX_IMPORT;
use clawvault_core::domain::{Found, Label, Value, ValueError};

use super::{Intake, Note, NoteKind, has_variable_form};

/// The source that values of the environment are reported under.
pub const SOURCE: &str = "the environment";

/// The values of those variables that are `known` to hold a secret, at most [`MAX_IMPORT`].
pub fn take(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: impl Fn(&str) -> bool,
) -> Intake {
    let mut intake = Intake::default();
    let is_known = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        (has_variable_form(&name) && known(&name)).then_some((name, value))
    };
    for (name, value) in variables.into_iter().filter_map(is_known).take(MAX_IMPORT) {
        match Value::new(value.into_vec()) {
            Ok(value) => intake.found.push(Found {
                source: SOURCE.to_owned(),
                line: None,
                label: Label::Variable(name),
                value,
            }),
            Err(ValueError::Empty) => {
                intake.notes.push(Note { line: None, kind: NoteKind::Empty });
            }
            Err(_) => intake.notes.push(Note { line: None, kind: NoteKind::Unfit }),
        }
    }
    intake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_are_taken() {
        let pair =
            |name: &str, value: &[u8]| (OsString::from(name), OsString::from_vec(value.to_vec()));
        let variables = [
            pair("HOME", b"/home/x"),
            pair("A_KEY", b"one\xff"),
            pair("B_KEY", b""),
            (OsString::from_vec(b"C_KEY\xff".to_vec()), OsString::from("three")),
        ];
        let intake = take(variables, |name| name.ends_with("_KEY"));
        assert_eq!(intake.found.len(), 1);
        assert_eq!(intake.found[0].label, Label::Variable("A_KEY".to_owned()));
        assert_eq!(intake.found[0].value.expose(), b"one\xff");
        assert_eq!(intake.found[0].source, "the environment");
        assert_eq!(intake.notes, [Note { line: None, kind: NoteKind::Empty }]);
    }
}
