//! ALTER TABLE of columns and secondary indexes: light changes at once, heavy ones as jobs.

use std::collections::BTreeMap;

use super::{
    AddIndex, AlterJob, AlterKind, AlterState, JobIndex, Position, SchemaClause, TIMEOUT_S,
    check::{OtherChanges, bloom_filters, check_filters, split_columns},
    draft::Draft,
    records::schemas_of,
    refuse,
    text::raw_sql,
};
use crate::model::{
    Answer, Column, KeysType, Model, Relation, SecondaryIndex, Table, TableState,
    catalog::unknown_table,
    ids::*,
    index_columns::{delete_sign, evaluate_defaults, note_defaults, row_store_column, sequence_column},
};

/// What a statement comes to.
struct Change {
    schemas: BTreeMap<IndexId, Vec<Column>>,
    secondary_indexes: Vec<SecondaryIndex>,
    properties: BTreeMap<String, String>,
    what: What,
}

enum What {
    /// An index exists already, or is gone already.
    Nothing,
    LightColumns,
    /// The indexes, and whether they are dropped.
    LightIndexes(Vec<SecondaryIndex>, bool),
    /// The indexes that are built anew.
    Heavy(Vec<IndexId>),
}

impl Model {
    /// ALTER TABLE with clauses that change columns or secondary indexes, all of one statement.
    pub fn alter_schema(&mut self, db: &str, name: &str, mut clauses: Vec<SchemaClause>) -> Answer<()> {
        match self.database(db)?.relation(name) {
            Some(Relation::Table(table)) => {
                clauses.iter().try_for_each(|clause| clause.validate(table, self.profile()))?
            }
            Some(Relation::View(_)) => return refuse(format!("Do not support alter VIEW table[{name}]")),
            None => return Err(unknown_table(name)),
        }
        for clause in &mut clauses {
            match clause {
                SchemaClause::AddColumns { columns, .. } => evaluate_defaults(columns, self.now_ms),
                SchemaClause::AddIndex(add) => add.index.id = self.ids.next_raw(),
                SchemaClause::ModifyColumn { column, .. } => {
                    note_defaults(std::slice::from_mut(column));
                }
                _ => {}
            }
        }
        let (db_id, table) = self.alterable(db, name)?;
        let (table_id, sql) = (table.id, raw_sql(db, name, table.keys, self.profile(), &clauses));
        let change = self.plan_change(table, &clauses)?;
        match change.what {
            What::Nothing => Ok(()),
            What::LightColumns => {
                let old = schemas_of(self.table(db, name)?);
                let job = self.apply_light(db_id, table_id, &sql, &change);
                self.record_columns(db_id, table_id, old, job, &sql);
                Ok(())
            }
            What::LightIndexes(ref indexes, drop) => {
                let job = self.apply_light(db_id, table_id, &sql, &change);
                self.record_indexes(db_id, table_id, indexes, drop, job, &sql);
                if drop {
                    self.start_index_jobs(db_id, table_id, indexes, None, true)?;
                }
                Ok(())
            }
            What::Heavy(ref indexes) => {
                let indexes = indexes.clone();
                self.start_schema_change(db_id, table_id, sql, change, &indexes)
            }
        }
    }

