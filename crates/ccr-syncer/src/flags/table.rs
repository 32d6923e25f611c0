//! All flags: name, type, default, meaning.

use std::time::Duration;

use ccr_store::documents::Password;

use super::FlagValue;

/// One flag, as parser and usage see it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub name: &'static str,
    /// Word for the value; empty for booleans.
    pub kind: &'static str,
    pub help: &'static str,
    /// The default as the usage shows it.
    pub default: fn() -> Option<String>,
    /// Whether it is on; `None` for what is no switch.
    pub switch: fn(&Flags) -> Option<bool>,
    /// Reads and keeps a value. The error says what would fit.
    pub set: fn(&mut Flags, &str) -> Result<(), &'static str>,
}

macro_rules! flags {
    ($($name:ident: $type:ty = $default:expr, $check:ident, $help:literal;)*) => {
        /// Values of all flags. Fields are named as the flags are.
        #[derive(Clone, Debug)]
        pub struct Flags {
            $(#[doc = $help] pub $name: $type,)*
        }

        impl Default for Flags {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// All flags, in the order of the usage text.
        pub const FLAGS: &[Known] = &[$(Known {
            name: stringify!($name),
            kind: <$type as FlagValue>::KIND,
            help: $help,
            default: || <$type as FlagValue>::shown(&$default),
            switch: |flags| <$type as FlagValue>::switch(&flags.$name),
            set: |flags, text| {
                let value = <$type as FlagValue>::parse(text)?;
                $check(&value)?;
                flags.$name = value;
                Ok(())
            },
        },)*];
    };
}

flags! {
    version: bool = false, any, "Print the version and exit";
    host: String = "127.0.0.1".to_owned(), filled, "Host under which other syncers reach this one; its identity is host:port";
    port: u16 = 9190, any, "Port of the HTTP API, on all interfaces; 0 takes a free one";
    db_type: String = "sqlite3".to_owned(), db_type, "Metadata database: sqlite3, mysql (MariaDB too) or postgresql";
    db_dir: String = "ccr.db".to_owned(), any, "File of the SQLite database; its directory must exist";
    db_host: String = "127.0.0.1".to_owned(), any, "Host of the metadata database (mysql, postgresql)";
    db_port: u16 = 3306, any, "Port of the metadata database (mysql, postgresql)";
    db_user: String = "root".to_owned(), any, "User of the metadata database (mysql, postgresql)";
    db_password: Password = Password::default(), any, "Password of the metadata database (mysql, postgresql); without it that of the environment variable CCR_DB_PASSWORD";
    db_name: String = "ccr".to_owned(), any, "Database (mysql) or schema (postgresql) of the metadata";
    db_max_open_conns: i64 = 20, any, "Most connections to the metadata database (mysql, postgresql)";
    mysql_max_allowed_packet: i64 = 1 << 30, any, "Largest packet to a MySQL metadata database, bytes";
    config_file: String = String::new(), any, "File with lines key=value; its values go before those of the command line";
    pprof: bool = false, any, "Accepted for old scripts, without effect";
    pprof_port: u16 = 6060, any, "Accepted for old scripts, without effect";
    legacy_metrics: bool = false, any, "Show the metrics under their names of January 2025 and before as well (ccr_metrics_*)";
    log_level: String = "debug".to_owned(), log_level, "Least level that is logged: panic, fatal, error, warn, info, debug, trace";
    log_filename: String = String::new(), any, "Log file, rotated at 1024 MiB; empty logs to stdout";
    log_also_to_stderr: bool = false, any, "Log to stderr as well as to the file";
    log_retain_num: usize = 30, any, "Rotated log files that are kept; 0 keeps all";
    log_retain_days: u16 = 7, any, "Days that rotated log files are kept; 0 keeps them for ever";
    connect_timeout: Duration = Duration::from_secs(10), positive, "Longest wait for a connection to an FE or BE";
    rpc_timeout: Duration = Duration::from_secs(30), positive, "Longest wait for the answer to a call of an FE or BE";
    commit_txn_timeout: Duration = Duration::from_secs(33), positive, "Longest wait for the answer to a commit of a transaction";
    local_repo_name: String = String::new(), any, "Accepted for old scripts, without effect";
    fe_max_open_conns: i64 = 20, any, "Accepted for old scripts: connections to FEs are opened and closed as needed";
    fe_max_conn_lifetime: Duration = Duration::ZERO, any, "Accepted for old scripts: connections to FEs are opened and closed as needed";
    max_ingest_concurrency_per_backend: usize = 48, more_than_0, "Most concurrent ingests per destination BE, all jobs together";
    binlog_batch_size: i64 = 16, any, "Accepted for old scripts: binlogs are fetched in batches that fit the memory";
    feature_schema_change_partial_sync: bool = true, any, "Accepted for old scripts, without effect";
    feature_clean_table_and_partitions: bool = false, any, "Accepted for old scripts, without effect";
    feature_atomic_restore: bool = true, any, "Accepted for old scripts, without effect";
    feature_create_view_drop_exists: bool = true, any, "Accepted for old scripts, without effect";
    feature_replace_not_matched_with_alias: bool = true, any, "Accepted for old scripts, without effect";
    feature_filter_shadow_indexes_upsert: bool = true, any, "Accepted for old scripts, without effect";
    feature_reuse_running_backup_restore_job: bool = true, any, "Accepted for old scripts, without effect";
    feature_compressed_snapshot: bool = true, any, "Accepted for old scripts, without effect";
    feature_skip_rollup_binlogs: bool = false, any, "Accepted for old scripts, without effect";
    feature_txn_insert: bool = true, any, "Accepted for old scripts, without effect";
    feature_filter_storage_medium: bool = true, any, "Accepted for old scripts, without effect";
    feature_restore_replace_diff_schema: bool = true, any, "Accepted for old scripts, without effect";
    feature_idempotent_ddl: bool = true, any, "Accepted for old scripts, without effect";
    feature_skip_waiting_txn_publish: bool = true, any, "Accepted for old scripts, without effect";
    feature_skip_check_async_mv_table: bool = true, any, "Accepted for old scripts, without effect";
    feature_pipeline_commit: bool = true, any, "Accepted for old scripts, without effect";
    feature_seperated_handles: bool = true, any, "Accepted for old scripts, without effect";
    feature_cancel_conflict_backup_restore_job: bool = false, any, "Accepted for old scripts, without effect";
}

fn any<T>(_: &T) -> Result<(), &'static str> {
    Ok(())
}

fn filled(value: &str) -> Result<(), &'static str> {
    if value.is_empty() { Err("must not be empty") } else { Ok(()) }
}

fn positive(value: &Duration) -> Result<(), &'static str> {
    if value.is_zero() { Err("must be more than 0") } else { Ok(()) }
}

fn more_than_0(value: &usize) -> Result<(), &'static str> {
    if *value == 0 { Err("must be more than 0") } else { Ok(()) }
}

fn db_type(value: &str) -> Result<(), &'static str> {
    if matches!(value, "sqlite3" | "mysql" | "postgresql") {
        Ok(())
    } else {
        Err("must be sqlite3, mysql or postgresql")
    }
}

fn log_level(value: &str) -> Result<(), &'static str> {
    match crate::logs::level(value) {
        Some(_) => Ok(()),
        None => Err("must be one of panic, fatal, error, warn, info, debug, trace"),
    }
}
