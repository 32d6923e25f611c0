//! Go's `flag.Parse`: one or two dashes, `-x v` or `-x=v`, booleans without a following value.

use super::{Asked, FLAGS, FlagError, Flags, Known};

/// Reads the arguments after the program's name.
///
/// # Errors
/// An unknown flag, a value that does not fit or is missing, and - where Go would silently drop the rest of the line - an
/// argument that is no flag.
pub fn parse(arguments: &[String]) -> Result<Asked, FlagError> {
    let mut flags = Flags::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            if let Some(extra) = arguments.next() {
                return Err(unexpected(extra));
            }
            break;
        }
        let Some(text) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            return Err(unexpected(argument));
        };
        if text.is_empty() || text.starts_with(['-', '=']) {
            return Err(if argument == "-" {
                unexpected(argument)
            } else {
                FlagError(format!("bad flag syntax: {argument}"))
            });
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some(known) = find(name) else {
            if matches!(name, "h" | "help") {
                return Ok(Asked::Help);
            }
            return Err(FlagError(format!("flag provided but not defined: -{name}")));
        };
        let value = match value {
            Some(value) => value,
            None if known.kind.is_empty() => "true",
            None => arguments.next().ok_or_else(|| FlagError(format!("flag needs an argument: -{name}")))?.as_str(),
        };
        set(&mut flags, known, value)?;
    }
    Ok(if flags.version { Asked::Version } else { Asked::Serve(Box::new(flags)) })
}

/// The flag of that name.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    FLAGS.iter().find(|known| known.name == name)
}

/// Gives a flag its value.
pub(super) fn set(flags: &mut Flags, known: &Known, value: &str) -> Result<(), FlagError> {
    (known.set)(flags, value).map_err(|why| {
        let kind = if known.kind.is_empty() { "boolean value" } else { "value" };
        let shown = if known.name == "db_password" { "***" } else { value };
        FlagError(format!("invalid {kind} {shown:?} for flag -{}: {why}", known.name))
    })
}

