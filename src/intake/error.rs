//! Why a document was refused: where and what kind, never what it said.

use clawvault_core::domain::limits::{MAX_DEPTH, MAX_DOCUMENT, MAX_IMPORT, MAX_VALUE};

/// Why a document was refused, and where in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// What is wrong there.
    pub kind: Kind,
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// Larger than the bound.
    #[error("the document is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// A byte sequence that is not UTF-8.
    #[error("not UTF-8 text")]
    NotUtf8,
    /// A NUL character, plain or written as an escape.
    #[error("a NUL character, which no environment variable can carry")]
    Nul,
    /// Something other than the name of an environment variable before `=`.
    #[error("not the name of an environment variable")]
    VariableName,
    /// A name without `=`.
    #[error("`=` is missing after the name")]
    MissingEquals,
    /// A quote that is opened and never closed.
    #[error("a quote is not closed")]
    UnclosedQuote,
    /// Text between a closing quote and the end of the line.
    #[error("text after the closing quote")]
    TextAfterQuote,
    /// An escape that the syntax does not know.
    #[error("an escape that is not known here")]
    Escape,
    /// A value past the bound.
    #[error("the value is larger than {MAX_VALUE} bytes")]
    ValueTooLarge,
    /// More values, or more nodes, than the bound.
    #[error("more than {MAX_IMPORT} values, or too many parts")]
    TooMany,
    /// Nested past the bound.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A key, or all keys above a value together, past the bound.
    #[error("the keys above a value are too long")]
    PathTooLong,
    /// The same key twice in one map.
    #[error("the same key twice")]
    DuplicateKey,
    /// YAML aliases that expand past the bound, or to themselves.
    #[error("aliases expand past what is allowed")]
    Aliases,
    /// A text of a document that was read, but whose place in it is not certain.
    #[error("the place of a value is not certain")]
    Unplaced,
    /// A document whose outermost part is no map.
    #[error("the document is not a map of names and values")]
    NotAMap,
    /// An export that only the program that wrote it can open.
    #[error("an encrypted export")]
    Encrypted,
    /// Names, or something deleted, where values should be.
    #[error("names without values")]
    NoValues,
    /// JSON of another shape than the named program writes.
    #[error("not what {0} writes as JSON")]
    Shape(&'static str),
    /// Any other breach of the syntax of the named format.
    #[error("not valid {0}")]
    Syntax(&'static str),
}
