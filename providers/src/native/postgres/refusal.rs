//! What a PostgreSQL error means, by its SQLSTATE and the routine that raised it: its text is in the
//! server's language, and may repeat what it was sent.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::adapter::{Kind, Validity, VendorError};
use crate::native::call::Call;

/// What a refused login says of the password.
pub(super) fn validity(call: &Call<'_>, error: &Error) -> Result<Validity, VendorError> {
    let Some(db) = error.as_db_error() else { return Err(fault(call, error)) };
    let state = db.code().code().to_owned();
    Ok(if is_dead(db.code(), db.routine()) {
        Validity::Dead(format!("SQLSTATE {state}"))
    } else {
        Validity::Unknown(format!("SQLSTATE {state}"))
    })
}

/// A wrong password, or a role that may not log in. The same state is raised, by another routine,
/// where `pg_hba.conf` shuts out this host: that says nothing of the password.
fn is_dead(state: &SqlState, routine: Option<&str>) -> bool {
    *state == SqlState::INVALID_PASSWORD
        || *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && routine == Some("InitializeSessionUserId")
}

/// A failure, in our words.
pub(super) fn fault(call: &Call<'_>, error: &Error) -> VendorError {
    match error.as_db_error() {
        Some(db) => {
            call.fault(kind(db), format!("the server answered SQLSTATE {}", db.code().code()))
        }
        None => call.fault(Kind::Lost, "the connection ended before the answer"),
    }
}

fn kind(db: &DbError) -> Kind {
    match db.code().code() {
        "28P01" | "28000" => Kind::Unauthorized,
        "42501" => Kind::Forbidden,
        "42704" | "3D000" => Kind::NotFound,
        "53300" => Kind::RateLimited,
        // Deadlocks, admin shutdown, starting up, out of resources.
        state if ["40", "53", "57", "58", "XX"].iter().any(|class| state.starts_with(class)) => {
            Kind::VendorFailed
        }
        // The transaction is undone: nothing was carried out.
        _ => Kind::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_shut_out_does_not_kill_a_password() {
        let refused = SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
        assert!(is_dead(&SqlState::INVALID_PASSWORD, Some("auth_failed")));
        assert!(is_dead(&refused, Some("InitializeSessionUserId")));
        assert!(!is_dead(&refused, Some("ClientAuthentication")));
        assert!(!is_dead(&SqlState::TOO_MANY_CONNECTIONS, None));
    }
}
