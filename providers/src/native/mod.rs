//! Vendors whose interface is no HTTP recipe: AWS signs each request, databases and SSH speak
//! protocols of their own, and what only the user knows is asked of the user's own program.
//!
//! Beside the rules of [`Adapter`]: where a key's own id is known it decides, since versions of one
//! secret may differ by it alone; a key that the server refuses is gone, and nothing is done for it.

pub mod aws;
mod call;
mod place;
pub mod postgres;
pub mod redis;
pub mod script;
mod socket;
pub mod ssh;

use crate::adapter::Adapter;
use crate::adapter::registry::Settings;

/// Makes an adapter for what the policy says of its vendor.
pub type Make = fn(&Settings) -> Option<Box<dyn Adapter>>;

/// A vendor that is asked natively.
pub struct Native {
    /// Its id.
    pub id: &'static str,
    /// Its name as people write it.
    pub name: &'static str,
    /// Its params in the policy, each with what it is.
    pub params: &'static [(&'static str, &'static str)],
    /// Makes its adapter.
    pub make: Make,
}

const USER: (&str, &str) = ("user", "who logs in, where no field says it");
const HOST: (&str, &str) = ("host", "where the server is, where no field says it");
const PORT: (&str, &str) = ("port", "its port; the usual one unless said");
const TLS: (&str, &str) = ("tls", "verify-full or disable; by the key's own address unless said");
const CA: (&str, &str) = ("ca_file", "certificates that the server's one is proven by");
const END: (&str, &str) = ("end_sessions", "yes or no: sessions that a revoked key opened end");
const OFFERS: (&str, &str) = ("offers", "operations that it knows; all four unless said");
const IN_PLACE: (&str, &str) = ("no_overlap", "yes, where the old key dies with `create`");

/// The vendors, by id. They come before recipes of the same id.
pub static NATIVE: &[Native] = &[
    Native {
        id: aws::VENDOR,
        name: "Amazon Web Services",
        params: &[
            ("user", "the IAM user whose keys these are; the key's own unless said"),
            ("region", "of STS; us-east-1 unless said"),
        ],
        make: |settings| Some(Box::new(aws::Aws::new(settings)?)),
    },
    Native {
        id: postgres::VENDOR,
        name: "PostgreSQL",
        params: &[
            USER,
            HOST,
            PORT,
            ("database", "the database that is logged in to"),
            TLS,
            CA,
            (
                "roles",
                "two roles of equal rights that take turns, `app_a, app_b`; in place without",
            ),
            END,
        ],
        make: |_| Some(Box::new(postgres::Postgres)),
    },
    Native {
        id: redis::VENDOR,
        name: "Redis",
        params: &[
            USER,
            HOST,
            PORT,
            TLS,
            CA,
            ("persist", "no, for a server that keeps its access lists in memory alone"),
            END,
        ],
        make: |_| Some(Box::new(redis::Redis)),
    },
    Native {
        id: script::exec::VENDOR,
        name: "A script of your own",
        params: &[
            ("script", "its absolute path"),
            ("sha256", "its digest, by which it is pinned"),
            ("timeout_s", "seconds that it may take; 60 unless said, at most 600"),
            OFFERS,
            IN_PLACE,
        ],
        make: |_| Some(Box::new(script::exec::Exec)),
    },
    Native {
        id: ssh::VENDOR,
        name: "SSH keys",
        params: &[
            HOST,
            PORT,
            USER,
            ("host_key", "the host's own public key, pinned"),
            ("authorized_keys", "the file, where it is one of this machine"),
            ("file", "its path on the host; .ssh/authorized_keys unless said"),
        ],
        make: |_| Some(Box::new(ssh::Ssh)),
    },
    Native {
        id: script::webhook::VENDOR,
        name: "A webhook of your own",
        params: &[("url", "https, or on this machine"), OFFERS, IN_PLACE],
        make: |settings| Some(Box::new(script::webhook::Webhook::new(settings)?)),
    },
];

/// The native vendor with this id.
pub fn native(id: &str) -> Option<&'static Native> {
    NATIVE.iter().find(|one| one.id == id)
}
