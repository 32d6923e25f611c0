//! ANALYZE TABLE: a job that gathers statistics, which the simulator does not have.

use super::{reply::Reply, reply::Rows, target};
use crate::{
    Session,
    model::{Answer, Model, Refusal, Relation, java_hash_order, java_string_hash},
    sql::statement::ObjectName,
};

/// Answers the job, or nothing when the statement waits for it.
pub(super) fn analyze(
    model: &mut Model,
    session: &Session,
    name: &ObjectName,
    columns: &[String],
    sync: bool,
) -> Answer<Reply> {
    let (db, name) = target(session, name)?;
    let table = match model.database(db)?.relation(name) {
        Some(Relation::Table(table)) => table,
        Some(Relation::View(_)) => return Err(Refusal::analysis("Analyze view is not allowed")),
        None => return Err(Refusal::analysis(format!("Unknown table '{name}'"))),
    };
    if let Some(unknown) = columns.iter().find(|column| table.column(column).is_none()) {
        return Err(Refusal::analysis(format!("Unknown column '{unknown}' in '{name}'")));
    }
    let wanted = |column: &str| columns.is_empty() || columns.iter().any(|name| name.eq_ignore_ascii_case(column));
    // A set of pairs of index and column, in the order of Java (seen).
    let pairs = table.columns.iter().filter(|column| wanted(&column.name)).map(|column| {
        let hash = 31_i32.wrapping_add(java_string_hash(name)).wrapping_mul(31);
        (hash.wrapping_add(java_string_hash(&column.name)), format!("{name}:{}", column.name))
    });
    let list = java_hash_order(pairs.collect());
    let id = model.next_job_id();
    if sync {
        return Ok(Reply::done());
    }
    let row = [id.to_string(), "internal".into(), db.to_owned(), name.to_owned(), format!("[{}]", list.join(","))];
    let columns = ["Job_Id", "Catalog_Name", "DB_Name", "Table_Name", "Columns"];
    Ok(Reply::Rows(Rows::of_texts(&columns, vec![row.map(Some).to_vec()])))
}
