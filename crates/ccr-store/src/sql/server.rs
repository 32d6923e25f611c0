//! Where a database server is.

use crate::documents::Password;

/// Connections where the flag sets no limit, as the Go program's: more than any number of jobs can use at a time.
const UNLIMITED: u32 = 200;

/// A database on a server, and how to get there.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Password,
    /// The database (MySQL) or the schema in database `postgres` (PostgreSQL).
    pub database: String,
    /// Most connections; 0 or less: no limit.
    pub max_connections: i64,
}

impl ServerAddress {
    /// What a person needs to know it by.
    pub(crate) fn shown(&self) -> String {
        format!("{} at {}:{} as user {}", self.database, self.host, self.port, self.user)
    }

    /// Connections for jobs, and those for leases: they have one of their own unless there is only one.
    pub(crate) fn pool_sizes(&self) -> (u32, Option<u32>) {
        match u32::try_from(self.max_connections) {
            Ok(0) | Err(_) => (UNLIMITED, Some(2)),
            Ok(1) => (1, None),
            Ok(2) => (1, Some(1)),
            // A look at the others does not hold the lease up.
            Ok(most) => (most.min(UNLIMITED) - 2, Some(2)),
        }
    }
}
