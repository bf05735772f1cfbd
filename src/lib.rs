//! clawvault: the features and faces over the vault of `clawvault-core`.
