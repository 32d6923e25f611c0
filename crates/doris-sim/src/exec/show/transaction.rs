//! SHOW TRANSACTION and `SHOW PROC '/transactions/..'`.

use std::collections::BTreeMap;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as Literal};

use super::{
    super::{
        datetime::format_ms,
        reply::Rows,
        scalar::{LikePattern, label_of},
        session::{Context, db_of},
    },
    cell,
};
use crate::{
    model::{Answer, DbId, Profile, Refusal, TableId, Txn, TxnId},
    sql::{literal, statement::Filter},
};

const COLUMNS: [&str; 15] = [
    "TransactionId",
    "Label",
    "Coordinator",
    "TransactionStatus",
    "LoadJobSourceType",
    "PrepareTime",
    "PreCommitTime",
    "CommitTime",
    "PublishTime",
    "FinishTime",
    "Reason",
    "ErrorReplicasCount",
    "ListenerId",
    "TimeoutMs",
    "ErrMsg",
];

/// Longest list of `/transactions/<db>/<state>`.
const MOST_ROWS: usize = 2000;

/// What a WHERE clause asks for.
enum Wanted {
    Id(i64),
    Label(String),
    Status(String),
    Like(String),
}

pub(super) fn transaction(context: &Context<'_>, db: Option<&str>, filter: &Filter) -> Answer<Rows> {
    let name = db_of(context.session, db)?;
    let Filter::Where(condition) = filter else { return Err(Refusal::analysis("Missing transaction id")) };
    let wanted = wanted(context.model.profile(), condition).ok_or_else(|| {
        Refusal::analysis(
            "Where clause should looks like one of them: id = 123 or label =/like 'label' or status = \
             'prepare/precommitted/committed/visible/aborted'",
        )
    })?;
    let model = context.model;
    let db = model.database(name)?.id;
    let found: Vec<&Txn> = match wanted {
        Wanted::Id(id) => vec![by_id(context, db, id)?],
        Wanted::Label(label) if label.is_empty() => vec![by_id(context, db, -1)?],
        Wanted::Label(label) => {
            let newest = model.txns_of(db).filter(|txn| txn.label == label).last();
            vec![newest.ok_or_else(|| Refusal::analysis(format!("transaction with label {label} does not exist")))?]
        }
        Wanted::Status(name) => {
            let mut found: Vec<&Txn> =
                model.txns_of(db).filter(|txn| txn.state.name().eq_ignore_ascii_case(&name)).collect();
            found.reverse();
            found
        }
        Wanted::Like(pattern) => {
            let pattern = label_pattern(&pattern)?;
            let mut found: Vec<&Txn> = model.txns_of(db).filter(|txn| pattern.matches(&txn.label)).collect();
            found.reverse();
            found
        }
    };
    Ok(Rows::of_texts(&COLUMNS, found.into_iter().map(row).collect()))
}

/// The newest transactions of a database first, unfinished or finished ones.
pub(super) fn list(context: &Context<'_>, db: DbId, running: bool) -> Rows {
    let mut found: Vec<&Txn> = context.model.txns_of(db).filter(|txn| txn.state.is_final() != running).collect();
    found.reverse();
    Rows::of_texts(&COLUMNS, found.into_iter().take(MOST_ROWS).map(row).collect())
}

/// `/transactions/<db>`: how many there are.
pub(super) fn states(context: &Context<'_>, db: DbId) -> Rows {
    let running = context.model.running_txns(db);
    let finished = context.model.txns_of(db).filter(|txn| txn.state.is_final()).count();
    let rows = vec![vec![cell("running"), cell(running)], vec![cell("finished"), cell(finished)]];
    Rows::of_texts(&["State", "Number"], rows)
}

/// `/transactions/<db>/<state>/<id>`: tables with their partitions; one row for each sub transaction.
pub(super) fn tables(context: &Context<'_>, db: DbId, id: i64) -> Answer<Rows> {
    let txn = known(context, db, id)?;
    let mut parts: BTreeMap<(TableId, TxnId), Vec<String>> = BTreeMap::new();
    for write in &txn.writes {
        parts.entry((write.table, write.stid)).or_default().push(write.partition.to_string());
    }
    let rows = parts.into_iter().map(|((table, _), partitions)| vec![cell(table), cell(partitions.join(", "))]);
    Ok(Rows::of_texts(&["TableId", "CommittedPartitionIds"], rows.collect()))
}

