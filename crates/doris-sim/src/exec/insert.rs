//! INSERT.

use super::{
    coerce::{Misfit, coerce, parse_number},
    create_table::generated,
    datetime::Moment,
    overwrite, query,
    reply::Reply,
    scalar::{Binder, ScopeColumn},
    session::Context,
    target,
    write::{self, Write, WriteKind, Written},
};
use crate::{
    Session, Sim,
    model::{
        Answer, Column, ColumnDefault, ColumnType, DELETE_SIGN, LoadWrite, Model, Refusal, Relation, Row,
        SEQUENCE_COLUMN, Table, Value,
    },
    session::LastInsert,
    sql::statement::{Insert, InsertLiteral, InsertSource, Overwrite, TargetPartitions},
};

/// The rows of a statement, and where they go.
pub(super) struct Prepared {
    pub(super) db: String,
    pub(super) table: String,
    pub(super) overwrite: Overwrite,
    pub(super) partitions: TargetPartitions,
    pub(super) label: Option<String>,
    pub(super) rows: Vec<Row>,
    kind: WriteKind,
}

pub(super) async fn insert(sim: &Sim, session: &mut Session, insert: Insert) -> Answer<Reply> {
    let prepared = sim.look(|model| prepare(model, session, insert))?;
    if prepared.overwrite != Overwrite::No {
        return overwrite::overwrite(sim, session, prepared).await;
    }
    let (db, table) = (prepared.db.clone(), prepared.table.clone());
    let written = sim.with(|model| {
        let Prepared { db, table, partitions: TargetPartitions { names, temp }, label, rows, kind, .. } = prepared;
        let affected = rows.len();
        let partitions = (!names.is_empty()).then_some(names);
        let what = LoadWrite { table, rows, partitions, temp, delete: None };
        write::write(model, session, Write { db, label, what, affected, kind }).map(Some)
    })?;
    if let Some(Written::Committed { txn, label, affected }) = &written {
        session.last_insert = Some(LastInsert { txn: *txn, label: label.clone(), db, table, rows: *affected });
    }
    Ok(write::answer(sim, session, written).await)
}

fn prepare(model: &Model, session: &Session, insert: Insert) -> Answer<Prepared> {
    let (db, name) = target(session, &insert.table)?;
    let table = insertable(model, db, name)?;
    let layout = Layout::new(table, &insert.columns)?;
    let defaults = Defaults::new(model, db, table)?;
    let kind = if matches!(insert.source, InsertSource::Query(_)) { WriteKind::Rows } else { WriteKind::Values };
    let mut rows = match insert.source {
        InsertSource::Literals(rows) => layout.literals(table, rows, defaults)?,
        InsertSource::Values(rows) => {
            let context = Context::new(model, session);
            let binder = Binder { context: &context, scope: &[], grouped: None, clause: "VALUES" };
            let evaluated = rows.iter().map(|row| {
                let value = |expr: &Option<_>| match expr {
                    None => Ok(None),
                    Some(expr) => binder.bind(expr).map(|bound| Some(bound.scalar.eval(&[]))),
                };
                row.iter().map(value).collect::<Answer<Vec<Option<Value>>>>()
            });
            layout.values(table, evaluated, defaults)?
        }
        InsertSource::Query(query) => {
            let found = query::run(&Context::new(model, session), &query)?.rows;
            let rows = found.into_iter().map(|row| Ok(row.into_iter().map(Some).collect()));
            layout.values(table, rows, defaults)?
        }
    };
    compute_generated(&Context::new(model, session), table, &mut rows)?;
    Ok(Prepared {
        db: db.to_owned(),
        table: name.to_owned(),
        overwrite: insert.overwrite,
        partitions: insert.partitions,
        label: insert.label,
        rows,
        kind,
    })
}

/// Fills in the generated columns.
pub(super) fn compute_generated(context: &Context<'_>, table: &Table, rows: &mut [Row]) -> Answer<()> {
    let scope: Vec<ScopeColumn> = table
        .columns
        .iter()
        .map(|column| ScopeColumn { db: None, table: None, name: column.name.clone(), ty: column.ty.clone() })
        .collect();
    for (n, column) in table.columns.iter().enumerate() {
        let Some(generated) = &column.generated else { continue };
        let expr = generated::expression(&generated.written)?;
        let binder = Binder { context, scope: &scope, grouped: None, clause: "PROJECT" };
        let scalar = binder.bind(&expr)?.scalar;
        for row in rows.iter_mut() {
            let value = coerce(&scalar.eval(&row.values), &column.ty).unwrap_or(Value::Null);
            if let Some(slot) = row.values.get_mut(n) {
                *slot = value;
            }
        }
    }
    Ok(())
}

