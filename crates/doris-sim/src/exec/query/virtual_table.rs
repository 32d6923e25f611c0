//! Tables without rows of their own: `frontends()`, `backends()`, `numbers()`, `information_schema`.

use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr};

use super::{
    super::{
        reply::Rows,
        scalar::{Binder, ScopeColumn},
        show::cluster,
    },
    Context, Relation,
};
use crate::model::{Answer, ColumnType, Refusal, Relation as Stored, Value};

/// The rows of a table function.
pub(super) fn function(context: &Context<'_>, name: &str, arguments: &[FunctionArg]) -> Answer<Relation> {
    match name {
        "frontends" => Ok(of_rows(cluster::frontends(context))),
        "backends" => Ok(of_rows(cluster::backends(context))),
        "numbers" => numbers(context, arguments),
        _ => Err(Refusal::analysis(format!("Can not find table function {name}"))),
    }
}

fn of_rows(rows: Rows) -> Relation {
    let cell = |cell: Option<String>| cell.map_or(Value::Null, Value::Text);
    Relation {
        columns: rows
            .columns
            .into_iter()
            .map(|c| ScopeColumn { db: None, table: None, name: c.name, ty: c.ty })
            .collect(),
        rows: rows.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
    }
}

/// The most rows of `numbers()`.
const MAX_NUMBERS: u32 = 10_000_000;

/// `numbers("number" = "n")`: the integers below n.
fn numbers(context: &Context<'_>, arguments: &[FunctionArg]) -> Answer<Relation> {
    let refusal = || Refusal::analysis("numbers() needs one property: \"number\" = \"n\"");
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }))] =
        arguments
    else {
        return Err(refusal());
    };
    let binder = Binder { context, scope: &[], grouped: None, clause: "FROM" };
    let text = |expr: &Expr| binder.bind(expr).map(|bound| bound.scalar.eval(&[]).to_string());
    if !text(left)?.eq_ignore_ascii_case("number") {
        return Err(refusal());
    }
    let count = text(right)?.parse::<u32>().ok().filter(|count| *count <= MAX_NUMBERS).ok_or_else(refusal)?;
    Ok(Relation {
        columns: vec![ScopeColumn { db: None, table: None, name: "number".into(), ty: ColumnType::BigInt }],
        rows: (0..count).map(|n| vec![Value::Int(n.into())]).collect(),
    })
}

const TABLES: [&str; 7] =
    ["TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE", "TABLE_ROWS", "TABLE_COMMENT"];

/// A table of `information_schema`; `None`: not one.
pub(super) fn information_schema(context: &Context<'_>, db: &str, table: &str) -> Option<Relation> {
    if !db.eq_ignore_ascii_case("information_schema") {
        return None;
    }
    match table.to_ascii_lowercase().as_str() {
        "tables" => Some(tables(context)),
        "schemata" => Some(schemata(context)),
        "columns" => Some(columns(context)),
        _ => None,
    }
}

fn of_texts(table: &str, names: &[&str], rows: Vec<Vec<Value>>) -> Relation {
    let column = |name: &&str| ScopeColumn {
        db: Some("information_schema".into()),
        table: Some(table.to_owned()),
        name: (*name).to_owned(),
        ty: ColumnType::Varchar { length: 65533 },
    };
    Relation { columns: names.iter().map(column).collect(), rows }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn tables(context: &Context<'_>) -> Relation {
    let mut rows = Vec::new();
    for db in context.model.databases.values() {
        for relation in db.relations.values() {
            let (kind, engine, comment) = match relation {
                Stored::Table(table) => ("BASE TABLE", text("Doris"), table.comment.as_str()),
                Stored::View(view) => ("VIEW", Value::Null, view.comment.as_str()),
            };
            rows.push(vec![
                text("internal"),
                text(&db.name),
                text(relation.name()),
                text(kind),
                engine,
                Value::Null,
                text(comment),
            ]);
        }
    }
    for table in ["columns", "schemata", "tables"] {
        let system = [text("internal"), text("information_schema"), text(table), text("SYSTEM VIEW")];
        rows.push(system.into_iter().chain([Value::Null, Value::Null, text("")]).collect());
    }
    of_texts("tables", &TABLES, rows)
}

fn schemata(context: &Context<'_>) -> Relation {
    let names = super::super::show::catalog::database_names(context);
    let rows = names.iter().map(|name| vec![text("internal"), text(name)]).collect();
    of_texts("schemata", &["CATALOG_NAME", "SCHEMA_NAME"], rows)
}

fn columns(context: &Context<'_>) -> Relation {
    let mut rows = Vec::new();
    for db in context.model.databases.values() {
        for table in db.tables() {
            for (n, column) in table.columns.iter().enumerate() {
                rows.push(vec![
                    text(&db.name),
                    text(&table.name),
                    text(&column.name),
                    Value::Int(i128::try_from(n).unwrap_or(0) + 1),
                    text(if column.nullable { "YES" } else { "NO" }),
                    text(&column.ty.to_string()),
                ]);
            }
        }
    }
    let names = ["TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "IS_NULLABLE", "COLUMN_TYPE"];
    of_texts("columns", &names, rows)
}