    fn plan_change(&self, table: &Table, clauses: &[SchemaClause]) -> Answer<Change> {
        let mut draft = Draft::new(table);
        draft.marks_aggregation = self.profile().modify_makes_aggregation_implicit;
        let mut light = true;
        let mut altered: Vec<SecondaryIndex> = Vec::new();
        let (mut light_index, mut drops) = (false, false);
        let mut properties = BTreeMap::new();
        for clause in clauses {
            if !table.temp_partitions.is_empty() {
                return refuse("Can not alter table when there are temp partitions in table");
            }
            match clause {
                SchemaClause::AddColumns { columns, position, rollup, .. } => {
                    let target = draft.target(rollup.as_deref())?;
                    let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
                    for column in columns {
                        light &= draft.add(column.clone(), position, target, &names)?;
                    }
                }
                SchemaClause::DropColumn { name, rollup } => {
                    let target = draft.target(rollup.as_deref())?;
                    light &= draft.drop(name, target)?;
                }
                SchemaClause::ModifyColumn { column, position, rollup } => {
                    let target = draft.target(rollup.as_deref())?;
                    light &= draft.modify(column.clone(), position, target)?;
                }
                SchemaClause::Reorder { names, rollup } => {
                    let target = draft.target(rollup.as_deref())?;
                    draft.reorder(names, target)?;
                    light = false;
                }
                SchemaClause::AddIndex(add) => {
                    if !draft.add_index(add)? {
                        return Ok(Change::nothing());
                    }
                    light = false;
                    light_index |= is_light(&add.index);
                    altered.extend(is_light(&add.index).then(|| add.index.clone()));
                    drops = false;
                }
                SchemaClause::DropIndex { name, if_exists, .. } => {
                    let Some(index) = draft.drop_index(name, *if_exists)? else { return Ok(Change::nothing()) };
                    light = false;
                    if is_light(&index) {
                        light_index = true;
                        drops = true;
                        altered.push(index);
                    }
                }
                SchemaClause::Storage(set) => {
                    properties.extend(set.clone());
                    let stored = |c: &Column| c.name == row_store_column().name;
                    if set.keys().any(|key| key.contains("row_store") || key == "store_row_column") {
                        if set.get("store_row_column").is_some_and(|v| v.eq_ignore_ascii_case("false")) {
                            return refuse("Can not alter store_row_column from true to false currently");
                        }
                        if !table.hidden_columns.iter().any(stored) {
                            draft.add_hidden(row_store_column());
                        }
                    }
                    light = false;
                }
                SchemaClause::EnableFeature { name, properties } => {
                    let column = feature_column(name, properties, table.keys)?;
                    let names = [column.name.clone()];
                    light &= draft.add(column, &Position::Unsaid, None, &names)?;
                }
            }
        }
        let what = if light {
            draft.check_all()?;
            What::LightColumns
        } else if light_index {
            draft.check_all()?;
            if clauses.iter().any(|c| matches!(c, SchemaClause::ModifyColumn { .. } | SchemaClause::Reorder { .. })) {
                return refuse("doris-sim does not model a heavy change of columns together with an inverted index");
            }
            What::LightIndexes(altered, drops)
        } else {
            What::Heavy(self.check_heavy(&draft, &mut properties)?)
        };
        Ok(Change { schemas: draft.schemas, secondary_indexes: draft.secondary_indexes, properties, what })
    }

    /// Which indexes a heavy change builds anew.
    fn check_heavy(&self, draft: &Draft<'_>, properties: &mut BTreeMap<String, String>) -> Answer<Vec<IndexId>> {
        let table = draft.table;
        if self.profile().heavy_change_waits_for_index_jobs && self.has_index_jobs(table.id) {
            let text = format!("current table {} has build index job, schema change is not allowed.", table.name);
            return refuse(text);
        }
        let old_filters = bloom_filters(table);
        let filters = properties.get("bloom_filter_columns").map(|list| split_columns(list));
        if filters.as_ref() == Some(&old_filters) {
            return refuse("Bloom filter index has no change");
        }
        if let Some(name) = filters.iter().flatten().find(|name| table.column(name).is_none()) {
            return refuse(format!("Bloom filter column does not exist in table. invalid column: {name}"));
        }
        let new_filters = filters.clone().unwrap_or_else(|| old_filters.clone());
        check_filters(&draft.secondary_indexes, &new_filters)?;
        let toggled = |name: &&String| old_filters.contains(name) != new_filters.contains(name);
        let changes = OtherChanges {
            everywhere: draft.secondary_indexes != table.secondary_indexes,
            bloom_filters: old_filters.iter().chain(&new_filters).filter(toggled).cloned().collect(),
        };
        let changed = draft.changed(&changes)?;
        if changed.is_empty() && !changes.everywhere {
            return refuse("Nothing is changed. please check your alter stmt.");
        }
        Ok(changed)
    }