fn insertable<'m>(model: &'m Model, db: &str, name: &str) -> Answer<&'m Table> {
    let Some(database) = model.find_database(db) else {
        return Err(Refusal::analysis(format!("Database [{db}] does not exist.")));
    };
    match database.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!("the target table of insert {name} is a view"))),
        None => Err(Refusal::analysis(format!("Table [{name}] does not exist in database [{db}]."))),
    }
}

/// Where the values of a statement go: for each column of the table, the position in the row, if any.
struct Layout {
    positions: Vec<Option<usize>>,
    width: usize,
    /// Hidden columns that the statement names.
    delete_sign: Option<usize>,
    sequence: Option<usize>,
}

impl Layout {
    fn new(table: &Table, columns: &[String]) -> Answer<Self> {
        let named = |wanted: &str| columns.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let hidden = |wanted: &str| {
            let exists = table.hidden_columns.iter().any(|column| column.name == wanted);
            if exists { named(wanted) } else { None }
        };
        let (delete_sign, sequence) = (hidden(DELETE_SIGN), hidden(SEQUENCE_COLUMN));
        if columns.is_empty() {
            // Generated columns get no values.
            let mut width = 0;
            let position = |column: &Column| {
                let given = column.generated.is_none();
                width += usize::from(given);
                given.then(|| width - 1)
            };
            let positions: Vec<Option<usize>> = table.columns.iter().map(position).collect();
            check_sequence(table, &positions, sequence)?;
            return Ok(Self { positions, width, delete_sign, sequence });
        }
        for (n, name) in columns.iter().enumerate() {
            if table.column(name).is_none() && ![delete_sign, sequence].contains(&Some(n)) {
                let text = format!("Unknown column '{name}' in target table.");
                return Err(Refusal::analysis(text));
            }
        }
        let positions: Vec<Option<usize>> = table.columns.iter().map(|column| named(&column.name)).collect();
        let given =
            table.columns.iter().zip(&positions).find(|(column, at)| column.generated.is_some() && at.is_some());
        if let Some((column, _)) = given {
            return Err(Refusal::analysis(format!(
                "The value specified for generated column '{}' in table '{}' is not allowed.",
                column.name, table.name
            )));
        }
        check_sequence(table, &positions, sequence)?;
        Ok(Self { positions, width: columns.len(), delete_sign, sequence })
    }

    /// Hidden columns of a row: by the type of their column.
    fn hidden(
        &self,
        table: &Table,
        row: Row,
        mut value: impl FnMut(usize, &ColumnType) -> Result<Option<Value>, Misfit>,
    ) -> Answer<Row> {
        let mut of = |at: Option<usize>, name: &str| {
            let Some(at) = at else { return Ok(None) };
            let column = table.hidden_columns.iter().find(|column| column.name == name);
            let ty = column.map_or(ColumnType::Int, |column| column.ty.clone());
            value(at, &ty).map_err(|misfit| misfit_of(name, misfit))
        };
        let deleted = of(self.delete_sign, DELETE_SIGN)?.is_some_and(|sign| sign == Value::Int(1));
        Ok(Row { deleted, sequence: of(self.sequence, SEQUENCE_COLUMN)?, ..row })
    }

    fn literals(&self, table: &Table, rows: Vec<Vec<InsertLiteral>>, mut defaults: Defaults) -> Answer<Vec<Row>> {
        rows.into_iter()
            .map(|row| {
                self.check_width(row.len())?;
                let mut row: Vec<Option<InsertLiteral>> = row.into_iter().map(Some).collect();
                let mut take = |at: usize, ty: &ColumnType| match row.get_mut(at).and_then(Option::take) {
                    None | Some(InsertLiteral::Default) => Ok(None),
                    Some(literal) => typed(literal, ty).map(Some),
                };
                let visible = self.row(table, &mut defaults, &mut take)?;
                self.hidden(table, visible, take)
            })
            .collect()
    }

    fn values(
        &self,
        table: &Table,
        rows: impl Iterator<Item = Answer<Vec<Option<Value>>>>,
        mut defaults: Defaults,
    ) -> Answer<Vec<Row>> {
        rows.map(|row| {
            let row = row?;
            self.check_width(row.len())?;
            let value = |at: usize, ty: &ColumnType| match row.get(at).and_then(Option::as_ref) {
                None => Ok(None),
                Some(value) => coerce(value, ty).map(Some),
            };
            let visible = self.row(table, &mut defaults, value)?;
            self.hidden(table, visible, value)
        })
        .collect()
    }

    fn check_width(&self, width: usize) -> Answer<()> {
        if width == self.width { Ok(()) } else { Err(Refusal::analysis("Column count doesn't match value count")) }
    }

