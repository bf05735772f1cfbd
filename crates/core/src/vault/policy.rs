//! The policy document inside the vault.

use std::cell::OnceCell;

use crate::domain::{Event, Outcome, Policy};
use crate::store::{Change, RecordKey};

use super::{Vault, VaultError, Who, codec, record_keys};

impl Vault {
    /// The policy's text; empty where none was applied.
    pub fn policy_text(&self) -> Result<String, VaultError> {
        match self.ledger.read(&self.keys, &self.policy_key())? {
            Some(plain) => Ok(codec::decode(&plain)?),
            None => Ok(String::new()),
        }
    }

    /// The policy in force.
    pub fn policy(&self) -> Result<Policy, VaultError> {
        let policy = Policy::parse(&self.policy_text()?)?;
        self.rules.get_or_init(|| policy.log);
        Ok(policy)
    }

    /// Replaces the policy whole; a text that does not parse changes nothing.
    pub fn apply_policy(&mut self, who: &Who, text: &str) -> Result<(), VaultError> {
        Policy::check(text)?;
        let plain = Some(codec::encode(&text)?);
        let entry = who.entry(self.clock.now_ms(), Event::Policy, Outcome::Ok, Vec::new());
        let key = self.policy_key();
        self.commit(&entry, &[Change { key, plain }])?;
        self.rules = OnceCell::new();
        Ok(())
    }

    fn policy_key(&self) -> RecordKey {
        record_keys::policy(&self.keys)
    }
}
