//! beginTxn.

use super::{Txn, TxnState};
use crate::model::{Answer, Model, Refusal, ids::*};

/// What beginTxn asks for.
#[derive(Clone, Debug, Default)]
pub struct BeginTxnSpec {
    pub db: String,
    pub tables: Vec<TableId>,
    pub label: String,
    /// Seconds.
    pub timeout_s: Option<i64>,
    pub request_id: Option<(i64, i64)>,
    pub backend_id: i64,
    pub sub_txn_num: i64,
    /// Address of the caller.
    pub peer: String,
}

/// A begun transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunTxn {
    pub id: TxnId,
    pub db: DbId,
    pub sub_txns: Vec<TxnId>,
    /// The call was a repetition: `db_id` and `sub_txn_ids` are then missing in the reply (seen).
    pub repeated: bool,
}

/// A refused beginTxn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginRefusal {
    pub refusal: Refusal,
    /// `RUNNING` or `FINISHED` with LABEL_ALREADY_EXISTS.
    pub job_status: Option<&'static str>,
}

impl From<Refusal> for BeginRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, job_status: None }
    }
}

/// `TStatusCode` LABEL_ALREADY_EXISTS.
const LABEL_ALREADY_EXISTS: i32 = 15;

impl Model {
    /// beginTxn. A PREPARE transaction is not journaled.
    pub fn begin_txn(&mut self, spec: BeginTxnSpec) -> Result<BegunTxn, BeginRefusal> {
        let db_id = self.check_begin(&spec)?;
        if spec.label.is_empty() {
            return Err(Refusal::analysis("empty label in begin request").into());
        }
        let timeout_s = self.check_timeout(spec.timeout_s)?;
        if self.config_flag("disable_load_job") {
            return Err(Refusal::analysis("disable_load_job is set to true, all load jobs are prevented").into());
        }
        check_label(&spec.label)?;
        if let Some(begun) = self.check_label_free(db_id, &spec.label, spec.request_id)? {
            return Ok(begun);
        }
        self.check_running_txns(db_id, &spec.tables)?;
        let id = self.next_txn_id();
        let mut sub_txns = Vec::new();
        if spec.sub_txn_num > 0 {
            sub_txns.push(id);
            sub_txns.extend((1..spec.sub_txn_num).map(|_| self.next_txn_id()));
        }
        self.insert_txn(Txn {
            id,
            db: db_id,
            label: spec.label,
            request_id: spec.request_id,
            tables: spec.tables,
            state: TxnState::Prepare,
            coordinator: format!("BE: {}", spec.peer),
            source_type: "BACKEND_STREAMING",
            backend_id: spec.backend_id,
            timeout_ms: timeout_s.saturating_mul(1000),
            prepared_ms: self.now_ms,
            committed_ms: None,
            published_ms: None,
            finished_ms: None,
            reason: String::new(),
            with_sub_txns: false,
            sub_txns: sub_txns.clone(),
            begun_sub_txns: Vec::new(),
            writes: Vec::new(),
            planned_indexes: std::collections::BTreeMap::new(),
            publish_at_ms: 0,
            retry_at_ms: 0,
            error_replicas: std::collections::BTreeSet::new(),
            wait_reason: String::new(),
        });
        Ok(BegunTxn { id, db: db_id, sub_txns, repeated: false })
    }

    /// Database and tables of a beginTxn, which are looked up before anything else is checked.
    pub(crate) fn check_begin(&self, spec: &BeginTxnSpec) -> Answer<DbId> {
        let name = &spec.db;
        let db = self.find_database(name);
        let db = db.ok_or_else(|| Refusal::analysis(format!("can't find db named: {name}")))?;
        match spec.tables.iter().find(|table| db.table_by_id(**table).is_none()) {
            Some(table) => Err(Refusal::analysis(format!("can't find table id: {table} in db: {name}"))),
            None => Ok(db.id),
        }
    }

