//! Every bound of the vault, in one place. A thing past its bound is refused, never cut short.

pub use crate::memory::MAX_LOCKED;

/// Longest secret name, in bytes.
pub const MAX_NAME: usize = 128;
/// Longest profile or field name, in bytes.
pub const MAX_LABEL: usize = 64;
/// Longest environment variable name, in bytes.
pub const MAX_VARIABLE: usize = 128;
/// Largest value of one field, in bytes.
pub const MAX_VALUE: usize = 256 * 1024;
/// Most fields that one version may have.
pub const MAX_FIELDS: usize = 32;
/// Most environment variables that one secret may have.
pub const MAX_VARIABLES: usize = 32;
/// Largest document that is read for an import or as a policy, in bytes.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
/// Deepest nesting of a document, in levels.
pub const MAX_DEPTH: usize = 64;
/// Most values that one import takes.
pub const MAX_IMPORT: usize = 200_000;
/// Most versions of a secret that are kept; older ones are dropped when a new one comes.
pub const MAX_VERSIONS: usize = 20;
/// Most secrets with a variable that a profile's index lists; past it `run` looks at all of them.
pub const MAX_INDEX: usize = 1024;
/// Most scrubs whose files can be put back; the oldest is forgotten when a new one comes.
pub const MAX_SCRUBS: usize = 8;
/// Most files of one scrub.
pub const MAX_SCRUBBED_FILES: usize = 1024;
/// Most bytes of files that all scrubs together keep; the oldest are forgotten past it.
pub const MAX_UNDO: u64 = 64 * 1024 * 1024;
/// Most key slots of a vault.
pub const MAX_SLOTS: usize = 64;
/// Largest audit entry, in bytes.
pub const MAX_LOG_ENTRY: usize = 16 * 1024 * 1024;
/// Largest file that the vault itself keeps beside the store, in bytes (a snapshot).
pub const MAX_OWN_FILE: usize = 4 * 1024 * 1024 * 1024;
/// Size at which a segment of the audit log is closed where the policy names none, in bytes.
pub const LOG_SEGMENT: u64 = 4 * 1024 * 1024;
/// Smallest size that a policy may name for segments, in bytes.
pub const MIN_LOG_SEGMENT: u64 = 64 * 1024;
/// Largest size that a policy may name for segments, in bytes.
pub const MAX_LOG_SEGMENT: u64 = 64 * 1024 * 1024;
/// Age at which a segment of the audit log is closed, in milliseconds: 30 days.
pub const LOG_SEGMENT_AGE_MS: i64 = 30 * 86_400_000;
/// Space that is kept free for logging and storing a removal on a full disk, in bytes.
pub const LOG_RESERVE: usize = 1024 * 1024;
/// Most bytes of entries that wait for the log to be writable again.
pub const MAX_LOG_PENDING: usize = 1024 * 1024;
/// Kinds of refusals that are counted apart within a minute; all others are counted together.
pub const MAX_REFUSAL_KINDS: usize = 16;
/// Most digests of executables that are remembered.
pub const MAX_DIGESTS: usize = 4096;
/// Largest executable whose digest is computed, in bytes.
pub const MAX_EXECUTABLE: u64 = 1024 * 1024 * 1024;
/// Largest datagram that is sent to a log of the system, in bytes.
pub const MAX_DATAGRAM: usize = 32 * 1024;
/// Largest record that a feature keeps, in bytes: it travels in one message.
pub const MAX_KEPT: usize = 512 * 1024;
/// Most records that are written in one commit.
pub const MAX_KEPT_AT_ONCE: usize = 256;
/// Largest backup, and largest document in one, in bytes.
pub const MAX_BACKUP: usize = 1024 * 1024 * 1024;
/// Most places of one template.
pub const MAX_PLACES: usize = 1024;
