//! Finds leaked secrets: in bytes, in trees of files and in git repositories.
//!
//! Floors, lowest first: `base64` knows its alphabets and [`gram`] finds keywords, [`rule`] says what
//! is looked for, [`judge`] tells secrets from what only looks like one, [`decode`] undoes encodings,
//! [`engine`] finds them in one text, [`finding`] is what is told of one, `source` brings texts,
//! `report` writes findings down. Deliberately absent: the vault ([`engine::Known`] stands for it),
//! the network, the terminal.

mod base64;
pub mod decode;
pub mod engine;
pub mod finding;
pub mod gram;
pub mod ignores;
pub mod judge;
pub mod report;
pub mod rule;
pub mod source;
