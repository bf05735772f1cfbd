//! The vault of `clawvault`: what a secret is, how it is sealed, where it lies, who touched it.
//!
//! Modules in order, lower first; an arrow never points up (the test `house` guards it):
//! [`memory`] locked and wiped bytes, [`domain`] plain types, [`platform`] the operating system, [`crypto`] sealing,
//! [`store`] sealed bytes and their proof, [`auditlog`] who did what,
//! [`vault`] the meaning.
//!
//! Deliberately absent: network, terminal, environment variables, the user's home directory. Paths
//! and time come in as arguments.

pub mod auditlog;
pub mod crypto;
pub mod domain;
pub mod memory;
pub mod platform;
pub mod store;
pub mod vault;
