//! SHOW CREATE TABLE / VIEW, DESCRIBE, SHOW COLUMNS, SHOW INDEX.

use super::{
    super::{
        reply::Rows,
        session::{Context, db_of},
    },
    cell,
};
use crate::{
    model::{Answer, Column, ColumnDefault, ColumnType, KeysType, Profile, Refusal, Relation, Table, shown_type},
    sql::statement::ObjectName,
};

fn relation<'a>(context: &Context<'a>, name: &ObjectName) -> Answer<&'a Relation> {
    let db = db_of(context.session, name.db.as_deref())?;
    let found = context.model.database(db)?.relation(&name.name);
    found.ok_or_else(|| Refusal::analysis(format!("Unknown table '{}'", name.name)))
}

fn table<'a>(context: &Context<'a>, name: &ObjectName) -> Answer<&'a Table> {
    let found = relation(context, name)?;
    found.as_table().ok_or_else(|| Refusal::analysis(format!("Table '{}' is not a OLAP table", name.name)))
}

pub(super) fn create_table(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    let db = db_of(context.session, name.db.as_deref())?;
    let text = context.model.create_table_text(db, &name.name)?;
    match relation(context, name)? {
        Relation::Table(table) if table.materialized.is_some() => {
            Err(Refusal::analysis("not support async materialized view, please use `show create materialized view`"))
        }
        Relation::Table(table) => {
            Ok(Rows::of_texts(&["Table", "Create Table"], vec![vec![cell(&table.name), cell(text)]]))
        }
        Relation::View(view) => {
            let columns = ["View", "Create View", "character_set_client", "collation_connection"];
            let row = vec![cell(&view.name), cell(text), cell("utf8mb4"), cell("utf8mb4_0900_bin")];
            Ok(Rows::of_texts(&columns, vec![row]))
        }
    }
}

/// The variables that change what a query answers: a view keeps those of the session that made it.
const SESSION_VARIABLES: &str = "{sql_mode=32, show_hidden_columns=false, block_encryption_mode=, \
                                 decimal_overflow_scale=6, skip_storage_engine_merge=false, skip_delete_sign=false, \
                                 skip_delete_bitmap=false, skip_missing_version=false, skip_bad_tablet=false, \
                                 sql_dialect=doris, serde_dialect=doris, enable_strict_cast=false, \
                                 enable_decimal256=false, skip_checking_acid_version_file=false}";

pub(super) fn create_materialized_view(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    let table = table(context, name)?;
    let Some(text) = table.materialized_text(context.model.profile()) else {
        return Err(Refusal::analysis(format!(
            "doris-sim does not model SHOW CREATE MATERIALIZED VIEW of the table {}",
            name.name
        )));
    };
    let columns = ["Materialized View", "Create Materialized View", "Session Variables"];
    Ok(Rows::of_texts(&columns, vec![vec![cell(&table.name), cell(text), cell(SESSION_VARIABLES)]]))
}

pub(super) fn create_view(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    if let Relation::Table(_) = relation(context, name)? {
        let db = db_of(context.session, name.db.as_deref())?;
        return Err(Refusal::analysis(format!("'{db}.{}' is not VIEW", name.name)));
    }
    create_table(context, name)
}

/// SHOW VIEW: the views that read a table.
pub(super) fn views_of(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    let db = db_of(context.session, name.db.as_deref())?;
    relation(context, name)?;
    let written = format!("`internal`.`{db}`.`{}`", name.name);
    let mut rows = Vec::new();
    for relation in context.model.database(db)?.relations.values() {
        if let Relation::View(view) = relation
            && view.definition.contains(&written)
        {
            rows.push(vec![cell(&view.name), cell(context.model.create_table_text(db, &view.name)?)]);
        }
    }
    Ok(Rows::of_texts(&["View", "Create View"], rows))
}

/// DESC, DESC ALL.
pub(in crate::exec) fn describe(context: &Context<'_>, name: &ObjectName, all: bool) -> Answer<Rows> {
    const COLUMNS: [&str; 6] = ["Field", "Type", "Null", "Key", "Default", "Extra"];
    let table = match relation(context, name)? {
        Relation::Table(table) => table,
        Relation::View(view) => {
            let row =
                |(name, _): &(String, String)| vec![cell(name), cell("text"), cell("Yes"), cell(false), None, cell("")];
            return Ok(Rows::of_texts(&COLUMNS, view.columns.iter().map(row).collect()));
        }
    };
    if all {
        return Ok(describe_all(context.model.profile(), table));
    }
    let row = |column: &Column| {
        vec![
            cell(&column.name),
            cell(shown_type(context.model.profile(), &column.ty)),
            cell(if column.nullable { "Yes" } else { "No" }),
            cell(column.is_key),
            default_text(column),
            cell(extra(table, column, column.is_key)),
        ]
    };
    Ok(Rows::of_texts(&COLUMNS, table.columns.iter().map(row).collect()))
}

