//! Secrets, their versions, and their values in a body.

use std::sync::Arc;

use clawvault_core::domain::limits::MAX_FIELDS;
use clawvault_core::domain::{
    FieldName, Injection, ProfileName, Revealed, SecretInfo, SecretName, Stage, Value, Variable,
    VersionInfo,
};
use clawvault_core::memory::LockedBytes;
use clawvault_core::vault::{Put, PutOutcome, Stored};

use super::check;
use crate::frame::FrameError;
use crate::messages as m;

/// Profile and name.
///
/// # Errors
/// Where one is none.
pub fn name(name: Option<m::Name>) -> Result<(ProfileName, SecretName), FrameError> {
    let m::Name { profile, secret } = name.ok_or(FrameError::Malformed)?;
    Ok((check(ProfileName::parse(&profile))?, check(SecretName::parse(&secret))?))
}

/// Names of secrets.
///
/// # Errors
/// Where one is none.
pub fn names(all: &[String]) -> Result<Vec<SecretName>, FrameError> {
    all.iter().map(|text| check(SecretName::parse(text))).collect()
}

impl m::Name {
    /// The key of a secret.
    pub fn of(profile: &ProfileName, name: &SecretName) -> Self {
        Self { profile: profile.to_string(), secret: name.to_string() }
    }
}

impl From<&Injection> for m::Injection {
    fn from(one: &Injection) -> Self {
        Self { variable: one.variable.to_string(), field: one.field.to_string() }
    }
}

impl TryFrom<m::Injection> for Injection {
    type Error = FrameError;

    fn try_from(one: m::Injection) -> Result<Self, FrameError> {
        Ok(Self {
            variable: check(Variable::parse(&one.variable))?,
            field: check(FieldName::parse(&one.field))?,
        })
    }
}

impl From<&SecretInfo> for m::Secret {
    fn from(info: &SecretInfo) -> Self {
        let field =
            |(name, bytes): &(FieldName, u32)| m::Field { name: name.to_string(), bytes: *bytes };
        let version = |v: &VersionInfo| m::Version {
            number: v.number,
            stage: v.stage.as_str().to_owned(),
            created_ms: v.created_ms,
            fields: v.fields.iter().map(field).collect(),
            fingerprint: v.fingerprint.to_vec(),
        };
        Self {
            name: Some(m::Name::of(&info.profile, &info.name)),
            vendor: info.vendor.clone(),
            injections: info.injections.iter().map(Into::into).collect(),
            admin: info.admin,
            created_ms: info.created_ms,
            removed_ms: info.removed_ms,
            versions: info.versions.iter().map(version).collect(),
        }
    }
}

impl TryFrom<m::Secret> for SecretInfo {
    type Error = FrameError;

    fn try_from(secret: m::Secret) -> Result<Self, FrameError> {
        let (profile, name) = name(secret.name)?;
        let injections: Result<_, FrameError> =
            secret.injections.into_iter().map(TryInto::try_into).collect();
        let versions: Result<_, FrameError> = secret.versions.into_iter().map(version).collect();
        Ok(Self {
            profile,
            name,
            vendor: secret.vendor,
            injections: injections?,
            admin: secret.admin,
            created_ms: secret.created_ms,
            removed_ms: secret.removed_ms,
            versions: versions?,
        })
    }
}

/// The stage of that name.
///
/// # Errors
/// Where it is none.
pub fn stage(name: &str) -> Result<Stage, FrameError> {
    let stages = [Stage::Pending, Stage::Current, Stage::Previous, Stage::Retired];
    stages.into_iter().find(|stage| stage.as_str() == name).ok_or(FrameError::Malformed)
}

fn version(version: m::Version) -> Result<VersionInfo, FrameError> {
    let field = |f: m::Field| Ok((check(FieldName::parse(&f.name))?, f.bytes));
    let fields: Result<_, FrameError> = version.fields.into_iter().map(field).collect();
    Ok(VersionInfo {
        number: version.number,
        stage: stage(&version.stage)?,
        created_ms: version.created_ms,
        fields: fields?,
        fingerprint: check(version.fingerprint.try_into())?,
    })
}

/// Takes values out of a body, one behind the other.
pub struct Revealing<'a> {
    body: &'a Arc<LockedBytes>,
    at: usize,
}

impl<'a> Revealing<'a> {
    /// From the start of a body.
    pub fn of(body: &'a Arc<LockedBytes>) -> Self {
        Self { body, at: 0 }
    }

    /// Fields with their values.
    ///
    /// # Errors
    /// Where the body does not hold them, or one has no name.
    pub fn fields(&mut self, fields: Vec<m::Field>) -> Result<Vec<(FieldName, Value)>, FrameError> {
        if fields.len() > MAX_FIELDS {
            return Err(FrameError::Malformed);
        }
        fields
            .into_iter()
            .map(|field| {
                let length = check(usize::try_from(field.bytes))?;
                let end = self.at.checked_add(length).ok_or(FrameError::Malformed)?;
                let value = check(Value::within(self.body, self.at..end))?;
                self.at = end;
                Ok((check(FieldName::parse(&field.name))?, value))
            })
            .collect()
    }

    /// Whether all of the body was taken.
    ///
    /// # Errors
    /// Where something is left.
    pub fn end(&self) -> Result<(), FrameError> {
        if self.at == self.body.len() { Ok(()) } else { Err(FrameError::Malformed) }
    }
}

