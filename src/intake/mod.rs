//! Readers of foreign documents: bytes in, [`Found`] values out.
//!
//! Each parser is a pure function of its bytes: linear time, bounded size, depth and count, no
//! panic. A document that is not understood is refused as a whole. Nothing is interpolated, and
//! an error or a note holds a position and a kind, never a piece of the document. Files are read
//! elsewhere.

mod cursor;
pub mod dotenv;
mod entries;
pub mod environment;
mod error;
pub mod history;
pub mod managers;
pub mod maps;
mod members;
mod spans;
mod spots;
pub mod systemd;
mod tree;

pub use entries::{Document, Entry, Note, NoteKind};
pub use error::{Kind, ParseError};
pub use managers::{Items, Manager, Passed};
pub use maps::Format;
pub use members::{Edit, edit};
pub use spots::{Entangled, Shape, Spot, spots, without};
pub use tree::Tree;

use clawvault_core::domain::{Found, Variable, VariableError};

/// What a document yielded.
#[derive(Debug, Default)]
pub struct Intake {
    /// The values, in the order of the document.
    pub found: Vec<Found>,
    /// What the reader passed over.
    pub notes: Vec<Note>,
}

/// Reads a document of `format`; `source` is the name its values are reported under.
pub fn read(format: Format, bytes: &[u8], source: &str) -> Result<Intake, ParseError> {
    match format {
        Format::Dotenv => Ok(dotenv::parse(bytes)?.into_intake(source)),
        _ => maps::parse(format, bytes)?.into_intake(source),
    }
}

/// Whether `text` has the form of an environment variable, whatever it steers.
pub fn has_variable_form(text: &str) -> bool {
    Variable::parse(text) != Err(VariableError::Form)
}
