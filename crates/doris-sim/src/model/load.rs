//! Loads that this cluster plans itself: INSERT, stream load, DELETE.

use std::{collections::BTreeMap, sync::Arc};

use rand::RngExt as _;

use super::{Answer, CommitPart, Condition, Model, Partition, Refusal, Row, Table, Txn, TxnState, Value, ids::*};

/// `insert_timeout`.
const INSERT_TIMEOUT_S: i64 = 14_400;

/// What one statement writes into one table.
#[derive(Clone, Debug, Default)]
pub struct LoadWrite {
    pub table: String,
    /// One value for each column of the table, in order and of the column's type.
    pub rows: Vec<Row>,
    /// Removes rows of earlier versions instead (DELETE of a table that is not merge-on-write).
    pub delete: Option<Vec<Condition>>,
    /// Only these partitions; a row of another one is refused.
    pub partitions: Option<Vec<String>>,
    /// The partitions are temporary ones.
    pub temp: bool,
}

/// One transaction of a load.
#[derive(Clone, Debug, Default)]
pub struct LoadSpec {
    pub db: String,
    /// `None`: one is made up.
    pub label: Option<String>,
    pub writes: Vec<LoadWrite>,
    /// `BEGIN ... COMMIT` over several statements: one sub transaction for each write.
    pub sub_txns: bool,
    pub kind: LoadKind,
}

/// Who begins a load: what its label and its source type are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadKind {
    /// INSERT, UPDATE, and DELETE that writes rows.
    #[default]
    Insert,
    /// DELETE with a predicate.
    Delete,
    /// `BEGIN` of a session.
    Session,
}

impl LoadKind {
    fn source_type(self) -> &'static str {
        match self {
            Self::Insert | Self::Session => "INSERT_STREAMING",
            Self::Delete => "FRONTEND",
        }
    }
}

impl Model {
    /// Loads rows into one table in one transaction. Answers its id; it is COMMITTED, see [`crate::Sim::wait_visible`].
    pub fn load(&mut self, db: &str, table: &str, rows: Vec<Vec<Value>>) -> Answer<TxnId> {
        let rows = rows.into_iter().map(Row::new).collect();
        let write = LoadWrite { table: table.to_owned(), rows, ..LoadWrite::default() };
        self.load_txn(LoadSpec { db: db.to_owned(), writes: vec![write], ..LoadSpec::default() })
    }

    /// Begins, writes and commits one transaction. Partitions that get no row get no version.
    pub fn load_txn(&mut self, spec: LoadSpec) -> Answer<TxnId> {
        for write in &spec.writes {
            self.prepare_write(&spec.db, write)?;
        }
        let db = self.database(&spec.db)?;
        let db_id = db.id;
        let mut tables = Vec::new();
        for table in spec.writes.iter().filter_map(|write| db.table(&write.table)) {
            if !tables.contains(&table.id) {
                tables.push(table.id);
            }
        }
        let label = spec.label.unwrap_or_else(|| self.load_label(spec.kind));
        let id = self.begin_load(db_id, tables, label, spec.kind, INSERT_TIMEOUT_S)?;
        let mut parts: Vec<CommitPart> = Vec::new();
        for (n, write) in spec.writes.into_iter().enumerate() {
            let stid = if spec.sub_txns && n > 0 { self.next_txn_id() } else { id };
            let part = match self.write_load(&spec.db, stid, write) {
                Ok(part) => part,
                Err(refusal) => {
                    self.abort(id, &refusal.text);
                    return Err(refusal);
                }
            };
            match parts.last_mut() {
                Some(all) if !spec.sub_txns => all.infos.extend(part.infos),
                _ => parts.push(CommitPart { table: part.table.filter(|_| spec.sub_txns), ..part }),
            }
        }
        if let Err(refusal) = self.commit_txn(db_id, id, &parts) {
            self.abort(id, &refusal.text);
            return Err(refusal);
        }
        Ok(id)
    }

    /// What comes before the transaction of a write: the table exists, the rows fit, their partitions are made.
    pub(crate) fn prepare_write(&mut self, db: &str, write: &LoadWrite) -> Answer<()> {
        if write.partitions.is_none() {
            self.add_auto_partitions(db, &write.table, &write.rows)?;
        }
        let table = self.database(db)?.table(&write.table);
        let table = table.ok_or_else(|| super::catalog::unknown_table(&write.table))?;
        check_rows(table, &write.rows)
    }

    /// Begins the transaction of a load that this FE plans.
    pub(crate) fn begin_load(
        &mut self,
        db: DbId,
        tables: Vec<TableId>,
        label: String,
        kind: LoadKind,
        timeout_s: i64,
    ) -> Answer<TxnId> {
        super::txn::check_label(&label)?;
        if let Some(holder) = self.label_holder(db, &label) {
            return Err(Refusal { status: 2, ..super::txn::label_used(holder) });
        }
        self.check_running_txns(db, &tables)?;
        let host = self.master.and_then(|n| self.frontends.get(n)).map_or("127.0.0.1", |fe| fe.host.as_str());
        let coordinator = format!("FE: {host}");
        let id = self.next_txn_id();
        self.insert_txn(Txn {
            id,
            db,
            label,
            request_id: None,
            tables,
            state: TxnState::Prepare,
            coordinator,
            source_type: kind.source_type(),
            backend_id: 0,
            timeout_ms: timeout_s.saturating_mul(1000),
            prepared_ms: self.now_ms,
            committed_ms: None,
            published_ms: None,
            finished_ms: None,
            reason: String::new(),
            with_sub_txns: false,
            sub_txns: Vec::new(),
            begun_sub_txns: Vec::new(),
            writes: Vec::new(),
            planned_indexes: BTreeMap::new(),
            publish_at_ms: 0,
            retry_at_ms: 0,
            error_replicas: std::collections::BTreeSet::new(),
            wait_reason: String::new(),
        });
        self.plan_load(id);
        Ok(id)
    }