/// `/transactions/<db>/<state>/<id>/<table>`: the versions that it makes.
pub(super) fn partitions(context: &Context<'_>, db: DbId, id: i64, table: i64) -> Answer<Rows> {
    let txn = known(context, db, id)?;
    let writes = txn.writes.iter().filter(|write| write.table.get() == table);
    let rows = writes.map(|write| vec![cell(write.partition), cell(write.version)]);
    Ok(Rows::of_texts(&["PartitionId", "CommittedVersion"], rows.collect()))
}

fn by_id<'a>(context: &Context<'a>, db: DbId, id: i64) -> Answer<&'a Txn> {
    let found = context.model.txn_or_parent(TxnId::new(id)).filter(|txn| txn.db == db);
    found.ok_or_else(|| Refusal::analysis(format!("transaction with id {id} does not exist")))
}

fn known<'a>(context: &Context<'a>, db: DbId, id: i64) -> Answer<&'a Txn> {
    let found = context.model.txn_or_parent(TxnId::new(id)).filter(|txn| txn.db == db);
    found.ok_or_else(|| Refusal::analysis(format!("Transaction[{id}] does not exist.")))
}

/// A column, then a literal of the right kind. Newer versions refuse a status in every form: the frontend looks for
/// another class of literal than its parser makes (seen).
fn wanted(profile: &Profile, expr: &Expr) -> Option<Wanted> {
    let (column, value, like) = match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => (left, right, false),
        Expr::Like { negated: false, expr, pattern, .. } => (expr, pattern, true),
        _ => return None,
    };
    if !matches!(column.as_ref(), Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return None;
    }
    match (label_of(column).to_lowercase().as_str(), value.as_ref()) {
        ("id", value) => integer(value).map(Wanted::Id),
        ("status", Expr::Value(value)) if !like && profile.show_txns_by_status => {
            let (Literal::SingleQuotedString(name) | Literal::DoubleQuotedString(name)) = &value.value else {
                return None;
            };
            const STATES: [&str; 5] = ["prepare", "precommitted", "committed", "visible", "aborted"];
            let known = STATES.iter().any(|state| state.eq_ignore_ascii_case(name));
            known.then(|| Wanted::Status(name.clone()))
        }
        ("label", Expr::Value(value)) => {
            let text = match &value.value {
                Literal::SingleQuotedString(text) => literal::decode(text, '\''),
                Literal::DoubleQuotedString(text) => literal::decode(text, '"'),
                _ => return None,
            };
            Some(if like && !text.is_empty() { Wanted::Like(text) } else { Wanted::Label(text) })
        }
        _ => None,
    }
}

fn integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Literal::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => integer(expr).map(|n| -n),
        _ => None,
    }
}

/// The frontend turns `%` into `.*` and looks for the whole label with that regular expression: `_` is a plain
/// character, `.` stands for any, a backslash makes a sign plain.
fn label_pattern(pattern: &str) -> Answer<LikePattern> {
    let mut like = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => like.push('_'),
            '_' => like.push_str(r"\_"),
            '\\' => match chars.next().filter(|next| !next.is_ascii_alphanumeric()) {
                Some('%') => like.push('%'),
                Some(plain) => like.extend(['\\', plain]),
                None => return Err(unmodelled(c, pattern)),
            },
            '[' | ']' | '(' | ')' | '{' | '}' | '^' | '$' | '|' | '?' | '*' | '+' => {
                return Err(unmodelled(c, pattern));
            }
            c => like.push(c),
        }
    }
    Ok(LikePattern::new(&like, false))
}

fn unmodelled(sign: char, pattern: &str) -> Refusal {
    Refusal::analysis(format!("doris-sim does not model '{sign}' in a pattern of labels: {pattern}"))
}

fn row(txn: &Txn) -> Vec<Option<String>> {
    vec![
        cell(txn.id),
        cell(&txn.label),
        cell(&txn.coordinator),
        cell(txn.state.name()),
        cell(txn.source_type),
        cell(format_ms(txn.prepared_ms)),
        None,
        txn.committed_ms.map(format_ms),
        txn.published_ms.map(format_ms),
        txn.finished_ms.map(format_ms),
        cell(&txn.reason),
        cell(txn.error_replicas.len()),
        cell(-1),
        cell(txn.timeout_ms),
        cell(&txn.wait_reason),
    ]
}
