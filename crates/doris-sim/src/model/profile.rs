//! What differs between versions of Doris, as single switches.
//!
//! There is one model, of the newest version; a [`Profile`] says in which points a cluster is older. Nothing else in the
//! simulator knows a version.
//!
//! **To add a switch**, add one line to the table below: what it does, its name, its type and its value in 2.1, 3.0 and
//! 4.1. Name it after the behaviour, so that `true` means that the cluster can do it; ask for it as
//! `model.profile().name` at the one place where the behaviour is. A simulation draws mixtures of the switches
//! ([`Profile::mixed`]): no switch may rely on another one.
//!
//! Many differences have a place of their own, so that the code of the subject needs to know nothing of them: records in
//! `model/binlog/form.rs`, refusals in `model/refused.rs`, columns of SHOW in `exec/show/columns.rs`.

/// Makes a [`Profile`] of the table of switches.
macro_rules! switches {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $old:expr, $middle:expr, $new:expr;)+) => {
        /// What a cluster can do: one field for every point in which versions differ.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Profile {
            $($(#[$doc])+ pub $name: $type,)+
        }

        impl Profile {
            /// `2.1-2024-09`: the branch of 2.1 as it was on 2024-09-23 (it calls itself 2.1.7-rc01).
            pub fn v2_1() -> Self {
                Self { $($name: $old,)+ }
            }

            /// `3.0-2024-09`: the branch of 3.0 of the same day (it calls itself 3.0.0-rc05).
            pub fn v3_0() -> Self {
                Self { $($name: $middle,)+ }
            }

            /// `4.1`: the newest.
            pub fn v4_1() -> Self {
                Self { $($name: $new,)+ }
            }

            /// A cluster that never existed: each switch is that of one of `of`, as `choose(of.len())` says.
            pub fn mixed(of: &[Self], mut choose: impl FnMut(usize) -> usize) -> Self {
                let mut mixture = Self::v4_1();
                $(if let Some(one) = of.get(choose(of.len())) {
                    mixture.$name = one.$name.clone();
                })+
                mixture
            }

            /// Names of the switches in which two profiles differ.
            pub fn differences(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name != other.$name {
                    names.push(stringify!($name));
                })+
                names
            }
        }
    };
}

