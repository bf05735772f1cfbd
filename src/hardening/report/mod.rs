//! What an audit says, in each form.

mod json;
mod text;

pub use json::document;
pub use text::text;
