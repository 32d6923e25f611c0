//! DELETE and UPDATE.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, TableWithJoins};

use super::{
    coerce::coerce,
    predicate,
    query::from,
    reply::Reply,
    scalar::{Binder, Scalar, ScopeColumn},
    session::Context,
    target,
    write::{self, Write, WriteKind},
};
use crate::{
    Session, Sim,
    model::{
        Answer, Column, ColumnDefault, KeysType, LoadKind, LoadWrite, Model, Refusal, Relation, Row, Table, Value,
    },
    sql::statement::{Delete, Update},
};

pub(super) async fn delete(sim: &Sim, session: &mut Session, delete: Delete) -> Answer<Reply> {
    let (db, name) = target(session, &delete.table)?;
    let (db, name) = (db.to_owned(), name.to_owned());
    let Some(condition) = &delete.condition else {
        return Err(Refusal::analysis("delete all rows is forbidden temporary."));
    };
    if delete.partitions.temp {
        return Err(Refusal::analysis("doris-sim does not model DELETE of a temporary partition"));
    }
    let mut nothing = None;
    let written = sim.with(|model| {
        let table = base_table(model, &db, &name)?;
        for partition in &delete.partitions.names {
            if table.partition(partition, false).is_none() {
                let text = format!("Unknown partition: {partition} in table: {name}");
                return Err(Refusal::analysis(text));
            }
        }
        let names = &delete.partitions.names;
        let is_plain = delete.using.is_empty() && delete.alias.is_none();
        let conditions = is_plain.then(|| predicate::conditions(&Context::new(model, session), table, condition));
        if let Some(Ok(conditions)) = &conditions {
            // A partition that was never written to has nothing to delete (seen).
            let written = |name: &String| table.partition(name, false).is_some_and(|p| p.visible_version.0 > 1);
            if !predicate::partitions_of(table, conditions, names).iter().any(written) {
                nothing = Some(model.load_label(LoadKind::Delete));
                return Ok(None);
            }
        }
        let conditions = conditions.filter(|_| has_predicates(table));
        let (what, affected, kind) = match (table.keys, conditions) {
            (_, Some(Ok(conditions))) => {
                let partitions = predicate::partitions_of(table, &conditions, names);
                if partitions.is_empty() {
                    return Ok(None);
                }
                let delete = Some(conditions);
                let what =
                    LoadWrite { table: name.clone(), delete, partitions: Some(partitions), ..LoadWrite::default() };
                (what, 0, WriteKind::Predicate)
            }
            // Any other condition can be found by reading, where rows can be marked as deleted.
            (KeysType::Unique { .. }, refused) => {
                let source = Source { db: &db, table, alias: delete.alias.as_deref(), relations: &delete.using };
                let partitions = (!names.is_empty()).then_some(&names[..]);
                let (_, rows) = source.matching(model, session, partitions, Some(condition)).map_err(|refusal| {
                    let first = refused.and_then(Result::err);
                    first.filter(|first| first.text.contains("Unknown column")).unwrap_or(refusal)
                })?;
                let rows: Vec<Row> = rows.into_iter().map(|row| Row::delete(row.target)).collect();
                let affected = rows.len();
                (LoadWrite { table: name.clone(), rows, ..LoadWrite::default() }, affected, WriteKind::Rows)
            }
            (_, Some(Err(refusal))) => return Err(refusal),
            (_, None) => {
                let text = "delete command on aggregate/duplicate table is not explicitly supported";
                return Err(Refusal::analysis(text));
            }
        };
        write::write(model, session, Write { db, label: None, what, affected, kind }).map(Some)
    })?;
    if let Some(label) = nothing {
        return Ok(Reply::affected(0, format!("{{'label':'{label}', 'txnId':'-1', 'status':'VISIBLE'}}")));
    }
    Ok(write::answer(sim, session, written).await)
}

/// Whether a DELETE is kept as a predicate: a merge-on-write table marks rows instead, unless it is told otherwise.
fn has_predicates(table: &Table) -> bool {
    !matches!(table.keys, KeysType::Unique { merge_on_write: true }) || table.flag("enable_mow_light_delete")
}

