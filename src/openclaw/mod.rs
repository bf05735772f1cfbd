//! Reads an OpenClaw home: which credentials lie in it in clear text, where else they lie, which of
//! them the vault gives; and calls its gateway ([`rpc`]).
//!
//! Nothing is written. Paths come in as arguments. Below the home no link is followed, every file
//! is bounded, and what cannot be read is named, never quoted.

pub mod config;
pub mod credentials;
mod documents;
mod error;
pub mod exec;
pub mod gateway;
pub mod home;
mod installation;
mod leftovers;
mod personal;
mod places;
mod profiles;
mod references;
pub mod rpc;
mod scan;
mod search;
mod settings;
mod skills;

pub use credentials::suggested_name;
pub use documents::{Credential, HomeDocument, InPlace, documents};
pub use error::{HomeError, IncludeError};
pub use home::{HomeReport, PlainCopy, read};
pub use installation::installation;
pub use personal::count as count_personal;
pub use places::{HomePlace, home_place};
pub use profiles::profiles_for;
pub use scan::Reference;
pub use search::FormatHit;
pub use settings::{parse_settings, settings};
pub use skills::judge as judge_skill;
