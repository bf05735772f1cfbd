//! What can be asked of a vendor about a key, whoever the vendor is.
//!
//! An adapter is stateless: everything it needs comes with an [`Ask`]. It makes the calls that an
//! operation needs and answers; it never loops until something succeeds, and it never repeats a
//! call that creates. What to do about a failure is its caller's decision, made by [`VendorError`].

mod error;
pub mod registry;

pub use error::{Kind, VendorError};

use std::{collections::BTreeMap, future::Future, pin::Pin};

use clawvault_core::domain::{FieldName, Value};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, VendorError>> + Send + 'a>>;

/// The fields of one version of a secret.
pub type Fields = Vec<(FieldName, Value)>;

/// One vendor's interface for the life of its keys.
pub trait Adapter: Send + Sync {
    /// What the vendor's interface can do; constant.
    fn abilities(&self) -> Abilities;

    /// The same for a key of this kind, where kinds differ; nothing is asked of the vendor.
    fn abilities_for(&self, _ask: &Ask) -> Abilities {
        self.abilities()
    }

    /// What a person does where no call makes or revokes a key of this kind.
    fn guide(&self, _operation: Operation, _ask: &Ask) -> Guide {
        Guide::default()
    }

    /// Asks whether the vendor accepts the key, and whose it is. Costs nothing at the vendor.
    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity>;

    /// Makes a second key with the rights of the one in `ask`. Called once: never repeated, neither
    /// here nor by a caller who does not know what became of it.
    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created>;

    /// Makes the vendor refuse the key. A key that is gone already is no error.
    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked>;

    /// The keys that exist beside the one in `ask` (same project, user, account).
    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>>;

    /// The calls that an operation would make, one line each, method and address, with no value in them.
    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String>;
}

/// What a person does at the vendor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Guide {
    /// The page.
    pub console: Option<String>,
    /// The steps there, one sentence each.
    pub steps: Vec<String>,
}

/// What an operation works on, and by whose right.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The secret's name, which may tell what kind of key it is; empty where there is none.
    pub secret: String,
    /// The fields of the key.
    pub key: Fields,
    /// The vendor's own id of the key, where it is known: kept since the key was made.
    pub key_id: Option<String>,
    /// Where an orphan is asked about, of which only the id is known, and `key` is empty: the fields of
    /// the key beside it. They say where the vendor is and may ask; they are never its object.
    pub beside: Fields,
    /// The fields of the admin credential that the policy names.
    pub admin: Option<Fields>,
    /// `params` of the policy.
    pub params: BTreeMap<String, String>,
    /// A name for a key that is made: it holds the rotation's id, so that an orphan can be told.
    pub label: String,
    /// Whether calls that replace a key in place are allowed: the policy says so.
    pub no_overlap_allowed: bool,
}

/// One thing that an adapter can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Is it accepted?
    Validate,
    /// Make a second one.
    Create,
    /// Make it refused.
    Revoke,
    /// Which are there?
    List,
}

/// How much of a key's life the vendor's interface covers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Made, proven and revoked by calls.
    Automatic,
    /// A person makes it at the console; the rest is calls.
    Assisted,
    /// A person does everything.
    Manual,
    /// The only call replaces the key in place: the old one is dead when the new one is told.
    NoOverlap,
}

/// What a vendor's interface can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Abilities {
    /// How much of a key's life it covers.
    pub level: Level,
    /// Whether a key can be asked about.
    pub validate: bool,
    /// Whether a second key can be made.
    pub create: bool,
    /// Whether `create` needs the admin credential.
    pub create_needs_admin: bool,
    /// Whether a key can be revoked.
    pub revoke: bool,
    /// Whether `revoke` needs the admin credential.
    pub revoke_needs_admin: bool,
    /// Whether keys can be listed, so that a lost reply can be settled.
    pub list: bool,
    /// Most keys that can be live at once, where the vendor bounds them (AWS: 2).
    pub most_keys: Option<u32>,
    /// Seconds after which a new key is accepted everywhere.
    pub propagation_s: u32,
}

impl Abilities {
    /// All of it by calls, by the key's own right, at once and in any number.
    pub const AUTOMATIC: Self = Self {
        level: Level::Automatic,
        validate: true,
        create: true,
        create_needs_admin: false,
        revoke: true,
        revoke_needs_admin: false,
        list: true,
        most_keys: None,
        propagation_s: 0,
    };

    /// Whether a call makes the new key: the vendor has one, and the policy allows it (`no_overlap`,
    /// where the call replaces the key in place) and names what it takes (`admin`).
    pub fn makes(&self, no_overlap: bool, admin: bool) -> bool {
        let allowed = match self.level {
            Level::Automatic => true,
            Level::NoOverlap => no_overlap,
            Level::Assisted | Level::Manual => false,
        };
        self.create && allowed && (admin || !self.create_needs_admin)
    }
}

/// What the vendor says of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Validity {
    /// Accepted.
    Live(Identity),
    /// Refused as a key: unknown, disabled, expired. The reason in the vendor's term, never its text.
    Dead(String),
    /// Neither can be told, and why.
    Unknown(String),
}

/// Whose key it is and what it may do, where the vendor says so.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Identity {
    /// Account, organization, user, as the vendor names it.
    pub owner: Option<String>,
    /// What it may do: scopes, roles.
    pub scopes: Vec<String>,
    /// When it ends by itself, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// The vendor's own id of it.
    pub key_id: Option<String>,
}

/// A key that was made.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its fields, all of them.
    pub fields: Fields,
    /// The vendor's own id of it.
    pub key_id: Option<String>,
    /// When it ends by itself, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// How a key came to be refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revoked {
    /// It ends now, or ended before.
    Done,
    /// The vendor took the order and carries it out later.
    Accepted,
}

/// A key as the vendor lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The vendor's own id.
    pub key_id: String,
    /// Its name at the vendor, which holds the label it was made with.
    pub name: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Whether it is accepted.
    pub active: bool,
    /// The piece of the value that the vendor shows, for telling which it is.
    pub hint: Option<String>,
}
