//! The state of one simulated cluster and the rules by which it changes (Doris 4.1, or an older one by its [`Profile`]).
//!
//! [`Model`] is plain data: every method is synchronous and takes effect at once; time passes only in
//! [`Model::advance`]. A request that must wait (commit, publish) asks [`crate::Sim::wait_until`].
//!
//! What a request does is in the file of its subject, as methods of [`Model`]:
//!
//! | file | methods |
//! |---|---|
//! | `account.rs` | users, roles, grants; `may` |
//! | `catalog.rs` | databases: `create_database`, `database`; lookup: `table`, `relation` |
//! | `alter_database.rs` | `drop_database`, `set_database_properties`, `rename_database`, `set_quota` |
//! | `create_table.rs` | `create_table(db, TableSpec, if_not_exists)`, `create_view` |
//! | `drop_rename.rs` | `drop_table`, `drop_view`, `alter_view`, when a table may be altered |
//! | `rename.rs` | `rename_table`, `rename_rollup`, `rename_partition`, `replace_table` |
//! | `truncate.rs` | `truncate_table` |
//! | `recycle_bin.rs`, `recover.rs` | what was dropped, and RECOVER of it |
//! | `partitions/` | `add_partition`, `drop_partition`, `replace_partitions`, `modify_partitions` |
//! | `table_property/` | `set_table_properties` and what each property means |
//! | `fe_json/` | catalog objects in the JSON of the FE: binlog records, snapshot documents |
//! | `show_create.rs` | text of SHOW CREATE TABLE / VIEW |
//! | `alter/` | schema changes: columns, indexes, rollups, comments, and their jobs |
//! | `load.rs` | `load(db, table, rows)`, `load_txn(LoadSpec)`: one transaction of a load, begun, written and committed |
//! | `read.rs` | `rows(db, table)`: what SELECT sees, with the key model applied |
//! | `txn/` | `begin_txn`, `commit_txn`, `rollback_txn`, publishing, labels and their retention |
//! | `binlog/` | the record store, reading, lag, locks, collection |
//! | `snapshot/` | backup and restore jobs, snapshot documents |
//! | `ingest.rs` | what a backend does for ingest_binlog |
//! | `frontend.rs` | `add_frontend`, `kill_frontend`, `start_frontend` |
//! | `election.rs` | `set_master`, `elect`, `master_seen_by` |
//! | `backend_life.rs` | `add_backend`, `kill_backend`, `start_backend`, `set_backend_alive`; heartbeats |
//! | `repair.rs` | `repair_replicas`, `move_replica` |
//!
//! Names are looked up as Doris does; refusals carry Doris's texts ([`Refusal`]).

mod account;
mod alter;
mod alter_database;
mod auto_partition;
mod backend;
mod backend_life;
mod binlog;
mod catalog;
pub(crate) mod coerce;
mod column_data;
mod constraint;
mod create_table;
mod database;
pub(crate) mod datetime;
mod debug_point;
mod drop_rename;
mod dynamic_partition;
mod election;
mod error;
mod fe_config;
mod fe_json;
mod frontend;
mod ids;
mod index_columns;
pub(crate) mod ingest;
mod job_fault;
mod load;
mod partition_item;
mod partitions;
mod profile;
mod properties;
mod property_check;
mod read;
mod recover;
mod recycle_bin;
mod refused;
mod rename;
mod repair;
mod rowset;
mod rowset_binlog;
mod schema;
mod show_create;
mod snapshot;
mod sql_access;
mod table;
mod table_property;
mod tablet_report;
#[cfg(test)]
mod tests;
mod time_text;
mod truncate;
mod txn;
mod value;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub(crate) use account::SHOW;
pub use account::{Account, GrantScope, Grantee, Grants, Privilege, Privileges, Role, UserIdentity};
pub use alter::{
    AddIndex, AlterJob, AlterKind, AlterState, BUILD_INDEX_COLUMNS, COLUMN_JOB_COLUMNS, IndexJob, JobIndex,
    MaterializedViewSpec, MvColumn, Position, ROLLUP_JOB_COLUMNS, SchemaClause,
};
pub(crate) use backend::BeSnapshot;
pub use backend::{Backend, BeTablet, TabletShape};
pub use backend_life::BackendPorts;
pub use binlog::{
    Binlog, BinlogLagAnswer, BinlogLimits, BinlogPageAnswer, BinlogStream, DbBinlogs, Dropped, DroppedIds,
};
pub use constraint::Constraint;
pub use create_table::ViewSpec;
pub use database::{Database, Quotas};
pub use election::{ElectionTimes, MasterView};
pub use error::{Answer, Refusal};
pub(crate) use fe_config::FeConfigItem;
pub(crate) use fe_json::{java_hash_order, java_string_hash};
pub use frontend::{Frontend, FrontendRole};
pub use ids::*;
pub(crate) use index_columns::{DELETE_SIGN, SEQUENCE_COLUMN, short_key_columns};
pub use job_fault::JobFault;
pub(crate) use load::bucket_hash;
pub use load::{LoadKind, LoadSpec, LoadWrite};
pub use partition_item::{BoundValue, PartitionItem, PartitionKind};
pub use partitions::ReplaceSpec;
pub use profile::Profile;
pub use recover::RecoverSpec;
pub use recycle_bin::{RecycleBin, Recycled, RecycledDatabase, RecycledPartition, RecycledRelation};
pub(crate) use refused::Refused;
pub use rowset::{Comparison, Condition, Row, Rowset, RowsetColumn, SharedRowset};
pub use schema::{
    Aggregation, Column, ColumnDefault, ColumnType, Distribution, GeneratedColumn, KeysType, SecondaryIndex,
};
pub use show_create::DdlText;
pub(crate) use show_create::shown_type;
pub(crate) use snapshot::DownloadTask;
pub use snapshot::{
    BACKUP_COLUMNS, BackupObject, BackupSpec, JobHead, JobState, LocalSnapshot, RESTORE_COLUMNS, RestoreSpec,
    RestoreStatement, SnapshotJob,
};
pub use table::{
    DataProperty, IndexSchema, MaterializedQuery, Partition, PartitionScheme, PartitionSpec, PartitionState, Relation,
    Replica, RollupSpec, Table, TableSpec, TableState, Tablet, View,
};
pub use table_property::DistributionChange;
pub use time_text::{date_time_text, snapshot_time_text};
pub use txn::{BeginRefusal, BeginTxnSpec, BegunTxn, CommitPart, CommitState, Txn, TxnState, TxnWrite};
pub use value::Value;

