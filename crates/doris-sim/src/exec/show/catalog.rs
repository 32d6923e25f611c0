//! SHOW DATABASES, TABLES, VIEWS, TABLE STATUS, TABLE id, CREATE DATABASE.

use super::{
    super::{
        database::SYSTEM,
        datetime::format_ms,
        privilege::Access,
        reply::Rows,
        session::{Context, database_exists},
    },
    cell, filtered,
};
use crate::{
    model::{Answer, Database, Refusal, Relation},
    sql::statement::Filter,
};

/// Names of all databases, sorted.
pub(in crate::exec) fn database_names(context: &Context<'_>) -> Vec<String> {
    let own = context.model.databases.values().map(|db| db.name.clone());
    let mut names: Vec<String> = own.chain(SYSTEM.map(str::to_owned)).collect();
    let access = Access { model: context.model, session: context.session };
    names.retain(|name| access.sees(name, None));
    names.sort();
    names
}

pub(super) fn databases(context: &Context<'_>, filter: &Filter) -> Answer<Rows> {
    let rows = database_names(context).into_iter().map(|name| vec![Some(name)]).collect();
    filtered(context, Rows::of_texts(&["Database"], rows), filter)
}

/// A database that SHOW can look into: `None` is a system database, which looks empty.
fn database<'a>(context: &Context<'a>, db: &str) -> Answer<Option<&'a Database>> {
    match context.model.find_database(db) {
        None if database_exists(context.model, db) => Ok(None),
        None => Err(Refusal::analysis(format!("Unknown database '{db}'"))),
        found => Ok(found),
    }
}

pub(super) fn tables(
    context: &Context<'_>,
    db: Option<&str>,
    full: bool,
    views: bool,
    filter: &Filter,
) -> Answer<Rows> {
    let db = super::super::session::db_of(context.session, db)?;
    let access = Access { model: context.model, session: context.session };
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for relation in database(context, db)?.into_iter().flat_map(|db| db.relations.values()) {
        if !access.sees(db, Some(relation.name())) {
            continue;
        }
        let mut row = vec![cell(relation.name())];
        match relation {
            Relation::Table(_) if views => continue,
            Relation::Table(table) if full => {
                let property = |key: &str| table.properties.get(key).cloned();
                row.extend([cell("BASE TABLE"), property("storage_format"), property("inverted_index_storage_format")]);
            }
            Relation::View(_) if full => row.extend([cell("VIEW"), cell("NONE"), cell("NONE")]),
            _ => {}
        }
        rows.push(row);
    }
    rows.sort();
    let title = format!("Tables_in_{db}");
    let mut columns = vec![title.as_str()];
    if full {
        columns.extend(["Table_type", "Storage_format", "Inverted_index_storage_format"]);
    }
    filtered(context, Rows::of_texts(&columns, rows), filter)
}

pub(super) fn table_status(context: &Context<'_>, db: Option<&str>, filter: &Filter) -> Answer<Rows> {
    let profile = context.model.profile();
    let db = super::super::session::db_of(context.session, db)?;
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for relation in database(context, db)?.into_iter().flat_map(|db| db.relations.values()) {
        let (engine, created, updated, comment) = match relation {
            Relation::Table(table) => (
                cell("Doris"),
                cell(format_ms(table.created_ms)),
                cell(format_ms(table.updated_ms)),
                match table.comment.as_str() {
                    "" if profile.ddl_engine_as_comment => "OLAP".to_owned(),
                    comment => comment.to_owned(),
                },
            ),
            Relation::View(view) => (cell("View"), None, None, view.comment.clone()),
        };
        let mut row = vec![cell(relation.name()), engine];
        let counted = (profile.table_status_counts && matches!(relation, Relation::Table(_))).then(|| "0".to_owned());
        row.extend([None, None, counted.clone(), counted.clone(), counted]);
        row.extend(std::iter::repeat_n(None, 4));
        row.extend([created, updated, None, cell("utf-8"), None, None, cell(comment)]);
        rows.push(row);
    }
    rows.sort();
    let columns = [
        "Name",
        "Engine",
        "Version",
        "Row_format",
        "Rows",
        "Avg_row_length",
        "Data_length",
        "Max_data_length",
        "Index_length",
        "Data_free",
        "Auto_increment",
        "Create_time",
        "Update_time",
        "Check_time",
        "Collation",
        "Checksum",
        "Create_options",
        "Comment",
    ];
    filtered(context, Rows::of_texts(&columns, rows), filter)
}

/// SHOW TABLE id: empty if there is none.
pub(super) fn table_by_id(context: &Context<'_>, id: i64) -> Rows {
    let found = context.model.databases.values().find_map(|db| {
        let relation = db.relations.values().find(|relation| relation.id().get() == id)?;
        Some(vec![cell(&db.name), cell(relation.name()), cell(db.id)])
    });
    Rows::of_texts(&["DbName", "TableName", "DbId"], found.into_iter().collect())
}

pub(super) fn create_database(context: &Context<'_>, db: &str) -> Answer<Rows> {
    let text = match database(context, db)? {
        Some(_) => context.model.create_database_text(db)?,
        None => format!("CREATE DATABASE `{db}`"),
    };
    Ok(Rows::of_texts(&["Database", "Create Database"], vec![vec![cell(db), cell(text)]]))
}
