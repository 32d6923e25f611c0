//! What was dropped and may still be recovered (`CatalogRecycleBin`): databases, tables and views, partitions.
//!
//! Things keep their ids, their tablets and their rows in here. A daemon erases what is older than
//! `catalog_trash_expire_second`, and of one name all but the newest `max_same_name_catalog_trash_num`; nothing before it
//! is ten minutes old. What was dropped with FORCE is in here only until the daemon's next round, and cannot be recovered.

use std::collections::BTreeMap;

use super::{Answer, Database, Model, Partition, Refusal, Relation, ids::*};

/// Between two rounds of the daemon.
const ROUND_MS: i64 = 30_000;

/// Nothing is erased sooner, so that its drop is journaled before.
const MIN_LATENCY_MS: i64 = 600_000;

/// Something in the bin, with the time of its drop; `None`: dropped with FORCE.
#[derive(Clone, Debug)]
pub struct Recycled<T> {
    pub dropped_ms: Option<i64>,
    /// Orders drops of one millisecond.
    pub(super) seq: CommitSeq,
    pub what: T,
}

impl<T> Recycled<T> {
    fn is_expired(&self, now: i64, expire_ms: i64) -> bool {
        self.dropped_ms.is_none_or(|at| now - at > MIN_LATENCY_MS && now - at > expire_ms)
    }

    /// When it was dropped, as an order.
    pub(super) fn age_key(&self) -> (i64, CommitSeq) {
        (self.dropped_ms.unwrap_or(0), self.seq)
    }
}

/// A database without its tables, which have entries of their own.
#[derive(Clone, Debug)]
pub struct RecycledDatabase {
    pub db: Database,
    /// What it held when it was dropped.
    pub relations: Vec<TableId>,
}

#[derive(Clone, Debug)]
pub struct RecycledRelation {
    pub db: DbId,
    pub relation: Relation,
}

#[derive(Clone, Debug)]
pub struct RecycledPartition {
    pub db: DbId,
    pub table: TableId,
    pub partition: Partition,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct RecycleBin {
    pub databases: BTreeMap<DbId, Recycled<RecycledDatabase>>,
    pub relations: BTreeMap<TableId, Recycled<RecycledRelation>>,
    pub partitions: BTreeMap<PartitionId, Recycled<RecycledPartition>>,
}

impl RecycleBin {
    fn is_empty(&self) -> bool {
        self.databases.is_empty() && self.relations.is_empty() && self.partitions.is_empty()
    }
}

impl Model {
    /// Takes a database with all that it holds out of the catalog.
    pub(super) fn recycle_database(&mut self, id: DbId, force: bool, seq: CommitSeq) {
        let Some(mut db) = self.databases.remove(&id) else { return };
        let relations = std::mem::take(&mut db.relations);
        let what = RecycledDatabase { db, relations: relations.keys().copied().collect() };
        for (table, relation) in relations {
            let what = RecycledRelation { db: id, relation };
            self.recycle_bin.relations.insert(table, self.recycled(what, force, seq));
        }
        let recycled = self.recycled(what, force, seq);
        self.recycle_bin.databases.insert(id, recycled);
        self.start_recycling();
    }

    /// Takes a table or view out of its database.
    pub(crate) fn recycle_relation(&mut self, db: DbId, id: TableId, force: bool, seq: CommitSeq) {
        let Some(relation) = self.databases.get_mut(&db).and_then(|db| db.relations.remove(&id)) else { return };
        let recycled = self.recycled(RecycledRelation { db, relation }, force, seq);
        self.recycle_bin.relations.insert(id, recycled);
        self.start_recycling();
    }

    /// Keeps a partition that was taken out of its table; with FORCE it is erased at once.
    pub(crate) fn recycle_partition(
        &mut self,
        db: DbId,
        table: TableId,
        partition: Partition,
        force: bool,
        seq: CommitSeq,
    ) {
        if force {
            self.drop_partition_tablets(&partition);
            return;
        }
        let id = partition.id;
        let recycled = self.recycled(RecycledPartition { db, table, partition }, false, seq);
        self.recycle_bin.partitions.insert(id, recycled);
        self.start_recycling();
    }

