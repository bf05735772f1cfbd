//! ufw's own record of its rules (`/etc/ufw/user.rules`): lines `### tuple ### allow tcp 22 …`.

use super::iptables::Opening;

/// The openings that a rules file lists.
pub fn openings(text: &str) -> Vec<Opening> {
    let tuples = text.lines().filter_map(|line| line.trim().strip_prefix("### tuple ###"));
    tuples.filter_map(tuple).collect()
}

/// `ACTION PROTOCOL DPORT DST SPORT SRC [DAPP SAPP] DIRECTION [comment=HEX]`
fn tuple(text: &str) -> Option<Opening> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let comment = words.iter().find_map(|word| word.strip_prefix("comment=")).map(unhex);
    words.retain(|word| !word.starts_with("comment="));
    let [action, protocol, port, _, _, from, rest @ ..] = words.as_slice() else { return None };
    let action = action.split('_').next().unwrap_or_default();
    let incoming = rest.last().is_none_or(|direction| direction.starts_with("in"));
    if !["allow", "limit"].contains(&action) || !incoming {
        return None;
    }
    let anywhere = ["0.0.0.0/0", "::/0", "any"].contains(from);
    Some(Opening {
        protocol: (*protocol).to_owned(),
        ports: (*port).to_owned(),
        from: (!anywhere).then(|| (*from).to_owned()),
        comment: comment.unwrap_or_default(),
    })
}

fn unhex(text: &str) -> String {
    let digits: Vec<u8> =
        text.bytes().filter_map(|b| char::from(b).to_digit(16)).map(|d| d as u8).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_are_openings() {
        let all = openings(
            "*filter\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=74656d70\n\
             ### tuple ### deny any 23 0.0.0.0/0 any 0.0.0.0/0 in\n\
             ### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 out\n\
             ### tuple ### limit tcp 18789 0.0.0.0/0 any 10.8.0.0/24 in\n### tuple ### x\n",
        );
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].ports.as_str(), all[0].comment.as_str()), ("22", "temp"));
        assert_eq!(all[1].from.as_deref(), Some("10.8.0.0/24"));
    }
}
