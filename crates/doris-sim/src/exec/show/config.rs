//! SHOW FRONTEND CONFIG, VARIABLES, ENGINES, CHARSET, LAST INSERT.

use super::{
    super::{
        reply::Rows,
        scalar::LikePattern,
        session::Context,
        variables::{self, Variable},
    },
    cell, filtered,
};
use crate::{
    model::{Answer, FeConfigItem},
    sql::statement::Filter,
};

/// Configuration items by key.
pub(super) fn frontend_config(context: &Context<'_>, pattern: Option<&str>) -> Answer<Rows> {
    let pattern = pattern.map(|pattern| LikePattern::new(pattern, false));
    let items = &context.model.config;
    let shown = items.iter().filter(|(key, _)| pattern.as_ref().is_none_or(|pattern| pattern.matches(key)));
    let rows = shown.map(|(key, value)| {
        let item = FeConfigItem::of(key, value);
        vec![cell(key), cell(value), cell(item.ty), cell(item.mutable), cell(item.master_only), cell("")]
    });
    Ok(Rows::of_texts(&["Key", "Value", "Type", "IsMutable", "MasterOnly", "Comment"], rows.collect()))
}

pub(super) fn variables(context: &Context<'_>, filter: &Filter) -> Answer<Rows> {
    let row = |variable: Variable| {
        let changed = i32::from(variable.is_changed());
        vec![cell(variable.name), Some(variable.value), cell(variable.default), cell(changed)]
    };
    let rows = variables::variables(context).into_iter().map(row).collect();
    filtered(context, Rows::of_texts(&["Variable_name", "Value", "Default_Value", "Changed"], rows), filter)
}

pub(super) fn engines() -> Rows {
    let engines = [
        ("Olap engine", "Default storage engine of Doris"),
        ("MySQL", "MySQL server which data is in it"),
        ("ELASTICSEARCH", "ELASTICSEARCH cluster which data is in it"),
        ("HIVE", "HIVE database which data is in it"),
        ("ICEBERG", "ICEBERG data lake which data is in it"),
        ("ODBC", "ODBC driver which data we can connect"),
        ("HUDI", "HUDI data lake which data is in it"),
    ];
    let row = |(name, comment)| vec![cell(name), cell("YES"), cell(comment), cell("NO"), cell("NO"), cell("NO")];
    let columns = ["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"];
    Rows::of_texts(&columns, engines.into_iter().map(row).collect())
}

pub(super) fn charset() -> Rows {
    let row = ["utf8mb4", "UTF-8 Unicode", "utf8mb4_0900_bin", "4"].map(cell);
    Rows::of_texts(&["Charset", "Description", "Default collation", "Maxlen"], vec![row.to_vec()])
}

/// The last INSERT of the session; nothing before the first one.
pub(super) fn last_insert(context: &Context<'_>) -> Rows {
    let columns = ["TransactionId", "Label", "Database", "Table", "TransactionStatus", "LoadedRows", "FilteredRows"];
    let rows = context.session.last_insert.iter().map(|insert| {
        let state = context.model.txns.get(&insert.txn).map_or("UNKNOWN", |txn| txn.state.name());
        vec![
            cell(insert.txn),
            cell(&insert.label),
            cell(&insert.db),
            cell(&insert.table),
            cell(state),
            cell(insert.rows),
            cell(0),
        ]
    });
    Rows::of_texts(&columns, rows.collect())
}