    /// New schemas under the old ids; answers the id of the job that it leaves behind.
    fn apply_light(&mut self, db: DbId, table_id: TableId, sql: &str, change: &Change) -> i64 {
        let job_id = self.ids.next_raw();
        let now = self.now_ms;
        let Some(table) = self.table_mut(db, table_id) else { return job_id };
        table.secondary_indexes.clone_from(&change.secondary_indexes);
        let mut indexes = Vec::new();
        for (id, columns) in &change.schemas {
            table.set_schema(*id, columns.clone());
            let Some(index) = table.indexes.get_mut(id) else { continue };
            index.schema_version += 1;
            indexes.push(JobIndex {
                id: *id,
                origin: *id,
                name: index.name.clone(),
                schema_version: index.schema_version,
                schema_hash: index.schema_hash,
                columns: columns.clone(),
                keys: index.keys,
                replaces: false,
            });
        }
        let job = AlterJob {
            id: job_id,
            db,
            table: table_id,
            table_name: table.name.clone(),
            kind: AlterKind::SchemaChange { secondary_indexes: Vec::new(), properties: BTreeMap::new() },
            state: AlterState::Finished,
            created_ms: now,
            finished_ms: Some(now),
            watershed: None,
            message: String::new(),
            timeout_s: 1,
            raw_sql: Some(sql.to_owned()),
            indexes,
            tablets: BTreeMap::new(),
            next_step_ms: now,
        };
        self.store_alter_job(job);
        job_id
    }

    /// The job of a heavy change, PENDING: its tablets have ids, but nothing is built yet.
    fn start_schema_change(
        &mut self,
        db: DbId,
        table_id: TableId,
        sql: String,
        change: Change,
        changed: &[IndexId],
    ) -> Answer<()> {
        let job_id = self.ids.next_raw();
        let Some(table) = self.databases.get(&db).and_then(|db| db.table_by_id(table_id)).cloned() else {
            return Ok(());
        };
        let mut indexes = Vec::new();
        let mut tablets = BTreeMap::new();
        for origin in changed.iter().filter_map(|id| table.indexes.get(id)) {
            let id = IndexId::new(self.ids.next_raw());
            let columns = change.schemas.get(&origin.id).cloned().unwrap_or_default();
            let built = self.index_schema(id, &origin.name, origin.keys, Vec::new());
            indexes.push(JobIndex {
                id,
                origin: origin.id,
                name: origin.name.clone(),
                schema_version: origin.schema_version + 1,
                schema_hash: built.schema_hash,
                columns,
                keys: origin.keys,
                replaces: true,
            });
            for partition in &table.partitions {
                tablets.insert((partition.id, id), self.plan_tablets(partition, origin.id)?);
            }
        }
        let job = AlterJob {
            id: job_id,
            db,
            table: table_id,
            table_name: table.name.clone(),
            kind: AlterKind::SchemaChange {
                secondary_indexes: change.secondary_indexes,
                properties: change.properties,
            },
            state: AlterState::Pending,
            created_ms: self.now_ms,
            finished_ms: None,
            watershed: None,
            message: String::new(),
            timeout_s: TIMEOUT_S,
            raw_sql: Some(sql),
            indexes,
            tablets,
            next_step_ms: self.now_ms.saturating_add(self.options.alter_tick_ms),
        };
        if let Some(table) = self.table_mut(db, table_id) {
            table.state = TableState::SchemaChange;
        }
        self.record_job(&job);
        self.store_alter_job(job);
        Ok(())
    }
}

impl Change {
    fn nothing() -> Self {
        Self {
            schemas: BTreeMap::new(),
            secondary_indexes: Vec::new(),
            properties: BTreeMap::new(),
            what: What::Nothing,
        }
    }
}

