//! Properties of tables and databases, and the configuration of frontends: defaults and texts.

use std::collections::BTreeMap;

/// What a new FE says to `ADMIN SHOW FRONTEND CONFIG`, as far as a syncer asks.
pub(super) fn default_fe_config() -> BTreeMap<String, String> {
    [
        ("enable_feature_binlog", "true"),
        ("restore_reset_index_id", "false"),
        ("enable_restore_snapshot_rpc_compression", "true"),
        ("ignore_backup_tmp_partitions", "false"),
        ("max_backup_restore_job_num_per_db", "10"),
        ("label_num_threshold", "2000"),
        ("streaming_label_keep_max_second", "43200"),
        ("label_keep_max_second", "259200"),
        ("max_running_txn_num_per_db", "10000"),
        ("stream_load_default_timeout_second", "259200"),
        ("max_stream_load_timeout_second", "259200"),
        ("min_load_timeout_second", "1"),
        ("try_commit_lock_timeout_seconds", "5"),
        ("backup_job_default_timeout_ms", "86400000"),
        ("allow_replica_on_same_host", "false"),
        ("enable_strict_storage_medium_check", "false"),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .collect()
}

/// The binlog properties and their defaults.
pub(super) const BINLOG_DEFAULTS: [(&str, &str); 4] = [
    ("binlog.enable", "false"),
    ("binlog.ttl_seconds", "86400"),
    ("binlog.max_bytes", "9223372036854775807"),
    ("binlog.max_history_nums", "9223372036854775807"),
];