switches! {
    // name: type = 2.1, 3.0, 4.1

    // Thrift. A request's field that a version does not know is ignored, its reply's fields are unset.

    /// The method lockBinlog.
    lock_binlog: bool = false, false, true;
    /// `num_acquired` of getBinlog: more than one record an answer.
    binlog_batches: bool = false, false, true;
    /// `allow_follower_read` of getBinlog.
    binlog_follower_reads: bool = false, false, true;
    /// getBinlogLag answers positions and times besides the lag.
    binlog_lag_positions: bool = false, false, true;
    /// `backend_id` of beginTxn: a schema change waits for the transactions of a living backend.
    begin_txn_backend: bool = true, false, true;
    /// Transactions of several sub transactions through beginTxn and commitTxn.
    sub_transactions: bool = false, false, true;
    /// `only_commit` of commitTxn: no waiting for the publish.
    only_commit: bool = false, false, true;
    /// `enable_compress` of getSnapshot and `compressed` of restoreSnapshot.
    compressed_snapshots: bool = false, false, true;
    /// getSnapshot answers the position of a snapshot and when it expires.
    snapshot_position: bool = false, false, true;
    /// `clean_tables` and `clean_partitions` of restoreSnapshot.
    restore_cleaning: bool = true, false, true;
    /// `atomic_restore` of restoreSnapshot.
    atomic_restore: bool = true, false, true;
    /// `force_replace` of restoreSnapshot.
    force_replace: bool = false, false, true;
    /// Lists of dropped partitions, tables and indexes in getMeta.
    meta_dropped_lists: bool = true, false, true;
    /// Positions of the drops in getMeta.
    meta_dropped_positions: bool = false, false, true;
    /// Types of tables in getMeta.
    meta_table_types: bool = false, false, true;

    // Binlog records: `model/binlog/form.rs`.

    /// The newest kind of record (`TBinlogType`). What a statement of a newer kind did leaves no record.
    newest_binlog_kind: i32 = 13, 13, 26;
    /// Records other than UPSERT have a time; otherwise it is -1.
    timed_records: bool = false, false, true;
    /// Records and job documents in one line, without blanks.
    compact_json: bool = true, false, true;
    /// UPSERT names sub transactions: `stids`, `stid`.
    upsert_sub_transactions: bool = false, false, true;
    /// UPSERT says which partitions are temporary.
    upsert_temp_partitions: bool = true, false, true;
    /// CREATE_TABLE has the table's type and properties.
    create_table_properties: bool = false, false, true;
    /// DROP_PARTITION has the partition's id.
    drop_partition_id: bool = true, false, true;
    /// DROP_TABLE of a view says so.
    drop_view_records: bool = false, false, true;
    /// ALTER_JOB names the base index and the rollup.
    alter_job_indexes: bool = false, false, true;
    /// ALTER_JOB tells the origin of each shadow index.
    alter_job_shadow_origins: bool = true, false, true;
    /// MODIFY_TABLE_ADD_OR_DROP_COLUMNS has the old columns, names of indexes and the base index.
    column_record_old_schema: bool = false, false, true;
    /// Columns in records have no statistics, and only what is set.
    short_column_records: bool = false, false, true;
    /// DROP_PARTITION of a partition that never held anything has a version of the table, as any other.
    drop_of_empty_partition_counts: bool = true, false, false;
    /// DROP_PARTITION of one that does not count has the table's version; otherwise 0.
    drop_of_empty_partition_tells_version: bool = true, true, false;
    /// `recycleTime` of a forced DROP_PARTITION.
    forced_drop_recycle_ms: i64 = -1, 0, -1;
    /// MODIFY_TABLE_PROPERTY has `SET ("k" = "v" )`, not `SET (k=v)`.
    property_records_quoted: bool = false, false, true;
    /// Apostrophes in the values of list partitions are doubled in ADD_PARTITION.
    partition_values_doubled: bool = false, false, true;
    /// Types in `rawSql` are in capitals.
    raw_sql_planner_types: bool = false, true, true;
    /// Quotes in column comments in `rawSql` are escaped.
    raw_sql_escaped_comments: bool = false, false, true;
    /// Properties of an index in `rawSql` are sorted; otherwise a hash map gives their order.
    index_properties_sorted: bool = false, false, true;
    /// REPLACE_PARTITIONS has ids, and whether it was forced.
    replace_partitions_ids: bool = false, false, true;
    /// TRUNCATE_TABLE has the operation with the new ids.
    truncate_record_op: bool = false, false, true;
    /// BARRIER says which kind of record it stands for.
    barrier_kind: bool = false, false, true;
    /// Partitions in records have short names of fields.
    short_partition_records: bool = false, false, true;
    /// Partitions, tablets and replicas in records have a class.
    partition_classes: bool = false, true, true;
    /// Partition keys in records are literals with a type; keys of list partitions are written at all.
    typed_partition_keys: bool = false, false, true;
    /// The clause of ADD_PARTITION says TEMPORARY, and has no parentheses too many.
    add_partition_clause: bool = true, false, true;

    // Refusals: `model/refused.rs`.

    /// Every refused statement has the code 1105, not MySQL's own.
    one_mysql_code: bool = false, false, true;
    /// Queries, CREATE TABLE and CREATE VIEW have the code 1105.
    planner_answers_one_code: bool = false, true, true;
    /// `Table [t] does not exist in database [d].` instead of MySQL's texts.
    planner_texts: bool = false, true, true;
    /// `(line 1, pos 14)` behind what a query is refused for.
    planner_names_positions: bool = false, false, true;
    /// A refused DROP has the prefix once.
    drop_refused_once: bool = false, false, true;
    /// A refused CREATE TABLE or CREATE VIEW has the prefix once.
    create_refused_once: bool = true, false, true;
    /// The advice to use DROP VIEW or DROP TABLE names the database.
    drop_refusal_names_database: bool = true, false, true;
    /// `table not found, tableName=` instead of `unknown table, tableName=`.
    missing_table_is_not_found: bool = false, true, true;
    /// `errCode = 2` around `errCode = 7`.
    not_found_wrapped: bool = false, false, true;
    /// Tables of Paimon exist.
    paimon_tables: bool = false, false, true;
    /// The refusal of a second backup or restore names both.
    busy_refusal_names_jobs: bool = false, false, true;
    /// The refusal of a used label tells the state of its transaction.
    label_refusal_names_state: bool = true, false, true;
    /// The refusal of a second index on the same columns joins their names with commas.
    index_refusal_joins_columns: bool = false, false, true;
    /// Labels may have letters of any alphabet.
    unicode_labels: bool = false, false, true;
    /// A commit that lacks replicas is refused with advice.
    quorum_refusal_advises: bool = false, false, true;
    /// The refusal of a timeout names the limit's configuration.
    timeout_refusal_names_config: bool = false, false, true;
    /// The refusal of a restore names the command.
    restore_refusal_names_command: bool = false, false, true;
    /// `snapshot l not exist` instead of `snapshot not exist`.
    missing_snapshot_named: bool = false, false, true;

    // Backup and restore.

    /// Snapshots expire for getSnapshot.
    snapshots_expire: bool = false, false, true;
    /// A backup goes on without what was dropped or renamed before it began; otherwise it is cancelled.
    backup_leaves_missing_out: bool = false, false, true;
    /// A backup of nothing is cancelled.
    backup_needs_tables: bool = false, false, true;
    /// The job document has `tblalias`.
    job_info_aliases: bool = false, false, true;
    /// A task of a snapshot has an id of its own; otherwise it is that of the tablet.
    snapshot_tasks_have_ids: bool = false, false, true;
    /// A restore has the state CREATING.
    restore_creating_state: bool = false, false, true;
    /// A finished backup has a finished time.
    backup_finished_time: bool = true, false, true;
    /// `meta_version` of a snapshot.
    meta_version: i32 = 129, 133, 140;
    /// Version in the documents of a snapshot.
    version: (i32, i32, i32) = (2, 1, 7), (3, 0, 0), (4, 1, 0);
    /// `deserialize meta and job info failed` instead of what Java says.
    meta_refusal_plain: bool = false, false, true;
    /// `Only support restore OLAP table`, not `retore`; the refusal of another type of partitions names both.
    restore_refusals_spelt: bool = false, false, true;
    /// The oldest `meta_version` of which a restore can read partitioned tables.
    oldest_partition_meta_version: i32 = 0, 133, 0;
    /// The oldest `meta_version` that a restore can read.
    oldest_meta_version: i32 = 0, 0, 140;

    // The text of SHOW CREATE TABLE and CREATE_TABLE records: `model/show_create.rs`.

    /// Comments of columns and indexes are in double quotes.
    ddl_double_quotes: bool = false, false, true;
    /// Comments of indexes are quoted once, and left out where there are none.
    ddl_index_comments: bool = true, false, true;
    /// Types are in capitals.
    ddl_capital_types: bool = false, true, false;
    /// A table without comment is shown with the name of its engine.
    ddl_engine_as_comment: bool = false, true, false;
    /// A blank behind `PARTITION BY LIST`.
    ddl_list_blank: bool = false, false, true;
    /// CREATE_TABLE records have the rollups of the table.
    ddl_rollups: bool = false, false, true;
    /// The compression that is the default is shown where it was written.
    ddl_default_compression: bool = true, true, false;
    /// The definition of a view is stored with its columns and aliases qualified; otherwise its tables only are.
    view_columns_qualified: bool = true, false, true;
    /// Apostrophes in comments of tables stay doubled as they were written.
    ddl_doubled_apostrophes: bool = false, false, true;
    /// Bitmap columns show their default.
    ddl_bitmap_defaults: bool = false, false, true;
    /// Views show their columns.
    ddl_view_columns: bool = false, false, true;
    /// The property `enable_mow_light_delete`.
    mow_light_delete: bool = true, false, true;
    /// The property `row_store_page_size`.
    row_store_pages: bool = true, false, true;

    // Columns of SHOW statements: `exec/show/columns.rs`.

    /// Since when frontends and backends live.
    show_live_since: bool = false, false, true;
    /// How much a backend has to do.
    show_running_tasks: bool = false, false, true;
    /// Cores and memory of backends.
    show_backend_hardware: bool = false, true, true;
    /// Rows and committed versions of partitions.
    show_partition_rows: bool = true, false, true;
    /// Running transactions of a database.
    show_running_txns: bool = false, true, true;
    /// `TrashUsedCapcacity`.
    trash_column_misspelt: bool = false, true, false;

    /// SHOW TABLE STATUS has numbers of rows and bytes before anything is known of them.
    table_status_counts: bool = true, true, false;
    /// SHOW PROC '/dbs/<id>' counts replicas at once.
    proc_counts_replicas: bool = true, true, false;
    /// SHOW BUILD INDEX shows the comments of indexes that are added.
    build_index_shows_comments: bool = false, false, true;
    /// Rows of a partition of which no backend has reported.
    unreported_rows: i64 = 0, 0, -1;
    /// SHOW TRANSACTION WHERE STATUS = '..'.
    show_txns_by_status: bool = true, true, false;

    // Syntax and names: `exec/older.rs`.

    /// Syntax errors are those of the newer parser: `mismatched input 'x' expecting ..`.
    planner_parses: bool = false, false, true;
    /// `ADD PARTITIONS FROM .. TO .. INTERVAL ..`.
    sql_partition_steps: bool = false, false, true;
    /// `TRUNCATE TABLE .. FORCE`.
    sql_truncate_force: bool = false, false, true;
    /// Generated columns.
    sql_generated_columns: bool = false, false, true;
    /// `ALTER VIEW .. MODIFY COMMENT`.
    sql_view_comment: bool = false, false, true;
    /// `CREATE OR REPLACE VIEW`.
    sql_or_replace_view: bool = true, false, true;
    /// Names of tables and columns may have blanks and any other sign.
    names_with_blanks: bool = false, false, true;
    /// CREATE TABLE LIKE parses the text of SHOW CREATE TABLE, and fails where that cannot be parsed.
    like_reads_text: bool = true, true, false;

    // ALTER TABLE.

    /// Positions of new columns and columns to drop are checked before the change is planned.
    alter_validated_first: bool = false, false, true;
    /// MODIFY COLUMN makes the aggregation of a value column implicit, which counts as a change.
    modify_makes_aggregation_implicit: bool = false, true, true;
    /// A heavy schema change is refused while a job on an inverted index runs.
    heavy_change_waits_for_index_jobs: bool = false, false, true;
    /// `SET ("storage_medium" = "..")` of a table.
    set_storage_medium: bool = false, false, true;
    /// light_schema_change can be switched on where it is on.
    set_light_schema_change_again: bool = false, true, true;
    /// The compaction policy time_series for tables of the unique model.
    time_series_of_unique_tables: bool = true, true, false;
    /// enable_single_replica_compaction is refused for a merge-on-write table.
    single_replica_compaction_checked: bool = true, false, true;

    // Defaults and configuration.

    /// How much compressed data one bucket of `BUCKETS AUTO` is for.
    auto_bucket_gb: u64 = 1, 1, 5;

    /// The default of `inverted_index_storage_format`.
    inverted_index_format: &'static str = "V1", "V1", "V3";
    /// Configuration items of restores and binlogs that came later.
    newer_config_items: bool = false, false, true;

    // Transactions.

    /// The commit of a transaction that is committed already changes nothing. Otherwise it takes the next version of
    /// each partition: a hole that no later transaction passes.
    repeated_commit_is_harmless: bool = true, false, true;
    /// `PublishTime` is the time of the last attempt, not of the first.
    publish_time_of_last_round: bool = false, true, false;
}

impl Default for Profile {
    fn default() -> Self {
        Self::v4_1()
    }
}

impl Profile {
    /// By the version's number: `2.1`, `3.0`, `4.1`.
    pub fn of_version(version: &str) -> Option<Self> {
        match version {
            "2.1" => Some(Self::v2_1()),
            "3.0" => Some(Self::v3_0()),
            "4.1" => Some(Self::v4_1()),
            _ => None,
        }
    }
}