    /// Refuses a transaction where too many run in the database, or wait for their publish on one of its tables.
    pub(crate) fn check_running_txns(&self, db: DbId, tables: &[TableId]) -> Answer<()> {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let running = number(self.running_txns(db));
        let quota = self.databases.get(&db).and_then(|db| db.quotas.transactions);
        let limit = quota.unwrap_or_else(|| self.config_number("max_running_txn_num_per_db", 10_000));
        if running >= limit {
            let text = format!("current running txns on db {db} is {running}, larger than limit {limit}");
            return Err(Refusal::analysis(text));
        }
        let limit = self.config_number("max_publishing_txn_num_per_table", 500);
        for table in tables.iter().filter(|_| limit >= 0) {
            let waiting = self.unfinished_txns().filter(|txn| txn.state == TxnState::Committed);
            let waiting = number(waiting.filter(|txn| txn.db == db && txn.tables.contains(table)).count());
            if waiting >= limit {
                let text = format!("current committed txns on table {table} is {waiting}, larger than limit {limit}");
                return Err(Refusal::analysis(text));
            }
        }
        Ok(())
    }

    fn check_timeout(&self, asked: Option<i64>) -> Answer<i64> {
        let min = self.config_number("min_load_timeout_second", 1);
        let max = self.config_number("max_stream_load_timeout_second", 259_200);
        let named = self.profile().timeout_refusal_names_config;
        match asked {
            Some(t) if !named && !(min..=max).contains(&t) => {
                Err(Refusal::analysis(format!("Invalid timeout: {t}. Timeout should between {min} and {max} seconds")))
            }
            None => Ok(self.config_number("stream_load_default_timeout_second", 259_200)),
            Some(t) if t < min => Err(Refusal::analysis(format!(
                "Invalid timeout: {t}. Timeout should be higher than Config.min_load_timeout_second: {min}"
            ))),
            Some(t) if t > max => Err(Refusal::analysis(format!(
                "Invalid timeout: {t}. Timeout should be lower than Config.max_stream_load_timeout_second: {max}"
            ))),
            Some(t) => Ok(t),
        }
    }

    /// A label belongs to the newest transaction of the database that has it and is not aborted.
    fn check_label_free(
        &self,
        db: DbId,
        label: &str,
        request_id: Option<(i64, i64)>,
    ) -> Result<Option<BegunTxn>, BeginRefusal> {
        let Some(holder) = self.label_holder(db, label) else { return Ok(None) };
        if holder.state == TxnState::Prepare && request_id.is_some() && holder.request_id == request_id {
            return Ok(Some(BegunTxn { id: holder.id, db, sub_txns: Vec::new(), repeated: true }));
        }
        let refusal = label_used(holder);
        let job_status = if holder.state == TxnState::Prepare { "RUNNING" } else { "FINISHED" };
        Err(BeginRefusal { refusal, job_status: Some(job_status) })
    }

    /// The transaction that holds a label: the one that is not aborted.
    pub(crate) fn label_holder(&self, db: DbId, label: &str) -> Option<&Txn> {
        let ids = self.labels.get(&(db, label.to_owned()))?;
        ids.iter().filter_map(|id| self.txns.get(id)).find(|txn| txn.state != TxnState::Aborted)
    }

    pub(crate) fn insert_txn(&mut self, txn: Txn) {
        self.labels.entry((txn.db, txn.label.clone())).or_default().push(txn.id);
        self.active_txns.insert(txn.id);
        self.txns.insert(txn.id, txn);
    }
}

/// `Label [x] has already been used`.
pub(crate) fn label_used(holder: &Txn) -> Refusal {
    let (label, id, state) = (&holder.label, holder.id, holder.state.name());
    let text = format!("Label [{label}] has already been used, relate to txn [{id}], status [{state}].");
    Refusal { status: LABEL_ALREADY_EXISTS, ..Refusal::analysis(text) }
}

/// `Label format error.` unless it is 1 to 128 letters, digits, `-`, `_` or `:`.
pub(crate) fn check_label(label: &str) -> Answer<()> {
    let fits = label.chars().all(|c| c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '-' | '_' | ':'));
    if fits && (1..=128).contains(&label.chars().count()) {
        return Ok(());
    }
    Err(Refusal::analysis(format!(r"Label format error. regex: ^[\-_A-Za-z0-9:\p{{L}}]{{1,128}}$, label: {label}")))
}
