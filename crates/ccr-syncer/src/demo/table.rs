//! What the demo asks of its table, on either side.

use anyhow::{Context, bail};
use doris::net::ResultSet;

use super::orders::{DATABASE, TABLE};
use crate::side::Side;

/// Visible version of the table's one partition: it grows by one with every transaction, and a copy has the versions of
/// its source.
pub(super) async fn version(side: &Side) -> anyhow::Result<i64> {
    let found = side.rows(&format!("SHOW PARTITIONS FROM {DATABASE}.{TABLE}")).await?;
    let column = found.columns.iter().position(|name| name == "VisibleVersion").context("no VisibleVersion")?;
    let [row] = found.rows.as_slice() else { bail!("the table has {} partitions", found.rows.len()) };
    let text = row.get(column).and_then(Option::as_deref).context("no VisibleVersion")?;
    Ok(text.parse()?)
}

/// Number of rows.
pub(super) async fn count(side: &Side) -> anyhow::Result<u64> {
    let found = side.rows(&format!("SELECT COUNT(*) FROM {DATABASE}.{TABLE}")).await?;
    let text = found.rows.first().and_then(|row| row.first()).and_then(Option::as_deref).context("no count")?;
    Ok(text.parse()?)
}

/// All rows, by key.
pub(super) async fn everything(side: &Side) -> anyhow::Result<ResultSet> {
    side.rows(&format!("SELECT * FROM {DATABASE}.{TABLE} ORDER BY o_orderkey")).await
}
