//! The only way to a value: the audit log first, then the fields.

use crate::auditlog::Item;
use crate::domain::{Event, ProfileName, Revealed, SecretInfo, SecretName};
use crate::platform::failpoint;

use super::trace::item;
use super::{Vault, VaultError, Who, codec};
use crate::domain::Outcome;

/// What values are wanted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To be written to a document.
    Export,
    /// To be shown.
    Get,
    /// To be told to OpenClaw's resolver.
    Resolve,
    /// To be replaced at its vendor.
    Rotate,
    /// To be revoked at its vendor.
    Revoke,
    /// To be sought in what may have leaked.
    Scan,
}

/// A secret whose fields are wanted.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its profile.
    pub profile: ProfileName,
    /// Its name.
    pub name: SecretName,
    /// Which version; the current one where none is named.
    pub version: Option<u32>,
}

impl Vault {
    /// Opens the fields of the wanted secrets, all or none, after logging it durably.
    pub fn reveal(
        &mut self,
        who: &Who,
        purpose: Purpose,
        wants: &[Want],
    ) -> Result<Vec<Revealed>, VaultError> {
        let event = match purpose {
            Purpose::Export => Event::Export,
            Purpose::Get => Event::Get,
            Purpose::Resolve => Event::Resolve,
            Purpose::Rotate => Event::Rotate,
            Purpose::Revoke => Event::Revoke,
            Purpose::Scan => Event::Scan,
        };
        let found: Result<Vec<_>, _> = wants.iter().map(|want| self.find(want)).collect();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let items = wants.iter().map(|want| Item {
                    profile: want.profile.to_string(),
                    secret: want.name.to_string(),
                    version: want.version.unwrap_or(0),
                });
                self.note(who, event, Outcome::Failed, items.collect());
                return Err(error);
            }
        };
        self.reveal_found(who, event, found)
    }

    /// Opens one secret for each of several that ask at the same time: the log has an entry for each,
    /// and all of them are durable before the first field is opened, by one sync.
    pub fn reveal_each(&mut self, asks: &[(&Who, &Want)]) -> Vec<Result<Revealed, VaultError>> {
        let found: Vec<_> = asks.iter().map(|(_, want)| self.find(want).ok()).collect();
        let now = self.clock.now_ms();
        let announced = asks.iter().zip(&found).filter_map(|((who, _), found)| {
            let (info, version) = found.as_ref()?;
            Some(who.entry(now, Event::Get, Outcome::Ok, vec![item(info, *version)]))
        });
        let entries: Vec<_> = announced.collect();
        let logged =
            self.record_all(&entries).map_err(Into::into).and_then(|()| self.remember(false));
        asks.iter()
            .zip(found)
            .map(|((who, want), found)| match (found, &logged) {
                (Some((info, version)), Ok(())) => self.open_fields(info, version),
                // Each is told, and logged, on its own.
                _ => {
                    let mut all = self.reveal(who, Purpose::Get, std::slice::from_ref(want))?;
                    let missing = || VaultError::NoSuch(format!("secret {}", want.name));
                    all.pop().ok_or_else(missing)
                }
            })
            .collect()
    }

    /// Opens the current fields of secrets for a launched process, after logging it. `infos` are
    /// what this very session has read: nobody else can have changed them since.
    pub fn reveal_current(
        &mut self,
        who: &Who,
        infos: Vec<SecretInfo>,
    ) -> Result<Vec<Revealed>, VaultError> {
        let current = |info: SecretInfo| match info.current().map(|version| version.number) {
            Some(number) => Ok((info, number)),
            None => Err(VaultError::NoSuch(format!("current version of {}", info.name))),
        };
        let found: Result<Vec<_>, VaultError> = infos.into_iter().map(current).collect();
        self.reveal_found(who, Event::Run, found?)
    }

    fn reveal_found(
        &mut self,
        who: &Who,
        event: Event,
        found: Vec<(SecretInfo, u32)>,
    ) -> Result<Vec<Revealed>, VaultError> {
        let items = found.iter().map(|(info, version)| item(info, *version)).collect();
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, items);
        failpoint::hit("reveal.log")?;
        match event {
            // The vendor alone gets the value, to refuse it from then on.
            Event::Revoke => self.record_or_go_on(&entry)?,
            _ => self.record(&entry).map(drop)?,
        }
        failpoint::hit("reveal.anchor")?;
        self.remember(false)?;
        failpoint::hit("reveal.open")?;
        found.into_iter().map(|(info, version)| self.open_fields(info, version)).collect()
    }

    fn find(&self, want: &Want) -> Result<(SecretInfo, u32), VaultError> {
        let no_such =
            || VaultError::NoSuch(format!("secret {} in profile {}", want.name, want.profile));
        let info = self.secret(&want.profile, &want.name)?;
        let info = info.filter(|info| info.removed_ms.is_none()).ok_or_else(no_such)?;
        let version = match want.version {
            Some(number) => info.version(number),
            None => info.current(),
        };
        let number = version.map(|v| v.number).ok_or_else(|| {
            VaultError::NoSuch(format!("such version of {} in profile {}", want.name, want.profile))
        })?;
        Ok((info, number))
    }

    /// Opens the fields of one version; internal, because it logs nothing.
    pub(super) fn open_fields(
        &self,
        info: SecretInfo,
        version: u32,
    ) -> Result<Revealed, VaultError> {
        let key = self.secret_key(&info.profile, &info.name).version(version);
        let plain = self.ledger.read(&self.keys, &key)?;
        let plain = plain.ok_or_else(|| {
            VaultError::Damaged(format!("version {version} of {} is missing", info.name))
        })?;
        let fields = codec::decode_fields(plain)?;
        Ok(Revealed { info, version, fields })
    }
}