pub(super) async fn update(sim: &Sim, session: &mut Session, update: Update) -> Answer<Reply> {
    let (db, name) = target(session, &update.table)?;
    let (db, name) = (db.to_owned(), name.to_owned());
    let written = sim.with(|model| {
        let table = base_table(model, &db, &name)?;
        if !matches!(table.keys, KeysType::Unique { .. }) {
            return Err(Refusal::analysis("Only unique table could be updated."));
        }
        let source = Source { db: &db, table, alias: update.alias.as_deref(), relations: &update.from };
        let (scope, rows) = source.matching(model, session, None, update.condition.as_ref())?;
        let context = Context::new(model, session);
        let binder = Binder { context: &context, scope: &scope, grouped: None, clause: "PROJECT" };
        let mut changes = Vec::new();
        for (column, value) in &update.assignments {
            let at = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column));
            let at = at.ok_or_else(|| Refusal::analysis(format!("unknown column {column}")))?;
            let column = &table.columns[at];
            if column.is_key {
                return Err(Refusal::analysis("Only value columns of unique table could be updated"));
            }
            changes.push((at, column, value.as_ref().map_or_else(|| default(column), |e| Ok(binder.bind(e)?.scalar))?));
        }
        let mut changed = Vec::new();
        for Matched { target, all } in rows {
            let mut values = target;
            for (at, column, scalar) in &changes {
                values[*at] = coerce(&scalar.eval(&all), &column.ty)
                    .map_err(|misfit| Refusal::analysis(format!("column({}): {}", column.name, misfit.0)))?;
            }
            changed.push(Row::new(values));
        }
        let affected = changed.len();
        let what = LoadWrite { table: name.clone(), rows: changed, ..LoadWrite::default() };
        let kind = WriteKind::Rows;
        write::write(model, session, Write { db: db.clone(), label: None, what, affected, kind }).map(Some)
    })?;
    Ok(write::answer(sim, session, written).await)
}

/// `SET column = DEFAULT`.
fn default(column: &Column) -> Answer<Scalar> {
    match &column.default {
        ColumnDefault::Literal { value, .. } => Ok(Scalar::Const(value.clone())),
        ColumnDefault::Null | ColumnDefault::None => Ok(Scalar::Const(Value::Null)),
        ColumnDefault::Expression(text) => {
            Err(Refusal::analysis(format!("doris-sim does not model UPDATE with the default {text}")))
        }
    }
}

fn base_table<'m>(model: &'m Model, db: &str, name: &str) -> Answer<&'m Table> {
    let Some(database) = model.find_database(db) else {
        return Err(Refusal::analysis(format!("Database [{db}] does not exist.")));
    };
    match database.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!("{name} is a view"))),
        None => Err(Refusal::analysis(format!("Table [{name}] does not exist in database [{db}]."))),
    }
}

/// What a DELETE or UPDATE looks at: its table, and what USING or FROM joins to it.
struct Source<'a> {
    db: &'a str,
    table: &'a Table,
    alias: Option<&'a str>,
    relations: &'a [TableWithJoins],
}

/// A row of the table, and the same followed by what was joined to it.
struct Matched {
    target: Vec<Value>,
    all: Vec<Value>,
}

impl Source<'_> {
    fn scope(&self) -> Vec<ScopeColumn> {
        let column = |column: &Column| ScopeColumn {
            db: Some(self.db.to_owned()),
            table: Some(self.alias.unwrap_or(&self.table.name).to_owned()),
            name: column.name.clone(),
            ty: column.ty.clone(),
        };
        self.table.columns.iter().map(column).collect()
    }

    /// The columns that expressions can name, and the rows that satisfy a condition, each row of the table once.
    fn matching(
        &self,
        model: &Model,
        session: &Session,
        partitions: Option<&[String]>,
        condition: Option<&Expr>,
    ) -> Answer<(Vec<ScopeColumn>, Vec<Matched>)> {
        let context = Context::new(model, session);
        let rows = model.rows_seen_by(self.db, &self.table.name, partitions, &session.own_sub_txns())?;
        let joined = from::relation(&context, self.relations)?;
        let mut scope = self.scope();
        scope.extend(joined.columns);
        let condition = match condition {
            None => None,
            Some(condition) => {
                let binder = Binder { context: &context, scope: &scope, grouped: None, clause: "FILTER" };
                Some(binder.bind(condition)?.scalar)
            }
        };
        let keys = self.table.key_positions();
        let mut found: BTreeMap<Vec<Value>, Matched> = BTreeMap::new();
        for target in rows {
            let pairs = joined.rows.iter().map(|other| [target.as_slice(), other.as_slice()].concat());
            let matches = |all: &Vec<Value>| condition.as_ref().is_none_or(|c| c.truth(all) == Some(true));
            if let Some(all) = pairs.into_iter().find(matches) {
                let key = keys.iter().map(|at| target[*at].clone()).collect();
                found.insert(key, Matched { target, all });
            }
        }
        Ok((scope, found.into_values().collect()))
    }
}
