//! `/proc/net/tcp` and `tcp6`: connections that stand.

use std::net::IpAddr;

use super::sockets;

/// One connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connection {
    /// The other side.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The socket's number.
    pub inode: u64,
}

/// The connections of a table; lines of any other form are passed over.
pub fn connections(text: &str) -> Vec<Connection> {
    text.lines().filter_map(connection).collect()
}

fn connection(line: &str) -> Option<Connection> {
    let words: Vec<&str> = line.split_whitespace().take(10).collect();
    let [_, _, remote, "01", .., inode] = words.as_slice() else { return None };
    let (address, port) = remote.split_once(':')?;
    Some(Connection {
        address: sockets::address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let word = u32::from_ne_bytes([192, 0, 2, 1]);
        let line = format!(
            "   1: 0100007F:4965 {word:08X}:115C 01 00000000:00000000 00:00000000 00000000  1000 0 4242 1"
        );
        let expected =
            Connection { address: "192.0.2.1".parse().unwrap(), port: 4444, inode: 4242 };
        assert_eq!(connections(&format!("  sl  local rem\n{line}\n")), [expected]);
        assert!(connections("1: x y 01 z").is_empty());
    }
}
