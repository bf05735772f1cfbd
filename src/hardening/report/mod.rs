//! What an audit says, in each form.

mod html;
mod json;
mod sarif;
mod text;

pub use html::html;
pub use json::document;
pub use sarif::sarif;
pub use text::text;