    /// DROP CATALOG RECYCLE BIN WHERE: erases one thing at once.
    pub fn erase_recycled(&mut self, kind: &str, id: i64) -> Answer<()> {
        let missing = || Refusal::analysis(format!("Unknown {kind} '{id}' in the recycle bin"));
        match kind.to_lowercase().as_str() {
            "dbid" => {
                let entry = self.recycle_bin.databases.remove(&DbId::new(id)).ok_or_else(missing)?;
                for table in entry.what.relations {
                    self.erase_recycled_relation(table);
                }
            }
            "tableid" => {
                let id = TableId::new(id);
                if !self.recycle_bin.relations.contains_key(&id) {
                    return Err(missing());
                }
                self.erase_recycled_relation(id);
            }
            "partitionid" => {
                let entry = self.recycle_bin.partitions.remove(&PartitionId::new(id)).ok_or_else(missing)?;
                self.drop_partition_tablets(&entry.what.partition);
            }
            _ => {
                return Err(Refusal::analysis(format!(
                    "DROP CATALOG RECYCLE BIN command only supports 'DbId', 'TableId', 'PartitionId', not '{kind}'"
                )));
            }
        }
        self.journal();
        Ok(())
    }

    fn recycled<T>(&self, what: T, force: bool, seq: CommitSeq) -> Recycled<T> {
        Recycled { dropped_ms: (!force).then_some(self.now_ms), seq, what }
    }

    fn start_recycling(&mut self) {
        self.next_recycling_ms.get_or_insert(self.now_ms.saturating_add(ROUND_MS));
    }

    /// A round of the daemon: partitions, tables, databases, in that order.
    pub(super) fn empty_recycle_bin(&mut self) {
        if self.next_recycling_ms.is_none_or(|at| at > self.now_ms) {
            return;
        }
        let expire_ms = self.config_number("catalog_trash_expire_second", 86_400).saturating_mul(1000);
        let keep = self.config_number("max_same_name_catalog_trash_num", 3);
        let now = self.now_ms;
        let bin = &self.recycle_bin;
        let partitions =
            due(&bin.partitions, now, expire_ms, keep, |entry| (entry.db, entry.table, entry.partition.name.clone()));
        let relations = due(&bin.relations, now, expire_ms, keep, |entry| (entry.db, entry.relation.name().to_owned()));
        let databases = due(&bin.databases, now, expire_ms, keep, |entry| entry.db.name.clone());
        for id in partitions {
            if let Some(entry) = self.recycle_bin.partitions.remove(&id) {
                self.drop_partition_tablets(&entry.what.partition);
                self.journal();
            }
        }
        for id in relations {
            self.erase_recycled_relation(id);
        }
        for id in databases {
            let Some(entry) = self.recycle_bin.databases.remove(&id) else { continue };
            for table in entry.what.relations {
                if self.recycle_bin.relations.get(&table).is_some_and(|entry| entry.what.db == id) {
                    self.erase_recycled_relation(table);
                }
            }
            self.journal();
        }
        self.next_recycling_ms = (!self.recycle_bin.is_empty()).then(|| now.saturating_add(ROUND_MS));
    }

    fn erase_recycled_relation(&mut self, id: TableId) {
        let Some(entry) = self.recycle_bin.relations.remove(&id) else { return };
        if let Relation::Table(table) = &entry.what.relation {
            self.drop_tablets(table);
        }
        self.journal();
    }
}

/// What is to be erased: expired, or too many of one name.
fn due<Id: Copy + Ord, T, Name: Ord>(
    entries: &BTreeMap<Id, Recycled<T>>,
    now: i64,
    expire_ms: i64,
    keep: i64,
    name: impl Fn(&T) -> Name,
) -> Vec<Id> {
    let mut gone: Vec<Id> = Vec::new();
    let mut by_name: BTreeMap<Name, Vec<(&Id, &Recycled<T>)>> = BTreeMap::new();
    for (id, entry) in entries {
        if entry.is_expired(now, expire_ms) {
            gone.push(*id);
        } else {
            by_name.entry(name(&entry.what)).or_default().push((id, entry));
        }
    }
    let Ok(keep) = usize::try_from(keep) else { return gone };
    for mut same in by_name.into_values() {
        same.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.age_key()));
        let old = same.into_iter().skip(keep).filter(|(_, entry)| entry.is_expired(now, 0));
        gone.extend(old.map(|(id, _)| *id));
    }
    gone
}
