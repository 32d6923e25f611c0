//! What is looked at on the clusters and at the syncer.

use anyhow::{anyhow, bail, ensure};
use doris::net::SqlReply;
use serde_json::json;

use super::{
    bench::Bench,
    step::{Check, ColumnCheck, Expected, Side},
};

/// Whether it holds now.
///
/// # Errors
/// Says what is there instead.
pub async fn check(bench: &mut Bench, check: &Check) -> anyhow::Result<()> {
    match check {
        Check::Rows { table, count, filter } => {
            let filter = filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
            let found = bench.rows(Side::Dest, &format!("SELECT * FROM @{table}{filter}")).await?.rows.len();
            ensure!(found == *count, "there are {found} rows");
        }
        Check::Same { table } => {
            let mut sides = Vec::new();
            for (side, at) in [(Side::Source, ""), (Side::Dest, "@")] {
                let mut rows = bench.rows(side, &format!("SELECT * FROM {at}{table}")).await?.rows;
                rows.sort();
                sides.push(rows);
            }
            ensure!(
                sides.first() == sides.get(1),
                "{:?} rows on the two sides, and not the same ones",
                sides.iter().map(Vec::len).collect::<Vec<_>>()
            );
        }
        Check::Gives { side, sql, expected } => {
            let reply = bench.ask(*side, sql).await?;
            gives(reply, expected)?;
        }
        Check::Ddl { table, has, text } => {
            let set = bench.rows(Side::Dest, &format!("SHOW CREATE TABLE @{table}")).await?;
            let ddl = set.rows.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
            ensure!(ddl.contains(text) == *has, "{ddl}");
        }
        Check::Columns { table, columns } => columns_are(bench, table, columns).await?,
        Check::Exists { table, there } => {
            let table = bench.copy_of(table);
            let sql = format!("SHOW TABLES FROM {}", super::bench::COPY);
            let tables = bench.rows(Side::Dest, &sql).await?.rows;
            let tables: Vec<String> = tables.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
            ensure!(tables.contains(&table.trim_matches('`').to_owned()) == *there, "there are {tables:?}");
        }
        Check::Partitions { table, has, names } => {
            let found = bench.column(Side::Dest, &format!("SHOW PARTITIONS FROM @{table}"), "PartitionName").await?;
            ensure!(names.iter().all(|name| found.contains(name) == *has), "there are {found:?}");
        }
        Check::Indexes { table, names } => {
            let mut found = bench.column(Side::Dest, &format!("SHOW INDEX FROM @{table}"), "Key_name").await?;
            found.dedup();
            ensure!(found == *names, "there are {found:?}");
        }
        Check::Rollup { table, name, there } => {
            let found = bench.column(Side::Dest, &format!("DESC @{table} ALL"), "IndexName").await?;
            ensure!(found.contains(name) == *there, "there are {found:?}");
        }
        Check::SameDesc { table } => {
            let source = bench.rows(Side::Source, &format!("DESC {table} ALL")).await?.rows;
            let mut dest = bench.rows(Side::Dest, &format!("DESC @{table} ALL")).await?.rows;
            let copy = bench.copy_of(table);
            for row in &mut dest {
                if let Some(Some(name)) = row.first_mut()
                    && *name == copy
                {
                    table.clone_into(name);
                }
            }
            ensure!(source == dest, "source {source:?}, destination {dest:?}");
        }
        Check::Restored { table, count } => {
            let before = bench.mark.restores.get(table).copied().unwrap_or_default();
            let now = bench.restores(table).await?;
            ensure!(now >= before + count, "{} restores since the mark", now - before);
        }
        Check::NoBackup => {
            let now = bench.backups().await?;
            ensure!(now == bench.mark.backups, "{} snapshots since the mark", now - bench.mark.backups);
        }
        Check::State { .. }
        | Check::Running
        | Check::NoFullSync
        | Check::FullSync
        | Check::CaughtUp
        | Check::Skipped => {
            ensure!(!bench.jobs.is_empty(), "there is no job");
            for job in bench.jobs.clone() {
                job_check(bench, &job.name, check).await?;
            }
        }
    }
    Ok(())
}

