//! The vault of `clawvault`: what a secret is, how it is sealed, where it lies, who touched it.
//!
//! Modules in order, lower first; an arrow never points up (the test `house` guards it):
//! [`domain`] plain types, [`platform`] the operating system, [`crypto`] sealing,
//! [`store`] sealed bytes and their proof, [`auditlog`] who did what.
//!
//! Deliberately absent: network, terminal, environment variables, the user's home directory. Paths
//! and time come in as arguments.

pub mod auditlog;
pub mod crypto;
pub mod domain;
pub mod platform;
pub mod store;
