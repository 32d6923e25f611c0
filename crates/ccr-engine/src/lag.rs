//! How far a job is behind, as the source's FE counts it.

use ccr_store::documents::{JobDocument, ProgressDocument};
use doris::{
    Source,
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
    let source = cluster::<Source>(env, &job.src)?;
    let db = job.src.database.clone();
    let scope = if job.src.table.is_empty() {
        BinlogScope::Database { db }
    } else {
        BinlogScope::Table { db, table: job.src.table.clone(), table_id: TableId::new(job.src.table_id) }
    };
    source.get_binlog_lag(&scope, CommitSeq(progress.commit_seq)).await?.ok_or_else(|| {
        Failure::new(
            Code::NO_STREAM,
            format!("the source has no binlog of {}.{}", job.src.database, job.src.table),
            "check binlog.enable of the table and enable_feature_binlog of the FEs",
        )
    })
}
