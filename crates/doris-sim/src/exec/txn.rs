//! BEGIN, COMMIT, ROLLBACK, and what statements write in between.

use super::{
    reply::Reply,
    variables::number,
    write::{Write, WriteKind, Written},
};
use crate::{
    Session, Sim,
    model::{Answer, CommitPart, LoadKind, Model, Refusal, TxnId},
    session::{BegunSqlTxn, SqlTxn},
    sql::Statement,
};

/// How long COMMIT waits for the publish (`commit_timeout_second`).
const COMMIT_WAIT_MS: i64 = 30_000;

const MIXED: &str = "Transaction insert can not insert into values and insert into select at the same time";

/// Between BEGIN and COMMIT only few statements are executed.
pub(super) fn check_allowed(session: &Session, statement: &Statement) -> Answer<()> {
    let allowed = matches!(
        statement,
        Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Begin { .. }
            | Statement::Commit
            | Statement::Rollback
            | Statement::Empty
    );
    if session.txn.is_none() || allowed {
        return Ok(());
    }
    Err(Refusal::analysis("This is in a transaction, only insert, update, delete, commit, rollback is acceptable."))
}

/// BEGIN; inside a transaction it renames what COMMIT will report, and does nothing else.
pub(super) fn begin(model: &mut Model, session: &mut Session, label: Option<String>) -> Reply {
    let label = label.unwrap_or_else(|| model.load_label(LoadKind::Session));
    match &mut session.txn {
        Some(open) => {
            open.label = label;
            Reply::done()
        }
        None => {
            let info = format!("{{'label':'{label}', 'status':'PREPARE', 'txnId':''}}");
            session.txn = Some(SqlTxn { label, begun: None });
            Reply::affected(0, info)
        }
    }
}

/// COMMIT: refused, it aborts the transaction.
pub(super) async fn commit(sim: &Sim, session: &mut Session) -> Answer<Reply> {
    let Some(SqlTxn { label, begun: Some(begun) }) = session.txn.take() else { return Ok(Reply::done()) };
    let BegunSqlTxn { id, db, only_table, parts } = begun;
    let committed = sim.with(|model| {
        model.commit_txn(db, id, &parts).inspect_err(|refusal| {
            model.abort_unfinished(id, &refusal.text);
        })
    });
    committed.map_err(|refusal| Refusal::analysis(refusal.text))?;
    let deadline = sim.clock().now_ms().saturating_add(COMMIT_WAIT_MS);
    let visible = sim.wait_visible(id, deadline).await;
    if !visible && only_table.is_some() {
        return Err(Refusal::analysis("transaction commit successfully, BUT data will be visible later."));
    }
    let status = if visible { "VISIBLE" } else { "COMMITTED" };
    Ok(Reply::affected(0, info(&label, status, id)))
}

/// ROLLBACK.
pub(super) fn rollback(model: &mut Model, session: &mut Session) -> Answer<Reply> {
    let Some(SqlTxn { label, begun: Some(begun) }) = session.txn.take() else { return Ok(Reply::done()) };
    match model.txn(begun.id).map(|txn| (txn.state.is_final(), txn.reason.clone())) {
        Some((false, _)) => model.abort_unfinished(begun.id, "user rollback"),
        Some((true, _)) => return Err(Refusal::analysis("errCode = 2, detailMessage = transaction not found")),
        None => {
            let text = format!("errCode = 2, detailMessage = transaction [{}] not found", begun.id);
            return Err(Refusal::analysis(text));
        }
    }
    Ok(Reply::affected(0, info(&label, "ABORTED", begun.id)))
}

/// A connection ends: what it began is aborted.
pub(crate) fn close(model: &mut Model, session: &mut Session) {
    if let Some(begun) = session.txn.take().and_then(|txn| txn.begun) {
        model.abort_unfinished(begun.id, "user rollback");
    }
}

/// One statement of a transaction. The first one begins it.
pub(super) fn write(model: &mut Model, session: &mut Session, write: Write) -> Answer<Written> {
    let timeout_s = number(model, session, "insert_timeout", 14_400).max(number(model, session, "query_timeout", 900));
    let Some(open) = session.txn.as_mut() else { return Err(Refusal::analysis("No transaction to write into")) };
    let Write { db, what, affected, kind, .. } = write;
    let (db_id, table) = (model.database(&db)?.id, model.table(&db, &what.table)?.id);
    let values = kind == WriteKind::Values;
    if let Some(begun) = &open.begun {
        match begun.only_table {
            Some(only) if values && (only != table || begun.db != db_id) => {
                return Err(Refusal::analysis("Only one table can be inserted in one transaction."));
            }
            Some(_) if values => {}
            None if !values && begun.db != db_id => {
                let text = format!("Transaction insert must be in the same database, expect db_id={}", begun.db);
                return Err(Refusal::analysis(text));
            }
            None if !values => {}
            _ => return Err(Refusal::analysis(MIXED)),
        }
    }
    model.prepare_write(&db, &what)?;
    let (id, stid) = match &open.begun {
        Some(begun) if values => (begun.id, begun.id),
        Some(begun) => (begun.id, model.begin_sub_txn(begun.id, table, begun.parts.len())?),
        None => {
            let id = model.begin_load(db_id, vec![table], open.label.clone(), LoadKind::Session, timeout_s)?;
            (id, id)
        }
    };
    let only_table = values.then_some(table);
    let begun = open.begun.get_or_insert_with(|| BegunSqlTxn { id, db: db_id, only_table, parts: Vec::new() });
    let part = model.write_load(&db, stid, what)?;
    match begun.parts.last_mut().filter(|_| values) {
        Some(all) => all.infos.extend(part.infos),
        None => begun.parts.push(CommitPart { table: part.table.filter(|_| !values), ..part }),
    }
    Ok(Written::Prepared { txn: id, label: open.label.clone(), affected })
}

/// What a statement reports of its transaction.
pub(super) fn info(label: &str, status: &str, id: TxnId) -> String {
    format!("{{'label':'{label}', 'status':'{status}', 'txnId':'{id}'}}")
}
