//! The documents against texts of the Go program, its old forms, and random ones.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ccr_store::StoreError;
use ccr_store::StoreErrorKind::Corrupt;
use ccr_store::documents::{
    JobDocument, JobState, OldForm, Payload, PipelineContext, ProgressDocument, SkipMethod, SnapshotContext, SubState,
    SyncState, SyncType, TableRecord, UpsertContext, to_go_json,
};

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("golden/", $name, ".json"))
    };
}

const JOBS: [&str; 2] = [golden!("job_database"), golden!("job_table_with_mapping_and_skip")];

const PROGRESSES: [&str; 12] = [
    golden!("progress_full_sync_backup"),
    golden!("progress_full_sync_restoring"),
    golden!("progress_full_sync_restored"),
    golden!("progress_tables_incremental"),
    golden!("progress_incremental_done"),
    golden!("progress_interrupted_ddl"),
    golden!("progress_txn_ingest"),
    golden!("progress_txn_commit"),
    golden!("progress_txn_rollback"),
    golden!("progress_partial_sync_table"),
    golden!("progress_partial_sync_partitions"),
    golden!("progress_table_incremental"),
];

#[test]
fn documents_of_the_go_program_come_back_byte_for_byte() {
    for text in JOBS {
        assert_eq!(JobDocument::parse(text).unwrap().to_json(), text);
    }
    for text in PROGRESSES {
        let (document, note) = ProgressDocument::parse_noting(text).unwrap();
        assert_eq!((document.to_json().as_str(), note), (text, None));
    }
}

#[test]
fn a_job_document_is_typed() {
    let job = JobDocument::parse(JOBS[1]).unwrap();
    assert_eq!((job.sync_type, job.state), (SyncType::Table, JobState::Paused));
    assert_eq!((job.sync_type.name(), job.state.name()), ("table_sync", "paused"));
    assert_eq!((job.src.port.as_str(), job.src.table_id, job.dest.frontends), ("9030", 10143, None));
    assert_eq!(job.src.host_mapping.get("172.16.0.2").map(String::as_str), Some("10.0.0.2"));
    assert!(job.extra.reuse_binlog_label);
    assert_eq!((job.extra.skip_method(), job.extra.skip_commit_seq), (Some(SkipMethod::Silence), 1001));
    assert_eq!(SkipMethod::parse("FullSync"), Some(SkipMethod::FullSync), "the Go program stored any case");
    assert_eq!(SkipMethod::parse("full sync"), None);
}

#[test]
fn passwords_stay_out_of_replies_logs_and_errors() {
    let secret = "s3cr3t-pw";
    let text = JOBS[0].replace("\"password\":\"pw\"", &format!("\"password\":\"{secret}\""));
    let job = JobDocument::parse(&text).unwrap();
    assert_eq!((job.src.password.expose(), job.dest.password.expose()), (secret, secret));
    assert!(!format!("{job:?}").contains(secret));
    let redacted = job.redacted().to_json();
    assert_eq!(redacted, text.replace(secret, "******"));
    for (from, to) in [
        ("\"host\":\"10.0.0.1\",\"port\":\"9030\",\"thrift_port\":\"9020\",\"is_master\":false,\"front", "\"front"),
        ("\"user\":\"root\",\"password\"", "\"db_id\""),
        ("\"db_id\":10116", &format!("\"db_id\":\", expected {secret}\"")),
        ("\"sync_type\":0", &format!("\"sync_type\":\"{secret}\"")),
        ("\"extra\":{}", &format!("\"extra\":\"{secret}\"")),
        ("\"src\":{", &format!("\"src\":\"{secret}\",\"x\":{{")),
        ("\"frontends\":[", &format!("\"frontends\":[\"{secret}\",")),
        ("\"state\":0", "\"state\":0 0"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text);
        if let Err(error) = JobDocument::parse(&damaged) {
            let error = StoreError::from(error);
            assert_eq!(error.kind, Corrupt);
            assert!(!error.text.contains(secret), "{error}");
        }
    }
    let error = JobDocument::parse("{\"name\":\"j\",\"src\":{\"db_id\":\"s3cr3t-pw\"}}").unwrap_err();
    assert_eq!(error.to_string(), "the job document cannot be read: expected i64 at line 1 column 38");
}

