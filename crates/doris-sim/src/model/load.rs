//! Loads that this cluster plans itself: INSERT, stream load, DELETE.

use std::{collections::BTreeMap, sync::Arc};

use rand::RngExt as _;

use super::{Answer, CommitPart, Condition, Model, Partition, Refusal, Row, Table, Txn, TxnState, Value, ids::*};

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
        for write in spec.writes.iter().filter(|write| write.partitions.is_none()) {
            self.add_auto_partitions(&spec.db, &write.table, &write.rows)?;
        }
        let db = self.database(&spec.db)?;
        let db_id = db.id;
        let mut tables = Vec::new();
        for write in &spec.writes {
            let table = db.table(&write.table).ok_or_else(|| super::catalog::unknown_table(&write.table))?;
            check_rows(table, &write.rows)?;
            if !tables.contains(&table.id) {
                tables.push(table.id);
            }
        }
        let label = match spec.label {
            Some(label) => label,
            None => format!("label_{:032x}", self.rng.random::<u128>()),
        };
        super::txn::check_label(&label)?;
        if let Some(holder) = self.label_holder(db_id, &label) {
            return Err(super::txn::label_used(holder));
        }
        let id = self.next_txn_id();
        let stids: Vec<TxnId> = match spec.sub_txns {
            false => spec.writes.iter().map(|_| id).collect(),
            true => std::iter::once(id).chain((1..spec.writes.len()).map(|_| self.next_txn_id())).collect(),
        };
        let txn = self.planned_txn(id, db_id, label, &tables, if spec.sub_txns { stids.clone() } else { Vec::new() });
        self.insert_txn(txn);
        let mut parts: Vec<CommitPart> = Vec::new();
        for (write, stid) in spec.writes.into_iter().zip(stids) {
            let table = self.table(&spec.db, &write.table)?.clone();
            let infos = match self.write_rows(stid, &table, write) {
                Ok(infos) => infos,
                Err(refusal) => {
                    self.abort(id, &refusal.text);
                    return Err(refusal);
                }
            };
            match parts.last_mut() {
                Some(part) if !spec.sub_txns => part.infos.extend(infos),
                _ => parts.push(CommitPart { stid, table: spec.sub_txns.then_some(table.id), infos }),
            }
        }
        if let Err(refusal) = self.commit_txn(db_id, id, &parts) {
            self.abort(id, &refusal.text);
            return Err(refusal);
        }
        Ok(id)
    }

    fn planned_txn(&self, id: TxnId, db: DbId, label: String, tables: &[TableId], sub_txns: Vec<TxnId>) -> Txn {
        let mut planned_indexes = BTreeMap::new();
        for table in tables.iter().filter_map(|table| self.databases.get(&db)?.table_by_id(*table)) {
            planned_indexes.insert(table.id, table.indexes.keys().copied().collect());
        }
        let host = self.master.and_then(|n| self.frontends.get(n)).map_or("127.0.0.1", |fe| fe.host.as_str());
        Txn {
            id,
            db,
            label,
            request_id: None,
            tables: tables.to_vec(),
            state: TxnState::Prepare,
            coordinator: format!("FE: {host}"),
            source_type: "INSERT_STREAMING",
            backend_id: 0,
            timeout_ms: 14_400_000,
            prepared_ms: self.now_ms,
            committed_ms: None,
            published_ms: None,
            finished_ms: None,
            reason: String::new(),
            with_sub_txns: false,
            sub_txns,
            begun_sub_txns: Vec::new(),
            writes: Vec::new(),
            planned_indexes,
            publish_at_ms: 0,
            retry_at_ms: 0,
            error_replicas: std::collections::BTreeSet::new(),
            wait_reason: String::new(),
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
            let home = chosen.iter().find(|p| p.item.contains(&key)).ok_or_else(|| {
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
                        let be = self.backends.get_mut(&replica.backend).filter(|be| be.alive);
                        if let Some(on_be) = be.and_then(|be| be.tablets.get_mut(&tablet.id)) {
                            on_be.pending.insert(stid, Arc::clone(&rowset));
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