/// What a cluster is made of and how it behaves in time.
#[derive(Clone, Debug)]
pub struct Options {
    /// For messages and host names.
    pub name: String,
    /// Decides ids, gaps in the journal and tokens.
    pub seed: u64,
    /// From COMMITTED to VISIBLE.
    pub publish_delay_ms: i64,
    /// One step of a schema change, rollup or index job (Doris: 500).
    pub alter_tick_ms: i64,
    /// One step of a backup or restore job (Doris: 3000).
    pub snapshot_tick_ms: i64,
    /// Between two rounds of the binlog collection (Doris: 15 000).
    pub binlog_gc_interval_ms: i64,
    /// Between two reports of a backend about all of its tablets (Doris: 60 000).
    pub tablet_report_interval_ms: i64,
    /// How long a backend takes for an ingest, besides the downloads.
    pub ingest_delay_ms: i64,
    /// Until backends learn that a table's binlog was switched on or off (Doris: seconds).
    pub binlog_switch_delay_ms: i64,
    /// A replica that is cloned or moved leaves its rowset binlogs behind.
    pub clones_without_binlogs: bool,
    /// Backends hold no rows: they publish whatever they are told, with or without an ingest, as the backends of the
    /// recordings did.
    pub stand_in_backends: bool,
    /// The first id of the catalog; `None`: near the time of the start, as a FE does.
    pub first_id: Option<i64>,
    /// Between two heartbeats of the master (Doris: 10 000).
    pub heartbeat_interval_ms: i64,
    /// How long a started FE needs until it answers Thrift; twice as long until it answers SQL.
    pub frontend_start_ms: i64,
    pub election: ElectionTimes,
    /// Password of root; empty on a fresh cluster.
    pub root_password: doris::secret::Secret,
    /// In which points the cluster is of an older version.
    pub profile: Profile,
}

impl Options {
    /// Where backends keep tablets, as SHOW TABLETS prints it.
    pub(crate) fn storage_path(&self) -> &'static str {
        if self.stand_in_backends { "/fake/storage" } else { "/storage" }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "sim".into(),
            seed: 1,
            publish_delay_ms: 10,
            alter_tick_ms: 500,
            snapshot_tick_ms: 0,
            binlog_gc_interval_ms: 15_000,
            tablet_report_interval_ms: 60_000,
            ingest_delay_ms: 0,
            binlog_switch_delay_ms: 0,
            clones_without_binlogs: false,
            stand_in_backends: false,
            first_id: None,
            heartbeat_interval_ms: 10_000,
            frontend_start_ms: 16_000,
            election: ElectionTimes::default(),
            root_password: doris::secret::Secret::default(),
            profile: Profile::default(),
        }
    }
}

