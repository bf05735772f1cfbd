//! Readers of the formats that services are configured in: bytes in, plain data out; linear time, no
//! panic, and what is not understood is left out rather than guessed.

pub mod accounts;
pub mod assignments;
pub mod auth_log;
pub mod connections;
pub mod logrotate;
pub mod rsyslog;
