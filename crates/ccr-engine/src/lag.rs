//! How far a job is behind, as the source's FE counts it.

use std::time::Duration;

use ccr_store::documents::{JobDocument, ProgressDocument};
use doris::{
    Cluster, Source,
    cluster::{BinlogLag, BinlogScope},
    ids::{CommitSeq, TableId},
};

use crate::{
    env::Env,
    job::cluster,
    policy::{Code, Failure},
};

/// Asks the source how many records lie after the job's position. Any syncer can ask for any job.
pub async fn lag(env: &Env, job: &JobDocument, progress: &ProgressDocument) -> Result<BinlogLag, Failure> {
    Probe::new(env, job)?.lag(CommitSeq(progress.commit_seq)).await
}

/// Asks the source of one job, again and again.
#[derive(Debug)]
pub struct Probe {
    source: Cluster<Source>,
    scope: BinlogScope,
}

impl Probe {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// The document does not say how to reach the source.
    pub fn new(env: &Env, job: &JobDocument) -> Result<Self, Failure> {
        let db = job.src.database.clone();
        let scope = if job.src.table.is_empty() {
            BinlogScope::Database { db }
        } else {
            BinlogScope::Table { db, table: job.src.table.clone(), table_id: TableId::new(job.src.table_id) }
        };
        Ok(Self { source: cluster::<Source>(env, &job.src)?, scope })
    }

    /// What lies after a position.
    pub async fn lag(&self, after: CommitSeq) -> Result<BinlogLag, Failure> {
        self.source.get_binlog_lag(&self.scope, after).await?.ok_or_else(|| {
            let name = match &self.scope {
                BinlogScope::Database { db } => db.clone(),
                BinlogScope::Table { db, table, .. } => format!("{db}.{table}"),
            };
            Failure::new(
                Code::NO_STREAM,
                format!("the source has no binlog of {name}"),
                "check binlog.enable of the table and enable_feature_binlog of the FEs",
            )
        })
    }

    /// How long the source keeps a record (`binlog.ttl_seconds`); `None` if its CREATE statement does not say.
    pub async fn retention(&self) -> Result<Option<Duration>, Failure> {
        let text = match &self.scope {
            BinlogScope::Database { db } => self.source.create_database_text(db).await?,
            BinlogScope::Table { db, table, .. } => self.source.create_table_text(db, table).await?,
        };
        Ok(ttl(&text))
    }
}

/// `"binlog.ttl_seconds" = "86400"`; properties stand at the end, after whatever comments may hold.
fn ttl(text: &str) -> Option<Duration> {
    let (_, value) = text.rsplit_once(r#""binlog.ttl_seconds" = ""#)?;
    let (seconds, _) = value.split_once('"')?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retention_is_a_property() {
        let text = "COMMENT '\"binlog.ttl_seconds\" = \"1\"' PROPERTIES (\n\"binlog.ttl_seconds\" = \"86400\",\n\"x\" = \"y\")";
        assert_eq!(ttl(text), Some(Duration::from_secs(86400)));
        for text in ["", "\"binlog.ttl_seconds\" = \"", "\"binlog.ttl_seconds\" = \"soon\""] {
            assert_eq!(ttl(text), None, "{text}");
        }
    }
}
