//! RECOVER DATABASE, TABLE and PARTITION.

use serde_json::json;

use super::{
    Answer, Model, Refusal, Relation,
    binlog::{NewRecord, kind},
    catalog::olap_table,
    create_table::table_exists,
    ids::*,
    recycle_bin::Recycled,
    rename::check_index_name,
};

/// What to recover: the newest of the name, or the one with the id; and its new name.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoverSpec<'a> {
    pub name: &'a str,
    pub id: Option<i64>,
    pub new_name: Option<&'a str>,
}

impl RecoverSpec<'_> {
    fn id_text(&self) -> i64 {
        self.id.unwrap_or(-1)
    }

    /// The newest that fits. What was dropped with FORCE cannot be recovered.
    fn find<Id: Copy, T>(
        &self,
        entries: impl Iterator<Item = (Id, Recycled<T>)>,
        raw: impl Fn(Id) -> i64,
    ) -> Option<(Id, T)> {
        entries
            .filter(|(id, entry)| entry.dropped_ms.is_some() && self.id.is_none_or(|wanted| wanted == raw(*id)))
            .max_by_key(|(_, entry)| entry.age_key())
            .map(|(id, entry)| (id, entry.what))
    }
}

impl Model {
    /// RECOVER DATABASE name [id] [AS new]: with the tables that it had when it was dropped. No record.
    pub fn recover_database(&mut self, spec: RecoverSpec<'_>) -> Answer<()> {
        let taken = spec.new_name.unwrap_or(spec.name);
        if self.find_database(taken).is_some() {
            return Err(Refusal::analysis(format!("Database[{taken}] already exist.")));
        }
        let entries = self.recycle_bin.databases.iter().filter(|(_, entry)| entry.what.db.name == spec.name);
        let found = spec.find(entries.map(|(id, entry)| (*id, entry.clone())), DbId::get);
        let Some((id, mut found)) = found else {
            let (name, id) = (spec.name, spec.id_text());
            return Err(Refusal::analysis(format!("Unknown database '{name}' or database id '{id}'")));
        };
        for table in &found.relations {
            let Some(entry) = self.recycle_bin.relations.remove(table) else { continue };
            found.db.relations.insert(*table, entry.what.relation);
        }
        if let Some(new_name) = spec.new_name {
            new_name.clone_into(&mut found.db.name);
        }
        self.recycle_bin.databases.remove(&id);
        self.databases.insert(id, found.db);
        self.journal();
        Ok(())
    }

    /// RECOVER TABLE name [id] [AS new], which recovers views, too.
    pub fn recover_table(&mut self, db: &str, spec: RecoverSpec<'_>) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let taken = spec.new_name.unwrap_or(spec.name);
        if database.relation(taken).is_some() {
            return Err(table_exists(taken));
        }
        let entries = self.recycle_bin.relations.iter();
        let entries = entries.filter(|(_, e)| e.what.db == db_id && e.what.relation.name() == spec.name);
        let found = spec.find(entries.map(|(id, entry)| (*id, entry.clone())), TableId::get);
        let Some((id, found)) = found else {
            let (name, id) = (spec.name, spec.id_text());
            return Err(Refusal::analysis(format!("Unknown table '{name}' or table id '{id}' in {db}")));
        };
        let mut relation = found.relation;
        if let Some(new_name) = spec.new_name.filter(|name| *name != spec.name) {
            match &mut relation {
                Relation::Table(table) => {
                    check_index_name(table, new_name)?;
                    table.rename(new_name);
                }
                Relation::View(view) => new_name.clone_into(&mut view.name),
            }
        }
        self.recycle_bin.relations.remove(&id);
        if let Some(database) = self.databases.get_mut(&db_id) {
            database.relations.insert(id, relation);
        }
        // The name is the one that it has now; the new name is there only with AS (seen).
        let mut data = json!({
            "dbId": db_id, "newDbName": "", "tableId": id, "tableName": taken, "partitionId": -1, "partitionName": "",
            "newPartitionName": "",
        });
        if let (Some(new_name), Some(fields)) = (spec.new_name, data.as_object_mut()) {
            fields.insert("newTableName".into(), new_name.into());
        }
        self.record_recovery(db_id, id, &data);
        Ok(())
    }

    /// RECOVER PARTITION name [id] [AS new] FROM table.
    pub fn recover_partition(&mut self, db: &str, table: &str, spec: RecoverSpec<'_>) -> Answer<()> {
        let db_id = self.database(db)?.id;
        let stored = olap_table(self.database(db)?, table)?;
        let table_id = stored.id;
        let taken = spec.new_name.unwrap_or(spec.name);
        if stored.partition(taken, false).is_some() {
            return Err(Refusal::analysis(format!("partition[{taken}] already exist in table[{table}]")));
        }
        let entries = self.recycle_bin.partitions.iter();
        let entries =
            entries.filter(|(_, e)| e.what.table == table_id && e.what.partition.name.eq_ignore_ascii_case(spec.name));
        let found = spec.find(entries.map(|(id, entry)| (*id, entry.clone())), PartitionId::get);
        let Some((id, found)) = found else {
            let (name, id) = (spec.name, spec.id_text());
            return Err(Refusal::analysis(format!(
                "No partition named '{name}' or partition id '{id}' in table {table}"
            )));
        };
        let mut partition = found.partition;
        if !stored.indexes.keys().eq(partition.indexes.keys()) {
            let list = |ids: Vec<String>| format!("[{}]", ids.join(", "));
            let of_table = list(stored.indexes.keys().map(ToString::to_string).collect());
            let of_partition = list(partition.indexes.keys().map(ToString::to_string).collect());
            return Err(Refusal::analysis(format!(
                "table's index not equal with partition's index. table's index={of_table}, partition's \
                 index={of_partition}"
            )));
        }
        if stored.partitions.iter().any(|other| other.item.overlaps(&partition.item)) {
            let name = spec.name;
            return Err(Refusal::analysis(format!("Can not recover partition[{name}]. Partition item conflict.")));
        }
        let mut data = json!({
            "dbId": db_id, "newDbName": "", "tableId": table_id, "tableName": table, "newTableName": "",
            "partitionId": id, "partitionName": partition.name,
        });
        if let (Some(new_name), Some(fields)) = (spec.new_name, data.as_object_mut()) {
            fields.insert("newPartitionName".into(), new_name.into());
            new_name.clone_into(&mut partition.name);
        }
        self.recycle_bin.partitions.remove(&id);
        if let Some(table) = self.table_mut(db_id, table_id) {
            table.partitions.push(partition);
        }
        self.record_recovery(db_id, table_id, &data);
        Ok(())
    }

    fn record_recovery(&mut self, db: DbId, table: TableId, data: &serde_json::Value) {
        let seq = self.journal();
        let data = data.to_string();
        self.record(NewRecord { seq, kind: kind::RECOVER_INFO, db, table_ids: &[table], data });
    }
}
