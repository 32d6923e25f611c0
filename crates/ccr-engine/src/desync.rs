//! Tables that are being copied carry `"is_being_synced" = "true"`: their cluster creates no partitions of its own in them,
//! among other things. Whoever ends a replication hands them back by setting it to false, and may take that back.

use ccr_store::documents::JobDocument;
use doris::{
    Cluster, Dest,
    ids::{DbId, TableId},
    sql::Statement,
};
use tracing::info;

use crate::{
    env::Env,
    job::cluster,
    policy::{Code, Failure},
};

/// Sets the property of the job's tables on the destination; all are tried, whatever becomes of the others. Does not stop the
/// job: a full copy that comes later sets it to true again.
///
/// # Errors
/// Names each table that could not be changed, and why.
pub async fn set_being_synced(env: &Env, job: &JobDocument, being_synced: bool) -> Result<(), Failure> {
    let dest: Cluster<Dest> = cluster(env, &job.dest)?;
    let db = &job.dest.database;
    let tables = tables(&dest, job).await?;
    let mut failed = Vec::new();
    for table in &tables {
        let properties = vec![("is_being_synced".to_owned(), being_synced.to_string())];
        let set = Statement::SetTableProperties { db: db.clone(), table: table.clone(), properties };
        if let Err(error) = dest.execute(&set).await {
            failed.push(format!("{table} ({error})"));
        }
    }
    if failed.is_empty() {
        info!(job = job.name, being_synced, tables = tables.len(), "is_being_synced was set");
        return Ok(());
    }
    Err(Failure::new(
        Code::REFUSED,
        format!("failed tables: {}", failed.join(", ")),
        format!("{} of {} tables were changed; call again", tables.len() - failed.len(), tables.len()),
    ))
}

/// The job's tables, by name.
async fn tables(dest: &Cluster<Dest>, job: &JobDocument) -> Result<Vec<String>, Failure> {
    let db = &job.dest.database;
    if job.dest.table.is_empty() {
        let tables = dest.tables(db).await?;
        return Ok(tables.into_iter().filter(|table| !table.is_view).map(|table| table.name).collect());
    }
    let id: TableId<Dest> = TableId::new(job.dest.table_id);
    let missing = |what: String, hint: &str| Failure::new(Code::TABLE_NOT_FOUND, what, hint);
    if id.get() == 0 {
        let what =
            format!("the first copy of table {db}.{} is not complete: there is nothing to hand back", job.dest.table);
        return Err(missing(what, "call again when /job_status shows TableIncrementalSync, or delete the job"));
    }
    let meta = dest.get_meta(DbId::new(job.dest.db_id), Some(&[id])).await?;
    let table = meta.and_then(|meta| meta.tables.into_iter().find(|table| table.id == id));
    let table = table.ok_or_else(|| {
        missing(
            format!("table {db}.{} with id {id} does not exist on the destination", job.dest.table),
            "it was dropped",
        )
    })?;
    Ok(vec![table.name])
}