#[test]
fn states_have_the_go_programs_numbers_and_names() {
    for (value, name) in [
        (0, "DBFullSync"),
        (1, "DBTablesIncrementalSync"),
        (2, "DBSpecificTableFullSync"),
        (3, "DBIncrementalSync"),
        (4, "DBPartialSync"),
        (500, "TableFullSync"),
        (501, "TableIncrementalSync"),
        (502, "TablePartialSync"),
        (7, "Unknown SyncState: 7"),
        (-1, "Unknown SyncState: -1"),
    ] {
        let state = SyncState::from_value(value);
        assert_eq!((state.value(), state.name().as_ref()), (value, name));
    }
    for (pair, name) in [
        ((-1, -1), "Done"),
        ((0, -1), "BeginCreateSnapshot"),
        ((1, -1), "GetSnapshotInfo"),
        ((2, -1), "AddExtraInfo"),
        ((3, -1), "RestoreSnapshot"),
        ((4, -1), "PersistRestoreInfo"),
        ((5, -1), "WaitBackupDone"),
        ((6, -1), "WaitRestoreDone"),
        ((11, 0), "BeginTransaction"),
        ((12, 0), "IngestBinlog"),
        ((13, 0), "CommitTransaction"),
        ((14, 0), "RollbackTransaction"),
        ((200, -1), "LaunchTransaction"),
        ((201, -1), "CommitPipeline"),
        ((202, -1), "CommitPipelineTransaction"),
        ((203, -1), "RollbackPipeline"),
        ((0, 0), "Unknown sub sync state: 0, binlog type: 0"),
        ((100, -1), "Unknown sub sync state: 100, binlog type: -1"),
        ((12, -1), "Unknown sub sync state: 12, binlog type: -1"),
    ] {
        let state = SubState::from_pair(pair.0, pair.1);
        assert_eq!((state.pair(), state.name().as_ref()), (pair, name));
    }
    assert!(SyncState::DBTablesIncrementalSync.is_incremental() && !SyncState::DBPartialSync.is_incremental());
    assert!(SyncState::TableFullSync.is_full() && SyncState::TablePartialSync.is_partial());
}