    /// Writes rows under the id of a transaction or of one of its sub transactions.
    pub(crate) fn write_load(&mut self, db: &str, stid: TxnId, write: LoadWrite) -> Answer<CommitPart> {
        let table = self.table(db, &write.table)?.clone();
        let infos = self.write_rows(stid, &table, write)?;
        Ok(CommitPart { stid, table: Some(table.id), infos })
    }

    /// A label as Doris makes one up.
    pub(crate) fn load_label(&mut self, kind: LoadKind) -> String {
        let (hi, lo): (u64, u64) = (self.rng.random(), self.rng.random());
        match kind {
            LoadKind::Insert => format!("label_{hi:x}_{lo:x}"),
            LoadKind::Session => format!("txn_insert_{hi:x}-{lo:x}"),
            LoadKind::Delete => {
                let (a, b, c) = (hi >> 32, hi >> 16 & 0xffff, hi & 0x0fff);
                let (d, e) = (lo >> 48 & 0x3fff | 0x8000, lo & 0xffff_ffff_ffff);
                format!("delete_{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
            }
        }
    }

    /// Writes pending rowsets into every tablet of every touched partition; answers the commit infos.
    fn write_rows(&mut self, stid: TxnId, table: &Table, write: LoadWrite) -> Answer<Vec<(TabletId, BackendId)>> {
        let pool = if write.temp { &table.temp_partitions } else { &table.partitions };
        let mut chosen: Vec<&Partition> = Vec::new();
        match &write.partitions {
            None => chosen.extend(pool),
            Some(names) => {
                for name in names {
                    let found = pool.iter().find(|p| p.name.eq_ignore_ascii_case(name));
                    chosen.push(found.ok_or_else(|| Refusal::analysis(format!("Unknown partition: {name}")))?);
                }
            }
        }
        let mut by_partition: BTreeMap<PartitionId, Vec<Row>> = BTreeMap::new();
        if write.delete.is_some() {
            by_partition.extend(chosen.iter().map(|p| (p.id, Vec::new())));
        }
        for row in write.rows {
            let key = table.key_of(&table.scheme.columns, &row.values);
            let home = chosen.iter().find(|p| p.item.contains(&key));
            let home = home.or_else(|| chosen.iter().find(|p| p.item.is_default())).ok_or_else(|| {
                let values: Vec<String> = row.values.iter().map(Value::to_string).collect();
                Refusal::analysis(format!(
                    "Insert has filtered data in strict mode. no partition for this tuple. tuple=({})",
                    values.join(", ")
                ))
            })?;
            by_partition.entry(home.id).or_default().push(row);
        }
        let mut infos = Vec::new();
        for partition in chosen {
            let Some(rows) = by_partition.remove(&partition.id) else { continue };
            let buckets = spread(table, partition, rows, stid);
            for (index, tablets) in &partition.indexes {
                for (tablet, rows) in tablets.iter().zip(&buckets) {
                    let rowset = Arc::new(table.rowset(*index, rows, write.delete.as_deref()));
                    for replica in &tablet.replicas {
                        let be = self.backends.get_mut(&replica.backend).filter(|be| be.works());
                        if let Some(on_be) = be.and_then(|be| be.tablets.get_mut(&tablet.id)) {
                            on_be.write(stid, &rowset);
                            infos.push((tablet.id, replica.backend));
                        }
                    }
                }
            }
        }
        Ok(infos)
    }
}

/// Rows in each bucket of a partition.
fn spread(table: &Table, partition: &Partition, rows: Vec<Row>, txn: TxnId) -> Vec<Vec<Row>> {
    let count = usize::try_from(partition.buckets).unwrap_or(1).max(1);
    let mut buckets = vec![Vec::new(); count];
    let mut next = usize::try_from(txn.get()).unwrap_or(0);
    for row in rows {
        let bucket = if table.distribution.hash_columns.is_empty() {
            next += 1;
            next % count
        } else {
            let key = table.key_of(&table.distribution.hash_columns, &row.values);
            usize::try_from(bucket_hash(&key) % u64::try_from(count).unwrap_or(1)).unwrap_or(0)
        };
        buckets[bucket].push(row);
    }
    buckets
}

/// A hash of the hash columns that is the same on all clusters and versions (FNV-1a over the values' texts).
pub(crate) fn bucket_hash(key: &[Value]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for value in key {
        for byte in value.to_string().bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn check_rows(table: &Table, rows: &[Row]) -> Answer<()> {
    for row in rows {
        if row.values.len() != table.columns.len() {
            return Err(Refusal::analysis("Column count doesn't match value count"));
        }
        let missing = table.columns.iter().zip(&row.values).find(|(column, v)| !column.nullable && v.is_null());
        if let Some((column, _)) = missing
            && !row.deleted
        {
            let text = format!("Insert has filtered data in strict mode. column({}) values is null", column.name);
            return Err(Refusal::analysis(text));
        }
    }
    Ok(())
}