/// Names and lengths of fields, for a message; the values themselves go to the body.
fn split(fields: &[(FieldName, Value)], body: &mut Vec<Value>) -> Vec<m::Field> {
    body.extend(fields.iter().map(|(_, value)| value.clone()));
    let field = |(name, value): &(FieldName, Value)| m::Field {
        name: name.to_string(),
        bytes: u32::try_from(value.len()).unwrap_or(u32::MAX),
    };
    fields.iter().map(field).collect()
}

/// A revealed secret; its values go to the body.
pub fn revealed_message(one: &Revealed, body: &mut Vec<Value>) -> m::Revealed {
    let fields = split(&one.fields, body);
    m::Revealed { secret: Some((&one.info).into()), version: one.version, fields }
}

/// A revealed secret, its values out of the body.
///
/// # Errors
/// Where something does not check.
pub fn revealed(one: m::Revealed, body: &mut Revealing<'_>) -> Result<Revealed, FrameError> {
    let info = one.secret.ok_or(FrameError::Malformed)?.try_into()?;
    Ok(Revealed { info, version: one.version, fields: body.fields(one.fields)? })
}

/// What is to be stored; its values go to the body.
pub fn put_message(put: &Put, body: &mut Vec<Value>) -> m::Put {
    let all = |all: &Vec<Injection>| m::Injections { all: all.iter().map(Into::into).collect() };
    m::Put {
        name: Some(m::Name::of(&put.profile, &put.name)),
        vendor: put.vendor.clone(),
        admin: put.admin,
        injections: put.injections.as_ref().map(all),
        add: put.add,
        fields: split(&put.fields, body),
    }
}

/// What is to be stored, its values out of the body.
///
/// # Errors
/// Where something does not check.
pub fn put(put: m::Put, body: &mut Revealing<'_>) -> Result<Put, FrameError> {
    let (profile, name) = name(put.name)?;
    let all = |all: m::Injections| all.all.into_iter().map(TryInto::try_into).collect();
    Ok(Put {
        profile,
        name,
        vendor: put.vendor,
        admin: put.admin,
        injections: put.injections.map(all).transpose()?,
        add: put.add,
        fields: body.fields(put.fields)?,
    })
}

const OUTCOMES: [(PutOutcome, &str); 4] = [
    (PutOutcome::Created, "created"),
    (PutOutcome::Relabelled, "relabelled"),
    (PutOutcome::Unchanged, "unchanged"),
    (PutOutcome::Updated, "updated"),
];

impl From<&Stored> for m::Stored {
    fn from(stored: &Stored) -> Self {
        let word = OUTCOMES.iter().find(|(outcome, _)| *outcome == stored.outcome);
        Self {
            name: Some(m::Name::of(&stored.profile, &stored.name)),
            version: stored.version,
            outcome: word.map(|(_, word)| (*word).to_owned()).unwrap_or_default(),
        }
    }
}

/// What became of a put.
///
/// # Errors
/// Where something does not check.
pub fn stored(stored: m::Stored) -> Result<Stored, FrameError> {
    let (profile, name) = name(stored.name)?;
    let outcome = OUTCOMES.iter().find(|(_, word)| *word == stored.outcome);
    let outcome = outcome.ok_or(FrameError::Malformed)?.0;
    Ok(Stored { profile, name, version: stored.version, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outgoing;

    #[test]
    fn a_secret_and_its_values_come_back_as_they_were() {
        let value = |text: &str| Value::new(text.as_bytes().to_vec()).unwrap();
        let fields: Vec<_> = [("one", "first"), ("two", "second")]
            .map(|(name, text)| (FieldName::parse(name).unwrap(), value(text)))
            .into();
        let version = VersionInfo {
            number: 7,
            stage: Stage::Previous,
            created_ms: -3,
            fields: fields.iter().map(|(n, v)| (n.clone(), v.len() as u32)).collect(),
            fingerprint: [9; 16],
        };
        let info = SecretInfo {
            profile: ProfileName::default(),
            name: SecretName::parse("aws/main").unwrap(),
            vendor: Some("aws".to_owned()),
            injections: vec![Injection {
                variable: Variable::parse("A").unwrap(),
                field: fields[0].0.clone(),
            }],
            admin: true,
            created_ms: 5,
            removed_ms: Some(6),
            versions: vec![version],
        };
        let one = Revealed { info, version: 7, fields };
        let mut body = Vec::new();
        let message = revealed_message(&one, &mut body);
        let bytes: Vec<u8> = body.iter().flat_map(|v| v.expose().to_vec()).collect();
        assert!(Outgoing::new(&message, body).is_ok());
        let body = Arc::new(LockedBytes::from(bytes));
        let mut values = Revealing::of(&body);
        let back = revealed(message.clone(), &mut values).unwrap();
        values.end().unwrap();
        assert_eq!((back.info, back.fields), (one.info, one.fields));
        // A body that is too short, or too long, is no body of this message.
        let short = Arc::new(LockedBytes::from(b"first".to_vec()));
        assert!(revealed(message.clone(), &mut Revealing::of(&short)).is_err());
        let long = Arc::new(LockedBytes::from(b"firstsecond!".to_vec()));
        let mut values = Revealing::of(&long);
        revealed(message, &mut values).unwrap();
        assert!(values.end().is_err());
    }
}