#[test]
fn strings_and_keys_are_written_as_go_writes_them() {
    // Written by Go (before 1.22, which shortened `\u0008`); see `strings_of_go` for what is in it.
    let text = golden!("go_strings");
    let mut document = ProgressDocument::parse(PROGRESSES[0]).unwrap();
    document.table_name_mapping = strings_of_go();
    let expected = format!("\"table_mapping\":null,\"table_name_mapping\":{text},\"table_commit_seq_map\"");
    assert!(document.to_json().contains(&expected));
    assert_eq!(ProgressDocument::parse(&document.to_json()).unwrap(), document);
    // A context in `data` is escaped twice.
    document.data = UpsertContext { label: "a<b".to_owned(), ..UpsertContext::default() }.to_json();
    assert!(document.to_json().contains(r#"\"label\":\"a\\u003cb\"}""#), "{}", document.to_json());
    assert_eq!(to_go_json("&"), r#""\u0026""#);
}

fn strings_of_go() -> BTreeMap<i64, String> {
    let ascii: String = (0..128_u8).map(char::from).collect();
    let mut map = BTreeMap::from([(1, format!("{ascii}\u{80}\u{2027}\u{2028}\u{2029}\u{202a}表😀\u{fffd}\u{ffff}"))]);
    for id in [9, 10, 100, -5, -50, 20, 3, i64::MAX, i64::MIN] {
        map.insert(id, id.to_string());
    }
    map
}

#[test]
fn payloads_follow_the_sub_state() {
    let payload = |at: usize| ProgressDocument::parse(PROGRESSES[at]).unwrap().payload().unwrap();
    assert!(matches!(payload(0), Payload::None));
    assert!(matches!(payload(1), Payload::SnapshotLabel(label) if label == "ccrs_db_job_1737700001_1737700003"));
    assert!(matches!(payload(2), Payload::RestoreLabel(label) if label.ends_with("_r_1737700040")));
    assert!(matches!(payload(4), Payload::None), "the context of a done upsert is stale");
    for (at, ingested) in [(6, false), (7, true), (8, true)] {
        let Payload::Upsert(context) = payload(at) else { panic!("no upsert context in {}", PROGRESSES[at]) };
        assert_eq!((context.commit_seq, context.txn_id, context.dest_table_ids.as_slice()), (1501, 4712, &[20177][..]));
        let [TableRecord { table_id: 10143, partition_records, index_ids: Some(indexes), delta_rows: None }] =
            context.table_records.as_slice()
        else {
            panic!("{context:?}")
        };
        assert_eq!((partition_records[0].partition_id, partition_records[0].version), (10142, 7));
        assert_eq!(indexes, &[10144]);
        assert_eq!(context.commit_infos.is_some(), ingested);
        assert_eq!(context.to_json(), ProgressDocument::parse(PROGRESSES[at]).unwrap().data);
    }
    let mut document = ProgressDocument::parse(PROGRESSES[1]).unwrap();
    document.data.clear();
    assert!(document.payload().is_err(), "a label is needed");
    document.sub_sync_state = SubState::CommitTransaction;
    assert!(document.payload().is_err(), "a context is needed");
}

#[test]
fn upsert_contexts_keep_every_key() {
    let text = concat!(
        r#"{"commit_seq":1,"txn_id":2,"dest_table_ids":[3,4],"table_records":[{"_":5,"partitionRecords":[],"indexIds":null,"#,
        r#""deltaRows":{"10122":3,"9":5}}],"commit_infos":[{"tabletId":6,"backendId":7,"invalid_dict_cols":["c\u003e"]}],"#,
        r#""is_txn_insert":true,"source_stid":[8],"desc_stid":[9],"sub_txn_infos":[{"sub_txn_id":9,"table_id":3,"#,
        r#""tablet_commit_infos":[{"tabletId":6,"backendId":7}],"sub_txn_type":0},{}],"label":""}"#
    );
    assert_eq!(UpsertContext::parse(text).unwrap().to_json(), text);
}

#[test]
fn contexts_of_other_versions_are_understood() {
    let text = concat!(
        r#"{"snapshot_name":"ccrs_j_1","snapshot_resp":{"status":{"status_code":0,"error_msgs":["OK"]},"meta":"bWV0YQ==","#,
        r#""job_info":"e30="},"table_commit_seq_map":{"10143":1200}}"#
    );
    let mut document = ProgressDocument::parse(PROGRESSES[0]).unwrap();
    document.sub_sync_state = SubState::RestoreSnapshot;
    document.data = text.to_owned();
    let Payload::Snapshot(snapshot) = document.payload().unwrap() else { panic!("no snapshot") };
    assert_eq!(snapshot.snapshot_name, "ccrs_j_1");
    assert_eq!(snapshot.table_commit_seq_map, BTreeMap::from([(10143, 1200)]));
    assert_eq!((snapshot.table_name_mapping.len(), snapshot.to_json().as_str()), (0, text));
    assert!(SnapshotContext::parse("{}").is_err());

    document.sub_sync_state = SubState::CommitPipeline;
    document.data =
        r#"{"running_txn_list":[{"commit_seq":7,"txn_id":70},{"commit_seq":8,"txn_id":80}],"commitable_txn":null}"#
            .to_owned();
    let Payload::Pipeline(pipeline) = document.payload().unwrap() else { panic!("no pipeline") };
    assert_eq!(pipeline.running_txn_list.iter().map(|txn| txn.txn_id).collect::<Vec<_>>(), [70, 80]);
    assert!(PipelineContext::parse("{}").is_err(), "what is open is not known: not nothing");
}

#[test]
fn old_job_documents_are_read() {
    let spec = r#"{"host":"h","port":"9030","thrift_port":"9020","is_master":false,"frontends":null,"user":"u","password":"","cluster":"","database":"d","db_id":1,"table":"","table_id":0}"#;
    let old = format!(r#"{{"sync_type":0,"name":"j","src":{spec},"dest":{spec},"skip_error":true,"state":1}}"#);
    let job = JobDocument::parse(&old).unwrap();
    assert_eq!((job.name.as_str(), job.state, job.extra.reuse_binlog_label), ("j", JobState::Paused, false));
    let expected = format!(r#"{{"name":"j","sync_type":0,"src":{spec},"dest":{spec},"state":1,"extra":{{}}}}"#);
    assert_eq!(job.to_json(), expected);

    for (top, extra, reuse) in [
        (r#""reuse_binlog_label":true"#, r"{}", true),
        (r#""reuse_binlog_label":true"#, r"null", true),
        (r#""reuse_binlog_label":true"#, r#"{"reuse_binlog_label":false}"#, false),
        (r#""reuse_binlog_label":false"#, r#"{"reuse_binlog_label":true}"#, true),
        (r#""reuse_binlog_label":null"#, r"{}", false),
    ] {
        let text = format!(r#"{{"name":"j","src":{spec},"dest":{spec},{top},"extra":{extra}}}"#);
        assert_eq!(JobDocument::parse(&text).unwrap().extra.reuse_binlog_label, reuse, "{text}");
    }
}

#[test]
fn newer_job_documents_are_read() {
    let text = JOBS[0].replace(r#""name":"db_job","#, r#""name":"db_job","id":"0123abcd","#).replace(
        r#""extra":{}}"#,
        r#""extra":{"skip_table":"t1","skip_table_id":7,"DroppedIndexes":null},"replication_num":-1}"#,
    );
    let job = JobDocument::parse(&text).unwrap();
    assert_eq!((job.id.as_deref(), job.extra.skip_table_id, job.replication_num), (Some("0123abcd"), 7, Some(-1)));
    assert_eq!(job.to_json(), text.replace(r#","DroppedIndexes":null"#, ""));
    for (from, to, reason) in [
        (r#""sync_type":0"#, r#""sync_type":2"#, "sync_type 2 is not known"),
        (r#""state":0"#, r#""state":9"#, "state 9 is not known"),
        (r#""src":"#, r#""from":"#, "missing field `src`"),
    ] {
        let error = JobDocument::parse(&JOBS[0].replacen(from, to, 1)).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn old_progress_documents_are_read() {
    let old = |seqs: &str, state: i32, sub: &str| {
        format!(
            r#"{{"job_name":"j","sync_state":{state},"sub_sync_state":{sub},{seqs},"data":"","unheard":{{"of":[1]}}}}"#
        )
    };
    let done = r#"{"state":-1,"binlog_type":-1}"#;
    let behind = r#""prev_commit_seq":0,"commit_seq":900"#;

    let (document, note) = ProgressDocument::parse_noting(&old(behind, 3, done)).unwrap();
    assert!(document.is_done());
    assert_eq!((document.prev_commit_seq, document.last_commit_seq), (900, 0));
    assert_eq!(note, Some(OldForm::DoneAfterFullSync { commit_seq: 900 }));
    assert_eq!((document.job_sync_id, document.table_mapping.clone(), document.created_at), (0, None, 0));
    assert_eq!(document.full_sync_info.sub_sync_state.pair(), (0, 0));
    assert!(document.to_json().ends_with(
        r#""full_sync_info":{"prev_commit_seq":0,"commit_seq":0,"sub_sync_state":{"state":0,"binlog_type":0},"info":""}}"#
    ));
    assert_eq!(ProgressDocument::parse_noting(&document.to_json()).unwrap(), (document, None), "upgraded once");

    let (document, note) =
        ProgressDocument::parse_noting(&old(r#""prev_commit_seq":5,"commit_seq":9"#, 501, done)).unwrap();
    assert!(!document.is_done(), "cannot be told from an interrupted binlog");
    assert_eq!(note, Some(OldForm::InterruptedOrSnapshot { prev_commit_seq: 5, commit_seq: 9 }));
    assert!(note.unwrap().to_string().contains("after 5 up to 9"));

    for text in [
        old(&format!(r#"{behind},"last_commit_seq":900"#), 3, done),
        old(&format!(r#"{behind},"last_commit_seq":0"#), 3, done),
        old(behind, 0, done),
        old(behind, 3, r#"{"state":13,"binlog_type":0}"#),
    ] {
        let (document, note) = ProgressDocument::parse_noting(&text).unwrap();
        assert_eq!((document.prev_commit_seq, note), (0, None), "{text}");
    }
    let error = ProgressDocument::parse(&old(behind, 3, "12")).unwrap_err();
    assert!(error.reason.starts_with("sub_sync_state is the bare number 12, as written before 2023-09-12"), "{error}");
    for text in
        ["", "{}", "null", "[]", "{\"sync_state\":3}", "{\"sub_sync_state\":{}}", "\u{feff}{}", "{\"sync_state\":null}"]
    {
        assert!(ProgressDocument::parse(text).is_err(), "{text:?} would mean a full sync");
    }
}

#[test]
fn nulls_are_zero_values() {
    let keys = [
        "job_name",
        "job_sync_id",
        "prev_commit_seq",
        "commit_seq",
        "last_commit_seq",
        "unknown_commit_seq",
        "table_mapping",
        "table_name_mapping",
        "table_commit_seq_map",
        "partition_commit_seq_map",
        "data",
        "partial_sync_data",
        "table_aliases",
        "prev_txn_id",
        "table_dropped_flag",
        "table_dropped_time",
        "shadow_index_map",
        "created_at",
        "full_sync_start_at",
        "partial_sync_start_at",
        "incremental_sync_start_at",
        "ingest_binlog_at",
        "full_sync_info",
        "ccr",
    ];
    let nulls: Vec<String> = keys.iter().map(|key| format!(",\"{key}\":null")).collect();
    let head = r#"{"sync_state":500,"sub_sync_state":{"state":0,"binlog_type":-1}"#;
    let of_nulls = ProgressDocument::parse(&format!("{head}{}}}", nulls.concat())).unwrap();
    assert_eq!(of_nulls, ProgressDocument::parse(&format!("{head}}}")).unwrap());
    assert_eq!(
        of_nulls,
        ProgressDocument { job_name: String::new(), ..ProgressDocument::new("j", SyncType::Table, 0) }
    );
}

#[test]
fn newer_progress_documents_are_read_and_our_key_is_kept() {
    let text = PROGRESSES[9]
        .replace(r#""last_commit_seq":1502,"#, r#""last_commit_seq":1502,"unknown_commit_seq":1501,"#)
        .replace(r#""table_commit_seq_map":null,"#, r#""table_commit_seq_map":{"10":1,"9":2},"partition_commit_seq_map":{"10":3,"9":4},"#)
        .replace(r#""table":"t1","#, r#""table":"t1","is_view":false,"#)
        .replace(r#""created_at""#, r#""prev_txn_id":-1,"table_dropped_flag":true,"table_dropped_time":5,"shadow_index_map":{"77":7},"created_at""#)
        .replace(r#"db_sync"}}"#, r#"db_sync"},"ccr":{"epoch":3,"incarnation":"x\u003cy"}}"#);
    let document = ProgressDocument::parse(&text).unwrap();
    assert_eq!(document.to_json(), text);
    assert_eq!((document.prev_txn_id, document.unknown_commit_seq), (Some(-1), Some(1501)));
    assert_eq!(document.ccr.unwrap()["epoch"], 3);
    // Newer programs omit what older ones write as null.
    let omitted = PROGRESSES[0].replace(r#""table_mapping":null,"table_commit_seq_map":null,"#, "");
    assert_eq!(ProgressDocument::parse(&omitted).unwrap().to_json(), PROGRESSES[0]);
}

#[test]
fn a_new_progress_is_the_one_go_creates() {
    let document = ProgressDocument::new("j", SyncType::Database, 1737700000);
    let expected = concat!(
        r#"{"job_name":"j","sync_state":0,"sub_sync_state":{"state":0,"binlog_type":-1},"job_sync_id":1737700000,"#,
        r#""prev_commit_seq":0,"commit_seq":0,"last_commit_seq":0,"table_mapping":null,"table_commit_seq_map":null,"#,
        r#""data":"","created_at":1737700000,"full_sync_info":{"prev_commit_seq":0,"commit_seq":0,"#,
        r#""sub_sync_state":{"state":0,"binlog_type":0},"info":""}}"#
    );
    assert_eq!(document.to_json(), expected);
    assert!(!document.is_done());
}
