//! What lies where in an OpenClaw home, besides the documents that an import reads, and what removes
//! a credential from there.
//!
//! Tables and commands are those of OpenClaw 2026.9; a place that is not known is still OpenClaw's.

/// A place in a home.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HomePlace {
    /// What lies there, in a few words.
    pub what: &'static str,
    /// What removes it from there; one sentence, or none where nobody knows.
    pub remedy: &'static str,
}

/// Tables of OpenClaw's databases, by how their names begin.
const TABLES: &[(&[&str], HomePlace)] = &[
    (
        &["secret_store_entries"],
        HomePlace {
            what: "its secret store, which keeps values in clear",
            remedy: "Put it into the vault, refer to it by an exec SecretRef, then `openclaw secrets \
                     store rm NAME`.",
        },
    ),
    (
        &["auth_profile_"],
        HomePlace {
            what: "an auth profile",
            remedy: "Put it into the vault, refer to it by a SecretRef, then `openclaw models auth \
                     logout PROFILE`.",
        },
    ),
    (
        &["mcp_oauth_stores"],
        HomePlace {
            what: "the login of an MCP server",
            remedy: "`openclaw mcp logout NAME`, then log in again.",
        },
    ),
    (
        &["device_", "gateway_origin_device_tokens", "apns_registrations"],
        HomePlace {
            what: "the pairing of a device",
            remedy: "`openclaw devices rotate --device ID --role ROLE`, or `revoke` in its place.",
        },
    ),
    (
        &["transcript_", "session_transcript_", "session_", "trajectory_", "acp_", "meeting_"],
        HomePlace {
            what: "a transcript: the model, and whoever reads sessions, has it",
            remedy: "`openclaw sessions delete KEY` removes the session.",
        },
    ),
    (
        &["memory_", "standing_intents"],
        HomePlace {
            what: "what the agent remembers: it is given to the model again and again",
            remedy: "`openclaw memory forget` removes it.",
        },
    ),
    (
        &["cron_", "delivery_queue_", "channel_ingress_", "task_", "subagent_", "flow_"],
        HomePlace { what: "a job or a message that waits", remedy: "" },
    ),
];

/// Files of a home, by how their paths begin.
const FILES: &[(&[&str], HomePlace)] = &[
    (
        &["credentials/"],
        HomePlace {
            what: "the login of a channel",
            remedy: "`openclaw channels logout`, then log in again.",
        },
    ),
    (
        &["workspace"],
        HomePlace {
            what: "the agent's workspace: the agent reads it, and may send it on",
            remedy: "Take it out of the file.",
        },
    ),
    (&["logs/"], HomePlace { what: "a log", remedy: "Delete the log." }),
];

/// Ends of paths of what lies at several places.
const ENDS: &[(&[&str], HomePlace)] = &[
    (&[".log", ".log.gz", ".log.zst"], HomePlace { what: "a log", remedy: "Delete the log." }),
    (
        &[".jsonl", ".jsonl.zst", ".jsonl.gz"],
        HomePlace {
            what: "a transcript: the model, and whoever reads sessions, has it",
            remedy: "`openclaw sessions delete KEY` removes the session; delete the file.",
        },
    ),
    (
        &["/catalog.json"],
        HomePlace {
            what: "a plugin's catalog",
            remedy: "Delete the file; OpenClaw makes it anew.",
        },
    ),
];

/// What is not in the tables.
const OTHER: HomePlace = HomePlace { what: "a file of its own", remedy: "" };

/// The place of a path below a home, and of a table in it where it is a database.
pub fn home_place(path: &[u8], table: Option<&[u8]>) -> HomePlace {
    let any = |names: &[&str], fits: &dyn Fn(&[u8]) -> bool| {
        names.iter().any(|name| fits(name.as_bytes()))
    };
    let in_tables = || {
        let table = table?;
        TABLES.iter().find(|(names, _)| any(names, &|name| table.starts_with(name)))
    };
    let in_files = || FILES.iter().find(|(names, _)| any(names, &|name| path.starts_with(name)));
    let in_ends = || ENDS.iter().find(|(names, _)| any(names, &|name| path.ends_with(name)));
    let found = in_tables().or_else(in_files).or_else(in_ends);
    found.map_or(OTHER, |(_, place)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_table_then_by_path() {
        let what = |path: &str, table: Option<&str>| {
            home_place(path.as_bytes(), table.map(str::as_bytes)).what
        };
        let agent = "agents/main/agent/openclaw-agent.sqlite";
        assert!(what(agent, Some("transcript_events")).starts_with("a transcript"));
        assert!(what(agent, Some("auth_profile_store")).starts_with("an auth profile"));
        assert_eq!(what(agent, Some("page 7")), OTHER.what);
        assert!(what("agents/main/sessions/1.jsonl", None).starts_with("a transcript"));
        assert!(what("credentials/whatsapp/x/creds.json", None).starts_with("the login"));
        assert_eq!(what("logs/gateway.txt", None), "a log");
        assert_eq!(what("", None), OTHER.what);
    }
}