/// One simulated cluster.
#[derive(Debug)]
pub struct Model {
    pub options: Options,
    /// The present, in milliseconds since the epoch. Moves in [`Self::advance`] only.
    pub(crate) now_ms: i64,
    pub(crate) ids: IdCounter,
    /// The FE's own database, the first thing that it makes.
    pub(crate) internal_schema: DbId,
    pub(crate) next_txn: i64,
    /// The last id of the edit log.
    pub(crate) journal_id: i64,
    pub(crate) rng: ChaCha8Rng,
    /// Grants download of files from any backend of this cluster.
    pub(crate) token: doris::secret::Secret,
    pub(crate) users: BTreeMap<UserIdentity, Account>,
    pub(crate) roles: BTreeMap<String, Role>,
    pub frontends: Vec<Frontend>,
    /// Index of the master; `None` during an election.
    pub master: Option<usize>,
    pub(crate) election: Option<election::Election>,
    /// Processes that were killed so far: connections to them break at once.
    pub(crate) deaths: u64,
    pub(crate) next_heartbeat_ms: i64,
    pub(crate) job_faults: Vec<JobFault>,
    pub(crate) debug_points: BTreeMap<String, debug_point::DebugPoint>,
    pub backends: BTreeMap<BackendId, Backend>,
    pub databases: BTreeMap<DbId, Database>,
    /// Outlive their database.
    pub binlogs: BTreeMap<DbId, DbBinlogs>,
    /// Switches of databases (`None`) and tables as the recorder knows them.
    pub(crate) binlog_switch_cache: BTreeMap<(DbId, Option<TableId>), bool>,
    /// Everything that is remembered.
    pub(crate) txns: BTreeMap<TxnId, Txn>,
    /// Those of [`Self::txns`] that may still change.
    pub(crate) active_txns: BTreeSet<TxnId>,
    /// Transactions by database and label, oldest first.
    pub(crate) labels: BTreeMap<(DbId, String), Vec<TxnId>>,
    pub(crate) publish_held: bool,
    /// The master's publisher fails in every round until it restarts.
    pub(crate) publisher_fails: bool,
    /// The next UPSERT is inserted this much late.
    pub(crate) late_by_ms: Option<i64>,
    pub(crate) late_records: Vec<binlog::LateRecord>,
    pub(crate) binlog_switches: Vec<rowset_binlog::BinlogSwitch>,
    /// Transactions that wrote pending rowsets and that nobody knows: since when.
    pub(crate) orphaned_since_ms: BTreeMap<TxnId, i64>,
    pub(crate) next_repair_ms: i64,
    /// Schema changes and rollups, with those that have ended.
    pub(crate) alter_jobs: BTreeMap<i64, AlterJob>,
    /// Those of both that have not ended.
    pub(crate) active_alter_jobs: BTreeSet<i64>,
    /// Jobs of inverted indexes.
    pub(crate) index_jobs: BTreeMap<i64, IndexJob>,
    /// History of each database, oldest first; only the last may be unfinished.
    pub(crate) snapshot_jobs: BTreeMap<DbId, VecDeque<SnapshotJob>>,
    /// Finished local snapshots by label, of all databases.
    pub(crate) local_snapshots: BTreeMap<String, LocalSnapshot>,
    /// Constraints by table and name.
    pub(crate) constraints: BTreeMap<(TableId, String), Constraint>,
    pub recycle_bin: RecycleBin,
    /// The next round of the recycle bin's daemon; `None` while the bin is empty.
    pub(crate) next_recycling_ms: Option<i64>,
    pub(crate) next_binlog_gc_ms: i64,
    pub(crate) next_txn_clean_ms: i64,
    pub(crate) next_dynamic_partition_ms: i64,
    /// `ADMIN SHOW FRONTEND CONFIG`.
    pub config: BTreeMap<String, String>,
    /// `SET GLOBAL name = value`.
    pub(crate) global_variables: BTreeMap<String, String>,
}

