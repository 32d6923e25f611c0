//! What must hold when nothing moves any more: both sides are the same, and nothing is left behind.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail, ensure};
use ccr_engine::Cause;
use doris::net::SqlReply;
use doris_sim::{Session, SimCluster, model::TxnState};

use super::desk::DB;

/// The rows of a statement.
pub(super) async fn rows(cluster: &SimCluster, sql: &str) -> anyhow::Result<(Vec<String>, Vec<Vec<Option<String>>>)> {
    let fe = cluster.sim().look(|model| model.master).unwrap_or_default();
    let mut session = Session { user: "root".to_owned(), db: Some(DB.to_owned()), fe, ..Session::default() };
    match cluster.sql_service().execute(&mut session, sql).await {
        SqlReply::Rows(set) => Ok((set.columns, set.rows)),
        SqlReply::Error { message, .. } => Err(anyhow!("{sql}: {message}")),
        SqlReply::Ok { .. } => Err(anyhow!("{sql}: no rows")),
    }
}

/// Whether a table is the same on both sides, with its rows.
///
/// # Errors
/// Says what is different.
pub(super) async fn equal(source: &SimCluster, dest: &SimCluster, table: &str) -> anyhow::Result<()> {
    let both = async |sql: String| anyhow::Ok((rows(source, &sql).await?, rows(dest, &sql).await?));
    let (mut left, mut right) = both(format!("SELECT * FROM {DB}.{table}")).await?;
    ensure!(left.0 == right.0, "{table} has the columns {:?} and {:?}", left.0, right.0);
    left.1.sort();
    right.1.sort();
    if left.1 != right.1 {
        let missing = left.1.iter().filter(|row| !right.1.contains(row)).take(3).collect::<Vec<_>>();
        let surplus = right.1.iter().filter(|row| !left.1.contains(row)).take(3).collect::<Vec<_>>();
        bail!("{table} has {} and {} rows; missing {missing:?}, surplus {surplus:?}", left.1.len(), right.1.len());
    }
    let (left, right) = both(format!("DESC {DB}.{table} ALL")).await?;
    ensure!(left.1 == right.1, "the schemas of {table} differ: {:?} and {:?}", left.1, right.1);
    let (left, right) = both(format!("SHOW PARTITIONS FROM {DB}.{table}")).await?;
    let parts = |(columns, rows): (Vec<String>, Vec<Vec<Option<String>>>)| -> Vec<Vec<Option<String>>> {
        let at: Vec<usize> = ["PartitionName", "Range", "Buckets"]
            .iter()
            .filter_map(|name| columns.iter().position(|column| column == name))
            .collect();
        rows.into_iter().map(|row| at.iter().map(|at| row.get(*at).cloned().flatten()).collect()).collect()
    };
    let (left, right) = (parts(left), parts(right));
    ensure!(left == right, "the partitions of {table} differ: {left:?} and {right:?}");
    let (left, right) = both(format!("SHOW CREATE TABLE {DB}.{table}")).await?;
    let ddl = |(_, rows): (Vec<String>, Vec<Vec<Option<String>>>)| -> Vec<String> {
        let text = rows.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
        // What belongs to each cluster.
        let own = |line: &&str| {
            !["is_being_synced", "replication_allocation", "replication_num"].iter().any(|own| line.contains(own))
        };
        text.lines().filter(own).map(|line| line.trim_end_matches(',').to_owned()).collect()
    };
    let (left, right) = (ddl(left), ddl(right));
    let different = left.iter().zip(&right).find(|(left, right)| left != right);
    ensure!(left == right, "SHOW CREATE TABLE of {table} differs: {different:?}");
    Ok(())
}

/// Nothing is left on the clusters that only a job knew of.
pub(super) async fn nothing_left(source: &SimCluster, dest: &SimCluster, tables: &[String]) -> anyhow::Result<()> {
    let mut names: Vec<String> = rows(dest, &format!("SHOW TABLES FROM {DB}"))
        .await?
        .1
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect();
    names.sort();
    ensure!(names == tables, "the destination holds {names:?}");
    let open = dest.sim().look(|model| {
        let db = model.database(DB).ok()?.id;
        model
            .txns_of(db)
            .find(|txn| matches!(txn.state, TxnState::Prepare | TxnState::Committed))
            .map(|txn| txn.label.clone())
    });
    ensure!(open.is_none(), "a transaction is open on the destination: {open:?}");
    for (cluster, sql) in [(source, "SHOW BACKUP"), (dest, "SHOW RESTORE")] {
        let (columns, rows) = rows(cluster, &format!("{sql} FROM {DB}")).await?;
        let state = columns.iter().position(|column| column == "State").ok_or_else(|| anyhow!("{sql} has no State"))?;
        let running = rows
            .iter()
            .find(|row| !matches!(row.get(state).and_then(Option::as_deref), Some("FINISHED" | "CANCELLED")));
        ensure!(running.is_none(), "{sql}: a job runs: {running:?}");
    }
    Ok(())
}

/// The causes of full copies for which a day gave reason. The list is explained in `docs/full-syncs.md`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reasons {
    /// Statements that only a copy brings over.
    pub(super) changes: bool,
    /// Tables were overwritten.
    pub(super) replaced: bool,
    pub(super) discarded: bool,
    pub(super) ordered: bool,
}

impl Reasons {
    /// The first cause without reason.
    pub(super) fn unreasonable(self, causes: &BTreeMap<Cause, u64>) -> Option<Cause> {
        let fits = |cause: Cause| match cause {
            Cause::NewJob => true,
            Cause::Change => self.changes || self.replaced,
            Cause::TableReplaced => self.replaced,
            Cause::BinlogCollected | Cause::RecordMissing => self.discarded,
            Cause::Operator => self.ordered,
            _ => false,
        };
        causes.keys().copied().find(|cause| !fits(*cause))
    }
}
