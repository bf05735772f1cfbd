//! clawvault: the features and faces over the vault of `clawvault-core`.
//!
//! Features ([`intake`], [`launch`], [`mask`], [`openclaw`], [`programs`],
//! [`rotate`]) never name each other,
//! except that `openclaw` reads documents with `intake`; [`app`] joins them with the vault; [`cli`]
//! and [`daemon`] are the faces.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "clawvault runs on Linux: it relies on /proc, memory locking and exec as Linux has them"
);

pub mod app;
pub mod cli;
pub mod daemon;
pub mod hardening;
pub mod intake;
pub mod launch;
pub mod mask;
pub mod openclaw;
pub mod programs;
pub mod rotate;