impl Model {
    /// A cluster without frontends, backends and databases at this time.
    pub fn new(options: Options, now_ms: i64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let token: u128 = rng.random();
        // Two clusters installed in the same minutes share ranges of ids (seen): mixed up ids must not go unnoticed.
        let first_id = 1_795_448_790_000 + i64::from(rng.random_range(0..200_u32));
        let first_id = options.first_id.unwrap_or(first_id);
        let mut ids = IdCounter(first_id);
        let mut model = Self {
            now_ms,
            internal_schema: DbId::new(ids.next_raw()),
            ids,
            next_txn: 1 + i64::from(rng.random_range(0..50_u32)),
            journal_id: 1000 + i64::from(rng.random_range(0..1000_u32)),
            rng,
            token: doris::secret::Secret::new(format!("{token:032x}")),
            users: account::first_users(&options.root_password),
            roles: account::first_roles(),
            frontends: Vec::new(),
            master: None,
            election: None,
            deaths: 0,
            job_faults: Vec::new(),
            debug_points: BTreeMap::new(),
            next_heartbeat_ms: now_ms.saturating_add(options.heartbeat_interval_ms),
            backends: BTreeMap::new(),
            databases: BTreeMap::new(),
            binlogs: BTreeMap::new(),
            binlog_switch_cache: BTreeMap::new(),
            txns: BTreeMap::new(),
            active_txns: BTreeSet::new(),
            labels: BTreeMap::new(),
            publish_held: false,
            publisher_fails: false,
            late_by_ms: None,
            late_records: Vec::new(),
            binlog_switches: Vec::new(),
            orphaned_since_ms: BTreeMap::new(),
            next_repair_ms: now_ms.saturating_add(repair::REPAIR_INTERVAL_MS),
            alter_jobs: BTreeMap::new(),
            active_alter_jobs: BTreeSet::new(),
            index_jobs: BTreeMap::new(),
            snapshot_jobs: BTreeMap::new(),
            local_snapshots: BTreeMap::new(),
            constraints: BTreeMap::new(),
            recycle_bin: RecycleBin::default(),
            next_recycling_ms: None,
            next_binlog_gc_ms: now_ms.saturating_add(options.binlog_gc_interval_ms),
            next_txn_clean_ms: now_ms,
            next_dynamic_partition_ms: now_ms.saturating_add(dynamic_partition::CHECK_INTERVAL_MS),
            config: fe_config::default_fe_config(&options.profile),
            global_variables: BTreeMap::new(),
            options,
        };
        model.next_txn_clean_ms = model.next_clean_round_ms();
        model
    }

    /// What the cluster's version can do.
    pub fn profile(&self) -> &Profile {
        &self.options.profile
    }

    /// The present in milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// A FE configuration item as a boolean.
    pub fn config_flag(&self, key: &str) -> bool {
        self.config.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// A FE configuration item as a number.
    pub fn config_number(&self, key: &str, default: i64) -> i64 {
        self.config.get(key).and_then(|v| v.parse().ok()).unwrap_or(default)
    }

    /// An id for a job that leaves nothing else behind.
    pub(crate) fn next_job_id(&mut self) -> i64 {
        self.ids.next_raw()
    }

    /// Lets time pass until `now_ms`: every timed event that is due happens, in order.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some(at) = self.next_event_ms().filter(|at| *at <= now_ms) {
            self.now_ms = self.now_ms.max(at);
            self.happen();
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// When the next timed event is due.
    pub fn next_event_ms(&self) -> Option<i64> {
        let daemons = [
            self.next_binlog_gc_ms,
            self.next_txn_clean_ms,
            self.next_dynamic_partition_ms,
            self.next_repair_ms,
            self.next_heartbeat_ms,
        ];
        [
            self.next_recycling_ms,
            self.next_binlog_switch_ms(),
            self.next_frontend_start_ms(),
            self.next_election_ms(),
            self.next_publish_ms(),
            self.next_job_step_ms(),
            self.next_alter_step_ms(),
            self.next_late_record_ms(),
        ]
        .into_iter()
        .flatten()
        .chain(daemons)
        .min()
    }

    /// Everything that is due now.
    fn happen(&mut self) {
        self.switch_binlogs();
        self.finish_frontend_starts();
        self.finish_election();
        if self.next_heartbeat_ms <= self.now_ms {
            self.next_heartbeat_ms = self.now_ms.saturating_add(self.options.heartbeat_interval_ms.max(1));
            if self.master.is_some() {
                self.heartbeat();
            }
        }
        self.publish_due();
        self.step_jobs();
        self.step_alter_jobs();
        self.insert_late_records(&[]);
        self.empty_recycle_bin();
        if self.next_repair_ms <= self.now_ms {
            self.next_repair_ms = self.now_ms.saturating_add(repair::REPAIR_INTERVAL_MS);
            self.repair_replicas();
        }
        if self.next_dynamic_partition_ms <= self.now_ms {
            self.next_dynamic_partition_ms = self.now_ms.saturating_add(dynamic_partition::CHECK_INTERVAL_MS);
            self.schedule_dynamic_partitions();
        }
        if self.next_txn_clean_ms <= self.now_ms {
            self.next_txn_clean_ms = self.next_clean_round_ms();
            self.clean_round();
            self.expire_pending_rows();
        }
        if self.next_binlog_gc_ms <= self.now_ms {
            self.next_binlog_gc_ms = self.now_ms.saturating_add(self.options.binlog_gc_interval_ms.max(1));
            self.collect_binlogs();
        }
    }

    /// Writes an operation to the edit log: its id is the commit seq of the operation. Other operations of the cluster
    /// write there, too: there are gaps.
    pub(crate) fn journal(&mut self) -> CommitSeq {
        self.journal_id += if self.rng.random_bool(0.2) { self.rng.random_range(2..5) } else { 1 };
        CommitSeq(self.journal_id)
    }
}