impl Draft<'_> {
    /// `false`: it exists already, and the statement says IF NOT EXISTS.
    fn add_index(&mut self, add: &AddIndex) -> Answer<bool> {
        let new = &add.index;
        let same_columns = |old: &SecondaryIndex| {
            old.columns.len() == new.columns.len()
                && old.columns.iter().all(|c| new.columns.iter().any(|n| n.eq_ignore_ascii_case(c)))
        };
        for old in self.table.secondary_indexes.iter().chain(&self.secondary_indexes) {
            if old.name.eq_ignore_ascii_case(&new.name) {
                return match add.if_not_exists {
                    true => Ok(false),
                    false => refuse(format!("index `{}` already exist.", new.name)),
                };
            }
            if old.kind == new.kind && same_columns(old) {
                let columns = new.columns.join(",");
                return refuse(format!("{} index for columns ({columns}) already exist.", new.kind));
            }
        }
        let mut index = new.clone();
        for name in &mut index.columns {
            let Some(column) = self.table.column(name) else {
                return refuse(format!("index column does not exist in table. invalid column: {name}"));
            };
            check_indexed(&new.name, &new.kind, column, self.table.keys)?;
            name.clone_from(&column.name);
        }
        self.secondary_indexes.push(index);
        Ok(true)
    }

    /// `None`: it is not there, and the statement says IF EXISTS.
    fn drop_index(&mut self, name: &str, if_exists: bool) -> Answer<Option<SecondaryIndex>> {
        let found = self.table.secondary_indexes.iter().find(|index| index.name.eq_ignore_ascii_case(name));
        let Some(found) = found.cloned() else {
            return if if_exists { Ok(None) } else { refuse(format!("index {name} does not exist")) };
        };
        self.secondary_indexes.retain(|index| !index.name.eq_ignore_ascii_case(name));
        Ok(Some(found))
    }

    fn add_hidden(&mut self, column: Column) {
        let base = self.table.base_index;
        let unique_id = self.table.max_unique_id + 1;
        let mut schema = self.schema(base).to_vec();
        schema.push(Column { unique_id, ..column });
        self.set(base, schema);
    }
}

fn check_indexed(name: &str, kind: &str, column: &Column, keys: KeysType) -> Answer<()> {
    use crate::model::ColumnType as T;
    let ty = &column.ty;
    let text = matches!(ty, T::Char { .. } | T::Varchar { .. } | T::String);
    match kind {
        "NGRAM_BF" if !text => {
            return refuse(format!("{ty} is not supported in ngram_bf index. invalid column: {}", column.name));
        }
        "INVERTED" | "BITMAP"
            if matches!(ty, T::Json)
                || matches!(ty, T::Other(o) if !o.starts_with("array") && o != "variant" && !o.starts_with("ipv")) =>
        {
            return refuse(format!("{ty} is not supported in {kind} index. invalid index: {name}"));
        }
        _ => {}
    }
    if !column.is_key && keys == KeysType::Aggregate {
        return refuse(format!(
            "index should only be used in columns of DUP_KEYS/UNIQUE_KEYS table or key columns of AGG_KEYS table. \
             invalid index: {name}"
        ));
    }
    Ok(())
}

/// Whether adding or dropping the index is a light change.
fn is_light(index: &SecondaryIndex) -> bool {
    index.kind == "INVERTED"
}

/// The hidden column that ENABLE FEATURE adds.
fn feature_column(name: &str, properties: &BTreeMap<String, String>, keys: KeysType) -> Answer<Column> {
    let unique = matches!(keys, KeysType::Unique { .. });
    match name.to_uppercase().as_str() {
        "SEQUENCE_LOAD" if !unique => refuse("Sequence only supported in unique tables."),
        "SEQUENCE_LOAD" => {
            let ty = properties.get("function_column.sequence_type");
            match ty.and_then(|ty| crate::sql::parse_type(ty).ok()) {
                Some(ty) => Ok(sequence_column(ty)),
                None => refuse("unknown sequence column type"),
            }
        }
        "BATCH_DELETE" if !unique => refuse("Batch delete only supported in unique tables."),
        "BATCH_DELETE" => Ok(delete_sign()),
        "UPDATE_FLEXIBLE_COLUMNS" => refuse("doris-sim does not model UPDATE_FLEXIBLE_COLUMNS"),
        _ => refuse(format!("unknown feature name: {name}")),
    }
}

impl Table {
    /// Gives an index another schema.
    pub(super) fn set_schema(&mut self, id: IndexId, columns: Vec<Column>) {
        let largest = columns.iter().map(|c| c.unique_id).max().unwrap_or(-1);
        if id == self.base_index {
            self.max_unique_id = self.max_unique_id.max(largest);
            (self.columns, self.hidden_columns) = columns.into_iter().partition(|c| c.visible);
        } else if let Some(index) = self.indexes.get_mut(&id) {
            index.max_unique_id = index.max_unique_id.max(largest);
            index.columns = columns;
        }
    }
}