    fn row(
        &self,
        table: &Table,
        defaults: &mut Defaults,
        mut value: impl FnMut(usize, &ColumnType) -> Result<Option<Value>, Misfit>,
    ) -> Answer<Row> {
        let mut values = Vec::with_capacity(self.positions.len());
        for (n, (column, at)) in table.columns.iter().zip(&self.positions).enumerate() {
            let given = match at {
                None => None,
                Some(at) => value(*at, &column.ty).map_err(|misfit| misfit_of(&column.name, misfit))?,
            };
            values.push(match given {
                Some(Value::Null) if column.auto_increment.is_some() => defaults.of(n, column)?,
                Some(value) => value,
                None => defaults.of(n, column)?,
            });
        }
        Ok(Row::new(values))
    }
}

/// A table with a sequence column needs its value, unless it is the time of the insert.
fn check_sequence(table: &Table, positions: &[Option<usize>], hidden: Option<usize>) -> Answer<()> {
    let property = |name: &str| table.properties.get(name);
    let given = match property("function_column.sequence_col") {
        Some(name) => table.columns.iter().zip(positions).any(|(column, at)| {
            let by_clock =
                matches!(&column.default, ColumnDefault::Expression(e) if e.starts_with("CURRENT_TIMESTAMP"));
            column.name.eq_ignore_ascii_case(name) && (at.is_some() || by_clock)
        }),
        None => property("function_column.sequence_type").is_none(),
    };
    if given || hidden.is_some() {
        return Ok(());
    }
    let text = format!("Table {} has sequence column, need to specify the sequence column", table.name);
    Err(Refusal::analysis(text))
}

fn misfit_of(column: &str, Misfit(why): Misfit) -> Refusal {
    Refusal::analysis(format!("Insert has filtered data in strict mode. column({column}): {why}"))
}

/// A literal as a value of a column.
fn typed(literal: InsertLiteral, ty: &ColumnType) -> Result<Value, Misfit> {
    match (literal, ty) {
        (InsertLiteral::Null | InsertLiteral::Default, _) => Ok(Value::Null),
        (InsertLiteral::Bool(v), _) => coerce(&Value::Bool(v), ty),
        (InsertLiteral::Number(text), _) => match parse_number(&text) {
            Some(value @ Value::Int(_)) if *ty == ColumnType::LargeInt => Ok(value),
            Some(value) => coerce(&value, ty),
            None => Err(Misfit(format!("the value '{text}' is no number"))),
        },
        (
            InsertLiteral::Text(text) | InsertLiteral::Composite(text),
            ColumnType::String | ColumnType::Json | ColumnType::Other(_),
        ) => Ok(Value::Text(text)),
        (InsertLiteral::Composite(text), _) => Err(Misfit(format!("the value {text} has another type"))),
        (InsertLiteral::Text(text), _) => coerce(&Value::Text(text), ty),
    }
}

/// What columns get that the statement does not mention.
struct Defaults {
    now: Moment,
    /// The next number of AUTO_INCREMENT.
    next_id: i128,
}

impl Defaults {
    fn new(model: &Model, db: &str, table: &Table) -> Answer<Self> {
        let numbered = table.columns.iter().enumerate().find_map(|(n, column)| Some((n, column.auto_increment?)));
        let next_id = match numbered {
            None => 0,
            Some((n, start)) => {
                let rows = model.rows(db, &table.name)?;
                let used = rows.iter().filter_map(|row| match row.get(n) {
                    Some(Value::Int(id)) => Some(*id),
                    _ => None,
                });
                used.max().map_or(i128::from(start), |id| (id + 1).max(start.into()))
            }
        };
        Ok(Self { now: Moment::of_ms(model.now_ms()), next_id })
    }

    fn of(&mut self, n: usize, column: &Column) -> Answer<Value> {
        if column.auto_increment.is_some() {
            self.next_id += 1;
            return Ok(Value::Int(self.next_id - 1));
        }
        match &column.default {
            ColumnDefault::Literal { value, .. } => Ok(value.clone()),
            ColumnDefault::Expression(expression) => Ok(self.expression(expression, &column.ty)),
            ColumnDefault::Null => Ok(Value::Null),
            ColumnDefault::None if column.nullable || column.generated.is_some() => Ok(Value::Null),
            ColumnDefault::None => {
                Err(Refusal::analysis(format!("Column has no default value, column={} (number {n})", column.name)))
            }
        }
    }

    fn expression(&self, expression: &str, ty: &ColumnType) -> Value {
        let now = Value::DateTime(self.now.text(6));
        match expression.split(['(', ' ']).next() {
            Some("CURRENT_TIMESTAMP") => coerce(&now, ty).unwrap_or(Value::Null),
            Some("CURRENT_DATE") => coerce(&Value::Date(self.now.date_text()), ty).unwrap_or(Value::Null),
            Some("PI") => coerce(&Value::Double(std::f64::consts::PI), ty).unwrap_or(Value::Null),
            Some("E") => coerce(&Value::Double(std::f64::consts::E), ty).unwrap_or(Value::Null),
            // BITMAP_EMPTY: a value without text.
            _ => Value::Text(String::new()),
        }
    }
}
