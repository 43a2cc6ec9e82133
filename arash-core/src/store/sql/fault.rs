//! What callers are told of a database's faults.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Which addresses are accepted, for messages.
pub(super) const fn accepted() -> &'static str {
    match (cfg!(feature = "sqlite"), cfg!(feature = "postgres")) {
        (true, true) => {
            "a SQLite file as in sqlite://arash.db, or a PostgreSQL server as in postgres://user:password@host/name"
        }
        (true, false) => "a SQLite file is expected, as in sqlite://arash.db",
        _ => "a PostgreSQL server is expected, as in postgres://user:password@host/name",
    }
}

/// Why a transaction did not come to its end.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether it left nothing behind and may go better the next time.
    pub(super) may_retry: bool,
}

impl Failure {
    pub(super) const fn last(error: Error) -> Self {
        Self { error, may_retry: false }
    }
}

/// What a caller is told of a database's fault; the fault itself stays in the source.
pub(super) fn fault(fault: sqlx::Error) -> Error {
    let error = match &fault {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            Error::new(ErrorKind::AlreadyExists, "a value that must be unique is taken")
        }
        sqlx::Error::Database(database) if database.is_foreign_key_violation() => {
            Error::new(ErrorKind::NotFound, "a thing that is named does not exist")
        }
        sqlx::Error::Database(database) if passes(database.as_ref()) => {
            Error::unavailable("storage cannot be used right now")
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::InvalidSavePointStatement
        | sqlx::Error::BeginFailed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Io(_) => Error::unavailable("storage cannot be reached right now"),
        _ => Error::internal("storage failed"),
    };
    error.with_source(SqlFault(fault))
}

/// The fault of the driver, as the source of our error.
///
/// Of what the database itself says only its message is shown: further words of it, such as PostgreSQL's details, may
/// repeat what a row holds, and sources are logged.
#[derive(thiserror::Error)]
#[error("{}", told(.0))]
pub(super) struct SqlFault(pub(super) sqlx::Error);

fn told(fault: &sqlx::Error) -> String {
    match fault {
        sqlx::Error::Database(fault) => {
            format!("{} ({})", fault.message(), fault.code().as_deref().unwrap_or("no code"))
        }
        fault => fault.to_string(),
    }
}

impl fmt::Debug for SqlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(&self.0))
    }
}

/// The driver's fault that an error came from.
pub(super) fn source(error: &Error) -> Option<&sqlx::Error> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<SqlFault>().map(|fault| &fault.0)
}

/// Faults of the place or the moment rather than of the statement.
fn passes(fault: &dyn sqlx::error::DatabaseError) -> bool {
    #[cfg(feature = "sqlite")]
    if fault.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return crate::store::sql::sqlite::passes(fault);
    }
    #[cfg(feature = "postgres")]
    if fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return crate::store::sql::postgres::passes(fault);
    }
    false
}
