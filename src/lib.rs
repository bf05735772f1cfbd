//! clawvault: the features and faces over the vault of `clawvault-core`.

pub mod intake;
pub mod openclaw;
