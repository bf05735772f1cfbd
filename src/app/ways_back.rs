//! What is left where a vault does not open: which keys would open it, what a snapshot or a backup
//! can still give, with the commands to type.

use clawvault_core::platform::{Dir, Private};
use clawvault_core::vault::{Header, SlotKind};

use super::context::IDENTITY_FILE;
use super::{App, Check, Code};

impl App {
    /// The ways back into a vault that did not open for a reason of this kind.
    pub(super) fn ways_back(&self, reason: Code) -> Vec<Check> {
        match reason {
            Code::Missing => vec![Check::warn(
                "next",
                "`clawvault init` makes a vault; `clawvault restore FILE` makes one of a backup",
            )],
            Code::Denied => vec![self.keys_that_fit(), self.by_backup()],
            Code::Damaged => vec![self.snapshots(), self.by_backup()],
            _ => Vec::new(),
        }
    }

    /// Which keys open it, by their public halves, and which are at hand.
    fn keys_that_fit(&self) -> Check {
        let subject = "keys";
        let Some(header) = self.header() else {
            return Check::warn(subject, "what opens it cannot be read");
        };
        let slots =
            header.slots.iter().map(|slot| format!("{} {}", slot.kind.as_str(), slot.recipient));
        let slots = slots.collect::<Vec<_>>().join(", ");
        let at_hand = match self.identities() {
            Ok(identities) if identities.is_empty() => "no identity is at hand".to_owned(),
            Ok(identities) => {
                let public = identities.iter().map(|identity| identity.recipient().to_string());
                format!("at hand is {}", public.collect::<Vec<_>>().join(", "))
            }
            Err(error) => error.what,
        };
        Check::warn(subject, format!("it opens with {slots}; {at_hand}. {}", with_keys(&header)))
    }

    /// What snapshots give back.
    fn snapshots(&self) -> Check {
        let directory = self.place.home.join("snapshots");
        let count =
            Dir::open(&directory, Private::Inspect).and_then(|d| d.list()).map_or(0, |l| l.len());
        let directory = directory.display();
        if count == 0 {
            return Check::warn("snapshots", format!("none in {directory} to repair it from"));
        }
        Check::warn(
            "snapshots",
            format!(
                "{count} in {directory}. A store that cannot be read is rebuilt from a snapshot by \
                 itself when nothing acknowledged is missing in it; `clawvault doctor \
                 --accept-rollback` goes back to the newest sound one all the same, and later \
                 changes are gone"
            ),
        )
    }

    /// How a backup takes the place of what stands there.
    fn by_backup(&self) -> Check {
        let home = self.place.home.display();
        let identity = match self.place.home.join(IDENTITY_FILE).exists() {
            true => format!("--identity {home}.damaged/{IDENTITY_FILE}"),
            false => "--identity KEY-FILE".to_owned(),
        };
        Check::warn(
            "restore",
            format!(
                "with a backup: `clawvault restore FILE --check` shows whether a key opens it; then \
                 `mv {home} {home}.damaged` and `clawvault restore FILE {identity}`"
            ),
        )
    }
}

fn with_keys(header: &Header) -> String {
    let has = |kind| header.slots.iter().any(|slot| slot.kind == kind);
    let mut ways = Vec::new();
    if has(SlotKind::Passphrase) {
        ways.push("`clawvault list` asks for the passphrase on a terminal, or takes --passphrase-file FILE");
    }
    if has(SlotKind::Recovery) {
        ways.push(
            "with the recovery key: `(umask 077; cat > recovery-key.txt)`, paste it, end with \
             Ctrl-D, then `clawvault --identity recovery-key.txt list`",
        );
    }
    if has(SlotKind::Identity) {
        ways.push("a copy of the identity: `clawvault --identity FILE list`");
    }
    ways.join("; ")
}
