//! Readers of the formats that services are configured in: bytes in, plain data out; linear time, no
//! panic, and what is not understood is left out rather than guessed.

pub mod accounts;
pub mod apt;
pub mod assignments;
pub mod auth_log;
pub mod blocks;
pub mod connections;
pub mod dpkg;
pub mod firewalld;
pub mod glob;
pub mod ini;
pub mod iptables;
pub mod logrotate;
pub mod nft;
pub mod rsyslog;
pub mod sockets;
pub mod ssh_key;
pub mod sshd;
pub mod tls;
pub mod ufw;
pub mod x509;