fn unexpected(argument: &str) -> FlagError {
    FlagError(format!("unexpected argument {argument:?}: flags begin with a dash, and the only command is demo"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flags::usage;

    fn line(text: &str) -> Result<Asked, FlagError> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn flags(text: &str) -> Flags {
        match line(text) {
            Ok(Asked::Serve(flags)) => *flags,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_go_is_taken() {
        for text in [
            "-port 9191",
            "--port 9191",
            "-port=9191",
            "--port=9191",
            "-port 0x23e7",
            "-port 1 -port=9191",
            "-port 9191 --",
        ] {
            assert_eq!(flags(text).port, 9191, "{text}");
        }
        for text in ["-pprof", "--pprof", "-pprof=true", "--pprof=T", "-pprof=1", "-pprof -port 1"] {
            assert!(flags(text).pprof, "{text}");
        }
        assert!(!flags("-pprof=false").pprof);
        assert!(!flags("-feature_atomic_restore=0").feature_atomic_restore);
        assert_eq!(flags("-db_dir=").db_dir, "");
        assert_eq!(flags("-db_dir=a=b").db_dir, "a=b");
        assert_eq!(flags("-host -port").host, "-port");
        let defaults = flags("");
        assert_eq!((defaults.host.as_str(), defaults.port, defaults.db_dir.as_str()), ("127.0.0.1", 9190, "ccr.db"));
        assert_eq!(flags("-rpc_timeout 1.5s").rpc_timeout, Duration::from_millis(1500));
    }

    /// Defects: SVC-B7.
    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("-nonsense", "flag provided but not defined: -nonsense"),
            ("--nonsense=1", "flag provided but not defined: -nonsense"),
            ("-port", "flag needs an argument: -port"),
            ("-port x", "invalid value \"x\" for flag -port: parse error"),
            ("-port 65536", "invalid value \"65536\" for flag -port: value out of range"),
            ("-pprof=yes", "invalid boolean value \"yes\" for flag -pprof: parse error"),
            ("-rpc_timeout 3", "invalid value \"3\" for flag -rpc_timeout: parse error"),
            ("-rpc_timeout 0s", "invalid value \"0s\" for flag -rpc_timeout: must be more than 0"),
            (
                "-log_level loud",
                "invalid value \"loud\" for flag -log_level: must be one of panic, fatal, error, warn, info, debug, trace",
            ),
            ("-db_type oracle", "invalid value \"oracle\" for flag -db_type: must be sqlite3, mysql or postgresql"),
            ("-db_dir", "flag needs an argument: -db_dir"),
            (
                "-max_ingest_concurrency_per_backend 0",
                "invalid value \"0\" for flag -max_ingest_concurrency_per_backend: must be more than 0",
            ),
            ("---port 1", "bad flag syntax: ---port"),
            ("-=1", "bad flag syntax: -=1"),
            ("serve", "unexpected argument \"serve\": flags begin with a dash, and the only command is demo"),
            ("-port 1 -- x", "unexpected argument \"x\": flags begin with a dash, and the only command is demo"),
            ("-pprof true", "unexpected argument \"true\": flags begin with a dash, and the only command is demo"),
        ] {
            assert_eq!(line(text).unwrap_err().0, expected, "{text}");
        }
    }

    #[test]
    fn version_and_help_are_asked_for() {
        assert!(matches!(line("-version"), Ok(Asked::Version)));
        assert!(matches!(line("--version -port 1"), Ok(Asked::Version)));
        for text in ["-h", "--help", "-help", "-port 1 -h"] {
            assert!(matches!(line(text), Ok(Asked::Help)), "{text}");
        }
    }

    /// Names and kinds of section 5.1 of the Go program, with the newer ones.
    #[test]
    fn every_flag_of_the_go_program_is_known() {
        const STRINGS: &str = "host db_type db_dir db_host db_user db_password db_name config_file log_level log_filename \
            local_repo_name";
        const INTS: &str = "port db_port db_max_open_conns mysql_max_allowed_packet pprof_port log_retain_num log_retain_days \
            fe_max_open_conns max_ingest_concurrency_per_backend binlog_batch_size";
        const DURATIONS: &str = "connect_timeout rpc_timeout commit_txn_timeout fe_max_conn_lifetime";
        const BOOLS: &str = "version pprof log_also_to_stderr feature_schema_change_partial_sync \
            feature_clean_table_and_partitions feature_atomic_restore feature_create_view_drop_exists \
            feature_replace_not_matched_with_alias feature_filter_shadow_indexes_upsert \
            feature_reuse_running_backup_restore_job feature_compressed_snapshot feature_skip_rollup_binlogs \
            feature_txn_insert feature_filter_storage_medium feature_restore_replace_diff_schema feature_idempotent_ddl \
            feature_skip_waiting_txn_publish feature_skip_check_async_mv_table feature_pipeline_commit \
            feature_seperated_handles feature_cancel_conflict_backup_restore_job";
        let help = usage();
        let mut count = 0;
        for (names, kind) in [(STRINGS, "string"), (INTS, "int"), (DURATIONS, "duration"), (BOOLS, "")] {
            for name in names.split_whitespace() {
                let known = find(name).unwrap_or_else(|| panic!("{name} is missing"));
                assert_eq!(known.kind, kind, "{name}");
                assert!(known.help.len() > 5, "{name} is not explained");
                assert!(help.contains(&format!("  -{name}")), "{name} is not in the usage");
                count += 1;
            }
        }
        // Our own.
        const OURS: &[&str] = &["legacy_metrics"];
        assert!(OURS.iter().all(|name| find(name).is_some()));
        assert_eq!(count + OURS.len(), FLAGS.len());
    }

    #[test]
    fn a_password_shows_nowhere() {
        let shown = format!("{:?}", flags("-db_password hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
