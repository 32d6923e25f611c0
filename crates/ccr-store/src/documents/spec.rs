//! One side of a job: where a cluster is and what of it is replicated (Go: `base.Spec`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::go_json::{is_zero, null_is_zero};

/// `src` or `dest` of a job document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// The FE given by the user: the public address if there is a host mapping.
    #[serde(deserialize_with = "null_is_zero")]
    pub host: String,
    /// MySQL port of that FE, decimal. A string in the document.
    #[serde(deserialize_with = "null_is_zero")]
    pub port: String,
    /// `rpc_port` of that FE, decimal. A string in the document.
    #[serde(deserialize_with = "null_is_zero")]
    pub thrift_port: String,
    /// Never set here by the Go program; meaningful in [`Spec::frontends`].
    #[serde(deserialize_with = "null_is_zero")]
    pub is_master: bool,
    /// The FEs that the cluster named when the job was created; `None` is null.
    pub frontends: Option<Vec<Frontend>>,
    #[serde(deserialize_with = "null_is_zero")]
    pub user: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub password: Password,
    /// Passed through in two RPCs, otherwise unused.
    #[serde(deserialize_with = "null_is_zero")]
    pub cluster: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub database: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub db_id: i64,
    /// Empty in a database sync.
    #[serde(deserialize_with = "null_is_zero")]
    pub table: String,
    /// Zero in a database sync, and at the destination until the first full sync ended.
    #[serde(deserialize_with = "null_is_zero")]
    pub table_id: i64,
    /// Private address of a node to its public one.
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub host_mapping: BTreeMap<String, String>,
}

/// An entry of `frontends`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frontend {
    #[serde(deserialize_with = "null_is_zero")]
    pub host: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub port: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub thrift_port: String,
    #[serde(deserialize_with = "null_is_zero")]
    pub is_master: bool,
}

/// A password: written to the document as it is, never to a log.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// What replaces a password in an API reply.
    pub const REDACTED: &'static str = "******";

    pub fn new(clear: impl Into<String>) -> Self {
        Self(clear.into())
    }

    /// The clear text, for a login only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// [`Password::REDACTED`] as a password.
    pub fn redacted() -> Self {
        Self::new(Self::REDACTED)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Password {
    fn from(clear: &str) -> Self {
        Self::new(clear)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?))
    }
}
