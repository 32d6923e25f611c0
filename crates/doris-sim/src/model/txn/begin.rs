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
        let db = self
            .find_database(&spec.db)
            .ok_or_else(|| Refusal::analysis(format!("can't find db named: {}", spec.db)))?;
        let db_id = db.id;
        if let Some(table) = spec.tables.iter().find(|table| db.table_by_id(**table).is_none()) {
            let text = format!("can't find table id: {table} in db: {}", spec.db);
            return Err(Refusal::analysis(text).into());
        }
        if spec.label.is_empty() {
            return Err(Refusal::analysis("empty label in begin request").into());
        }
        let timeout_s = self.check_timeout(spec.timeout_s)?;
        check_label(&spec.label)?;
        if let Some(begun) = self.check_label_free(db_id, &spec.label, spec.request_id)? {
            return Ok(begun);
        }
        let running = self.running_txns(db_id);
        let limit = self.config_number("max_running_txn_num_per_db", 10_000);
        if i64::try_from(running).unwrap_or(i64::MAX) >= limit {
            let text = format!("current running txns on db {db_id} is {running}, larger than limit {limit}");
            return Err(Refusal::analysis(text).into());
        }
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
            sub_txns: sub_txns.clone(),
            writes: Vec::new(),
            planned_indexes: std::collections::BTreeMap::new(),
            publish_at_ms: 0,
            retry_at_ms: 0,
            error_replicas: std::collections::BTreeSet::new(),
        });
        Ok(BegunTxn { id, db: db_id, sub_txns, repeated: false })
    }

    fn check_timeout(&self, asked: Option<i64>) -> Answer<i64> {
        let min = self.config_number("min_load_timeout_second", 1);
        let max = self.config_number("max_stream_load_timeout_second", 259_200);
        match asked {
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
        let holder = self
            .labels
            .get(&(db, label.to_owned()))
            .into_iter()
            .flatten()
            .filter_map(|id| self.txns.get(id))
            .find(|txn| txn.state != TxnState::Aborted);
        let Some(holder) = holder else { return Ok(None) };
        if holder.state == TxnState::Prepare && request_id.is_some() && holder.request_id == request_id {
            return Ok(Some(BegunTxn { id: holder.id, db, sub_txns: Vec::new(), repeated: true }));
        }
        let (id, state) = (holder.id, holder.state.name());
        let mut refusal = Refusal::analysis(format!(
            "Label [{label}] has already been used, relate to txn [{id}], status [{state}]."
        ));
        refusal.status = LABEL_ALREADY_EXISTS;
        let job_status = if holder.state == TxnState::Prepare { "RUNNING" } else { "FINISHED" };
        Err(BeginRefusal { refusal, job_status: Some(job_status) })
    }

    pub(crate) fn insert_txn(&mut self, txn: Txn) {
        self.labels.entry((txn.db, txn.label.clone())).or_default().push(txn.id);
        self.active_txns.insert(txn.id);
        self.txns.insert(txn.id, txn);
    }
}

/// `Label format error.` unless it is 1 to 128 letters, digits, `-`, `_` or `:`.
pub(crate) fn check_label(label: &str) -> Answer<()> {
    let fits = label.chars().all(|c| c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '-' | '_' | ':'));
    if fits && (1..=128).contains(&label.chars().count()) {
        return Ok(());
    }
    Err(Refusal::analysis(format!(r"Label format error. regex: ^[\-_A-Za-z0-9:\p{{L}}]{{1,128}}$, label: {label}")))
}
