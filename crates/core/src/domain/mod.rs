//! Plain types that every floor speaks: names, values, bounds, what an import found.

mod found;
pub mod limits;
mod name;
mod value;

pub use found::{Found, Label};
pub use name::{FieldName, NameError, ProfileName, SecretName, Variable, VariableError};
pub use value::{Value, ValueError};