/// A check of one job.
async fn job_check(bench: &mut Bench, name: &str, check: &Check) -> anyhow::Result<()> {
    match check {
        Check::State { names } => {
            let status = bench.post("/job_status", json!({"name": name})).await?;
            let state = status["progress_state"].as_str().unwrap_or_default();
            ensure!(names.iter().any(|name| name == state), "{name} is in {state}");
        }
        Check::Running => {
            let status = bench.post("/job_status", json!({"name": name})).await?;
            ensure!(status["state"] == "running", "{name}: {status}");
        }
        Check::CaughtUp => {
            let lag = bench.post("/get_lag", json!({"name": name})).await?;
            ensure!(lag["success"] == true && lag["lag"] == 0, "{name}: {lag}");
        }
        Check::Skipped => {
            let skipped = bench.skipped.get(name).copied().ok_or_else(|| anyhow!("nothing was skipped"))?;
            let seq = bench.progress(name).await?["prev_commit_seq"].as_i64().unwrap_or_default();
            ensure!(seq >= skipped, "{name} is at {seq}, before {skipped}");
        }
        Check::NoFullSync | Check::FullSync => {
            let before = bench.mark.full_syncs.get(name).copied();
            let before = before.ok_or_else(|| anyhow!("{name} had no progress when the mark was taken"))?;
            let now = bench.progress(name).await?["full_sync_start_at"].as_i64().unwrap_or_default();
            if *check == Check::NoFullSync {
                ensure!(now == before, "{name} made a full copy: {}", bench.describe().await);
            } else {
                ensure!(now > before, "{name} made no full copy");
            }
        }
        _ => {}
    }
    Ok(())
}

fn gives(reply: SqlReply, expected: &Expected) -> anyhow::Result<()> {
    let set = match (reply, expected) {
        (SqlReply::Error { message, .. }, Expected::Fails(text)) => {
            ensure!(message.contains(text), "{message}");
            return Ok(());
        }
        (SqlReply::Error { message, .. }, _) => bail!("{message}"),
        (SqlReply::Rows(set), _) => set,
        (SqlReply::Ok { .. }, _) => bail!("no result set"),
    };
    let rows: Vec<Vec<String>> = set
        .rows
        .into_iter()
        .map(|row| row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".to_owned())).collect())
        .collect();
    let contains = |text: &str| rows.iter().flatten().any(|cell| cell.contains(text));
    match expected {
        Expected::Rows(expected) => ensure!(rows == *expected, "{rows:?}"),
        Expected::Has(text) => ensure!(contains(text), "{rows:?}"),
        Expected::Lacks(text) => ensure!(!contains(text), "{rows:?}"),
        Expected::Fails(_) => bail!("it is answered: {rows:?}"),
    }
    Ok(())
}

async fn columns_are(bench: &mut Bench, table: &str, columns: &[ColumnCheck]) -> anyhow::Result<()> {
    let set = bench.rows(Side::Dest, &format!("SHOW COLUMNS FROM @{table}")).await?;
    let at = |name: &str| {
        let at = set.columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        at.ok_or_else(|| anyhow!("SHOW COLUMNS has no {name}: {:?}", set.columns))
    };
    let (field, ty, key) = (at("Field")?, at("Type")?, at("Key")?);
    let found: Vec<ColumnCheck> = set
        .rows
        .iter()
        .map(|row| {
            let cell = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
            let is_key = ["true", "yes", "pri", "uni"].contains(&cell(key).to_lowercase().as_str());
            ColumnCheck { name: cell(field).to_owned(), key: is_key, ty: Some(cell(ty).to_owned()) }
        })
        .collect();
    let fits = |found: &ColumnCheck, expected: &ColumnCheck| {
        found.name == expected.name && found.key == expected.key && (expected.ty.is_none() || found.ty == expected.ty)
    };
    let equal =
        found.len() == columns.len() && found.iter().zip(columns).all(|(found, expected)| fits(found, expected));
    let shown: Vec<String> = found
        .iter()
        .map(|column| {
            format!("{}:{}{}", column.name, column.ty.as_deref().unwrap_or_default(), if column.key { "*" } else { "" })
        })
        .collect();
    ensure!(equal, "there are {}", shown.join(" "));
    Ok(())
}