/// Every index; its name and keys type stand in its first row only, and an empty row separates indexes.
fn describe_all(profile: &Profile, table: &Table) -> Rows {
    const COLUMNS: [&str; 12] = [
        "IndexName",
        "IndexKeysType",
        "Field",
        "Type",
        "InternalType",
        "Null",
        "Key",
        "Default",
        "Extra",
        "Visible",
        "DefineExpr",
        "WhereClause",
    ];
    let keys_type = match table.keys {
        KeysType::Duplicate => "DUP_KEYS",
        KeysType::Unique { .. } => "UNIQUE_KEYS",
        KeysType::Aggregate => "AGG_KEYS",
    };
    let base = table.indexes.get(&table.base_index);
    let others = table.indexes.values().filter(|index| index.id != table.base_index && !index.shadow);
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for index in base.into_iter().chain(others) {
        if !rows.is_empty() {
            rows.push(vec![cell(""); COLUMNS.len()]);
        }
        let columns = table.index_columns(index).into_iter().filter(|c| c.visible);
        for (n, column) in columns.enumerate() {
            let head = |text: &str| cell(if n == 0 { text } else { "" });
            let key = column.is_key;
            rows.push(vec![
                head(&index.name),
                head(keys_type),
                cell(&column.name),
                cell(shown_type(profile, &column.ty)),
                cell(shown_type(profile, &column.ty)),
                cell(if column.nullable { "Yes" } else { "No" }),
                cell(key),
                default_text(column),
                cell(extra(table, column, key)),
                cell(true),
                cell(""),
                cell(""),
            ]);
        }
    }
    Rows::of_texts(&COLUMNS, rows)
}

fn default_text(column: &Column) -> Option<String> {
    match &column.default {
        ColumnDefault::None | ColumnDefault::Null => None,
        ColumnDefault::Literal { text, .. } => Some(text.clone()),
        // BITMAP_EMPTY is a character that cannot be printed.
        ColumnDefault::Expression(text) if text == "BITMAP_EMPTY" => Some("\0".into()),
        ColumnDefault::Expression(text) => Some(text.clone()),
    }
}

fn extra(table: &Table, column: &Column, key: bool) -> String {
    match column.aggregation {
        Some(aggregation) => aggregation.to_string(),
        None if key => String::new(),
        None if matches!(table.keys, KeysType::Unique { merge_on_write: false }) => "REPLACE".to_owned(),
        None => "NONE".to_owned(),
    }
}

/// SHOW [FULL] COLUMNS: the types have their internal names.
pub(super) fn columns(context: &Context<'_>, name: &ObjectName, full: bool) -> Answer<Rows> {
    let table = table(context, name)?;
    let yes = |value: bool| cell(if value { "YES" } else { "NO" });
    let row = |column: &Column| {
        let ty = match &column.ty {
            ColumnType::Decimal { precision, scale } => {
                let blank = if context.model.profile().ddl_capital_types { " " } else { "" };
                format!("decimalv3({precision},{blank}{scale})")
            }
            ColumnType::Date => "datev2".to_owned(),
            ColumnType::DateTime { scale: 0 } => "datetimev2".to_owned(),
            ColumnType::DateTime { scale } => format!("datetimev2({scale})"),
            other => other.to_string(),
        };
        let tail =
            [yes(column.nullable), yes(column.is_key), default_text(column), cell(extra(table, column, column.is_key))];
        let mut row = vec![cell(&column.name), cell(ty)];
        if full {
            row.push(cell(""));
        }
        row.extend(tail);
        if full {
            row.extend([cell(""), cell(&column.comment)]);
        }
        row
    };
    let names: &[&str] = match full {
        true => &["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"],
        false => &["Field", "Type", "Null", "Key", "Default", "Extra"],
    };
    Ok(Rows::of_texts(names, table.columns.iter().map(row).collect()))
}

pub(super) fn index(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    let table = table(context, name)?;
    let rows = table.secondary_indexes.iter().map(|index| {
        let properties: Vec<String> = index.properties.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
        let properties = if properties.is_empty() { String::new() } else { format!("({})", properties.join(", ")) };
        let mut row = vec![cell(&table.name), cell(""), cell(&index.name), cell(""), cell(index.columns.join(","))];
        row.extend(std::iter::repeat_n(cell(""), 5));
        row.extend([cell(&index.kind), cell(&index.comment), cell(properties)]);
        row
    });
    let columns = [
        "Table",
        "Non_unique",
        "Key_name",
        "Seq_in_index",
        "Column_name",
        "Collation",
        "Cardinality",
        "Sub_part",
        "Packed",
        "Null",
        "Index_type",
        "Comment",
        "Properties",
    ];
    Ok(Rows::of_texts(&columns, rows.collect()))
}
