//! SQL on a simulated cluster, sent as any client would send it.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use doris::{
    net::{Endpoint, Net, ResultSet, SqlLogin, SqlReply, tcp::TcpNet},
    secret::Secret,
};
use doris_sim::SimCluster;

/// A client of one cluster.
#[derive(Clone)]
pub struct Side {
    net: Arc<dyn Net>,
    login: SqlLogin,
    rpc_port: u16,
}

impl Side {
    /// A client of the cluster's first FE, as root.
    pub fn of(net: Arc<TcpNet>, cluster: &SimCluster) -> Self {
        let fe = cluster.frontends().first().expect("a cluster has at least one FE");
        let login = SqlLogin { endpoint: fe.query.clone(), user: "root".to_owned(), password: Secret::default() };
        Self { net, login, rpc_port: fe.rpc.port }
    }

    /// The same with a password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.login.password = password;
        self
    }

    /// MySQL endpoint of its FE.
    pub fn query(&self) -> &Endpoint {
        &self.login.endpoint
    }

    /// Thrift port of its FE.
    pub fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// `src` or `dest` of a `/create_ccr` request for one table of this cluster.
    pub fn job_spec(&self, database: &str, table: &str) -> serde_json::Value {
        serde_json::json!({
            "host": self.query().host,
            "port": self.query().port.to_string(),
            "thrift_port": self.rpc_port().to_string(),
            "user": self.login.user,
            "password": self.login.password.expose(),
            "database": database,
            "table": table,
        })
    }

    /// Runs a statement without a result set.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        match self.net.sql(&self.login, sql).await? {
            SqlReply::Ok { .. } | SqlReply::Rows(_) => Ok(()),
            SqlReply::Error { code, message, .. } => bail!("{}: {code} {message}", head(sql)),
        }
    }

    /// Runs a query.
    pub async fn rows(&self, sql: &str) -> anyhow::Result<ResultSet> {
        match self.net.sql(&self.login, sql).await? {
            SqlReply::Rows(rows) => Ok(rows),
            SqlReply::Ok { .. } => bail!("{}: no rows were answered", head(sql)),
            SqlReply::Error { code, message, .. } => bail!("{}: {code} {message}", head(sql)),
        }
    }

    /// Asks until the FE answers a statement.
    pub async fn answers(&self, within: Duration) -> anyhow::Result<()> {
        let asking = async {
            while self.rows("SHOW DATABASES").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(within, asking).await.with_context(|| format!("{} does not answer", self.query()))
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("query", self.query()).field("rpc_port", &self.rpc_port).finish_non_exhaustive()
    }
}

/// Enough of a statement to know it by.
fn head(sql: &str) -> String {
    sql.chars().take(60).collect::<String>().replace('\n', " ")
}
