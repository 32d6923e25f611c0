//! SHOW TRANSACTION.

use super::{
    super::{
        datetime::format_ms,
        reply::Rows,
        scalar::LikePattern,
        session::{Context, db_of},
    },
    Simple, cell, simple,
};
use crate::{
    model::{Answer, Refusal, Txn, TxnId},
    sql::statement::Filter,
};

pub(super) fn transaction(context: &Context<'_>, db: Option<&str>, filter: &Filter) -> Answer<Rows> {
    let refusal = || {
        Refusal::analysis(
            "Where clause should looks like one of them: id = 123 or label =/like 'label' or status = \
             'prepare/precommitted/committed/visible/aborted'",
        )
    };
    let db = context.model.database(db_of(context.session, db)?)?.id;
    let Filter::Where(condition) = filter else { return Err(refusal()) };
    let missing = |what: String| Err(Refusal::analysis(format!("transaction with {what} does not exist")));
    let found: Vec<&Txn> = match simple(context, condition).ok_or_else(refusal)? {
        Simple::Eq(column, value) if column == "id" => {
            let id: i64 = value.parse().map_err(|_| refusal())?;
            let found: Vec<&Txn> = context.model.txn(TxnId::new(id)).filter(|txn| txn.db == db).into_iter().collect();
            if found.is_empty() {
                return missing(format!("id {id}"));
            }
            found
        }
        Simple::Eq(column, value) if column == "label" => {
            let found: Vec<&Txn> = context.model.txns_of(db).filter(|txn| txn.label == value).collect();
            if found.is_empty() {
                return missing(format!("label {value}"));
            }
            found
        }
        Simple::Like(column, pattern) if column == "label" => {
            let pattern = LikePattern::new(&pattern, false);
            let mut found: Vec<&Txn> = context.model.txns_of(db).filter(|txn| pattern.matches(&txn.label)).collect();
            // Newest first, unlike with `=`.
            found.reverse();
            found
        }
        _ => return Err(refusal()),
    };
    let columns = [
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
    Ok(Rows::of_texts(&columns, found.into_iter().map(row).collect()))
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
        cell(""),
    ]
}
