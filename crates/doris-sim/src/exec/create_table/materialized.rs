//! CREATE MATERIALIZED VIEW of the asynchronous kind: a table in the form of a query, filled when it is built.

use super::{
    super::{insert, query, reply::Reply, session::Context, view},
    as_select,
};
use crate::{
    Session, Sim,
    model::{Answer, MaterializedQuery, Refusal},
    sql::statement::CreateMaterializedView,
};

pub(in crate::exec) async fn create(
    sim: &Sim,
    session: &mut Session,
    statement: CreateMaterializedView,
) -> Answer<Reply> {
    let CreateMaterializedView { mut table, text, refresh, immediate } = statement;
    let Some(source) = table.query.take() else { return Ok(Reply::done()) };
    let name = table.name.clone();
    let exists = sim.with(|model| {
        let (db, view) = super::super::target(session, &name)?;
        if model.database(db)?.relation(view).is_some() {
            let exists = Refusal::analysis(as_select::exists_text(view));
            return if table.if_not_exists { Ok(true) } else { Err(exists) };
        }
        let context = Context { without_rows: true, ..Context::new(model, session) };
        let query = view::definition(&text)?;
        let output = as_select::with_sources(&context, &query, query::run(&context, &query)?.columns)?;
        table.columns = as_select::columns(&context, &table, &output)?;
        let definition = view::qualified(&context, &query, &text, &[])?;
        let materialized = Some(Box::new(MaterializedQuery { refresh, definition }));
        super::create_of(model, session, table.clone(), materialized)?;
        Ok(false)
    })?;
    if immediate && !exists {
        return insert::insert(sim, session, as_select::insert_of(name, source)).await.map(|_| Reply::done());
    }
    Ok(Reply::done())
}
