//! Listening sockets, as `/proc/net/tcp`, `tcp6`, `udp` and `udp6` list them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One socket that waits for others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// Its user's number.
    pub uid: u32,
    /// By which its owner is found.
    pub inode: u64,
}

/// Most lines that are read.
const MAX: usize = 65_536;
/// `TCP_LISTEN`.
const LISTEN: &str = "0A";

/// Reads a table of TCP sockets; those that do not listen are left out.
pub fn parse(text: &str) -> Vec<Listener> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().take(10).collect();
        let [_, local, _, state, _, _, _, uid, _, inode] = fields.as_slice() else { return None };
        (*state == LISTEN).then_some(())?;
        let (address, port) = local.split_once(':')?;
        let address = SocketAddr::new(self::address(address)?, u16::from_str_radix(port, 16).ok()?);
        Some(Listener { address, uid: uid.parse().ok()?, inode: inode.parse().ok()? })
    };
    text.lines().skip(1).take(MAX).filter_map(read).collect()
}

/// Hex words in the order of bytes of this machine.
pub(super) fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            let address = Ipv6Addr::from(bytes);
            Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read() {
        let all = parse(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
               0: 0100007F:2475 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5678 1 x\n\
               1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 x\n\
               2: 0100007F:2475 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 98 1 x\n\
               3: 00000000000000000000000001000000:0050 0:0 0A 0:0 0:0 0 0 0 7\nbad",
        );
        if cfg!(target_endian = "little") {
            let text: Vec<String> = all.iter().map(|one| one.address.to_string()).collect();
            assert_eq!(text, ["127.0.0.1:9333", "0.0.0.0:22", "[::1]:80"]);
            assert_eq!((all[0].uid, all[0].inode), (1000, 5678));
        }
    }
}
