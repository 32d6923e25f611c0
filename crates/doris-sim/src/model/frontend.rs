//! Frontends.

/// A frontend (FE). All share the model; what differs is who may answer.
#[derive(Clone, Debug)]
pub struct Frontend {
    /// `fe_<hash>`, as in SHOW FRONTENDS.
    pub name: String,
    pub host: String,
    pub edit_log_port: u16,
    pub http_port: u16,
    pub query_port: u16,
    pub rpc_port: u16,
    pub alive: bool,
    pub started_ms: i64,
}
