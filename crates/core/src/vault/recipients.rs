//! Key slots of a vault that exists: one more under the vault key, or all of them under a new one.

use crate::crypto::VaultKey;
use crate::domain::limits::MAX_SLOTS;
use crate::domain::{Event, Outcome};
use crate::platform::failpoint;

use super::create::NewSlot;
use super::open::HEADER;
use super::{NextEpoch, Slot, Vault, VaultError, Who};

impl Vault {
    /// Adds key slots, after logging it. `key` is the vault's own, as
    /// [`Vault::open_with_key`] gives it.
    pub fn add_slots(
        &mut self,
        key: &VaultKey,
        who: &Who,
        slots: &[NewSlot],
    ) -> Result<Vec<String>, VaultError> {
        let mut header = self.header.clone();
        let before = header.slots.len();
        for slot in slots {
            let slot = slot.make(key, self.clock.now_ms())?;
            if header.slots.iter().any(|other| other.recipient == slot.recipient) {
                let text = "the vault has this recipient already".to_owned();
                return Err(VaultError::Limit(text));
            }
            header.slots.push(slot);
        }
        if header.slots.len() > MAX_SLOTS {
            let text = format!("a vault has at most {MAX_SLOTS} recipients");
            return Err(VaultError::Limit(text));
        }
        let added: Vec<String> =
            header.slots[before..].iter().map(|slot| slot.recipient.clone()).collect();
        let now = self.clock.now_ms();
        let mut entry = who.entry(now, Event::RecipientAdd, Outcome::Ok, Vec::new());
        entry.note = added.join(" ");
        failpoint::hit("slot.log")?;
        self.record(&entry)?;
        let written = header.to_text(&self.keys).and_then(|text| {
            failpoint::hit("slot.header")?;
            Ok(self.home.replace(HEADER, text.as_bytes())?)
        });
        if written.is_err() {
            entry.outcome = Outcome::Failed;
            self.record(&entry).ok();
        }
        self.remember(false).ok();
        written?;
        self.header = header;
        Ok(added)
    }

    /// Prepares a new vault key for what the vault holds and for whom it opens, but for `without`.
    pub fn prepare_rekey(&self, without: Option<&str>) -> Result<NextEpoch, VaultError> {
        let stays = |slot: &&Slot| without.is_none_or(|gone| slot.recipient != gone);
        let slots: Vec<Slot> = self.header.slots.iter().filter(stays).cloned().collect();
        if slots.is_empty() {
            let text =
                "it is the only recipient: without it nobody could open the vault".to_owned();
            return Err(VaultError::Limit(text));
        }
        self.prepare_epoch(&slots, 0, self.contents()?)
    }
}
