//! Snapshots: getMasterToken, getSnapshot, restoreSnapshot.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Cluster, pool::Repeat};
use crate::{
    error::{ErrorKind, Result},
    ids::{CommitSeq, Side},
    rpc,
    secret::Secret,
};

/// A local snapshot's documents, as the source FE gives them.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Opaque; passed on unchanged. Gzip if `compressed`.
    pub meta: Bytes,
    pub job_info: Bytes,
    pub compressed: bool,
    /// Milliseconds since the epoch (source FE's clock); `None` where the FE does not say.
    pub expires_at_ms: Option<i64>,
    pub commit_seq: Option<CommitSeq>,
}

/// What to restore, and how.
#[derive(Clone, Debug)]
pub struct RestoreSnapshot {
    pub db: String,
    pub label: String,
    /// (table in the snapshot, name to restore it as); empty = everything.
    pub tables: Vec<(String, Option<String>)>,
    pub properties: BTreeMap<String, String>,
    pub meta: Bytes,
    /// With `extra_info` (see [`crate::snapshot`]).
    pub job_info: Bytes,
    pub compressed: bool,
    pub clean_tables: bool,
    pub clean_partitions: bool,
    pub atomic_restore: bool,
    pub force_replace: bool,
}

impl<S: Side> Cluster<S> {
    /// The cluster's token: it opens the files of every BE.
    pub async fn get_master_token(&self) -> Result<Secret> {
        let what = "getMasterToken";
        let request = rpc::GetMasterTokenRequest {
            cluster: Some(String::new()),
            user: Some(self.pool.user()),
            password: Some(self.pool.password()),
        };
        let reply =
            self.pool.call_master::<rpc::GetMasterToken>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        self.pool.check(what, &reply)?;
        reply.token.ok_or_else(|| self.pool.error(ErrorKind::Garbled, what, "status OK without a token"))
    }

    /// `table`: for the privilege check. SnapshotNotFound and SnapshotExpired are errors of these kinds. The label alone
    /// chooses the snapshot, whatever database it is of.
    pub async fn get_snapshot(&self, db: &str, table: Option<&str>, label: &str) -> Result<Snapshot> {
        let what = "getSnapshot";
        let request = rpc::GetSnapshotRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(db.to_owned()),
            table: Some(table.unwrap_or_default().to_owned()),
            label_name: Some(label.to_owned()),
            // Must be set, is not read.
            snapshot_name: Some(String::new()),
            snapshot_type: Some(rpc::SnapshotType::LOCAL),
            // Documents of 2 GiB and more come packed or not at all.
            enable_compress: Some(true),
            ..Default::default()
        };
        let reply = self.pool.call_master::<rpc::GetSnapshot>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        self.pool.check(what, &reply)?;
        let (Some(meta), Some(job_info)) = (reply.meta, reply.job_info) else {
            // 2.1 keeps the documents in memory: after a restart it answers OK without them.
            let text = format!("snapshot {label} has lost its documents, as in Doris 2.1 after a restart of the FE");
            return Err(self.pool.error(ErrorKind::SnapshotNotFound, what, text));
        };
        Ok(Snapshot {
            meta,
            job_info,
            compressed: reply.compressed.unwrap_or(false),
            expires_at_ms: reply.expired_at.filter(|at| *at > 0),
            commit_seq: reply.commit_seq.filter(|seq| *seq > 0).map(CommitSeq),
        })
    }

    /// Submits a restore; `SHOW RESTORE` tells how it goes. `Unanswered` = look for its label before it is sent again.
    pub async fn restore_snapshot(&self, request: &RestoreSnapshot) -> Result<()> {
        let tables = request.tables.iter().map(|(name, alias)| rpc::TableRef {
            table: Some(name.clone()),
            // A set but empty alias would make a table without a name.
            alias_name: alias.clone(),
        });
        let tables: Vec<_> = tables.collect();
        let message = rpc::RestoreSnapshotRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(request.db.clone()),
            label_name: Some(request.label.clone()),
            repo_name: Some("__keep_on_local__".to_owned()),
            table_refs: (!tables.is_empty()).then_some(tables),
            properties: Some(request.properties.clone()),
            meta: Some(request.meta.clone()),
            job_info: Some(request.job_info.clone()),
            clean_tables: request.clean_tables.then_some(true),
            clean_partitions: request.clean_partitions.then_some(true),
            atomic_restore: request.atomic_restore.then_some(true),
            compressed: request.compressed.then_some(true),
            force_replace: request.force_replace.then_some(true),
            ..Default::default()
        };
        let reply =
            self.pool.call_master::<rpc::RestoreSnapshot>(&message, self.pool.timeouts.rpc, Repeat::Never).await?;
        self.pool.check("restoreSnapshot", &reply)
    }
}
