//! `/proc/net/tcp` and `tcp6`: connections that stand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
        address: self::address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

/// An address as the kernel prints it: words of 32 bits in its own order of bytes.
fn address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        Some(u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
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
