//! Documents at random: what is written is read back, and damage is an error, never a panic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ccr_store::documents::{
    Frontend, FullSyncInfo, JobDocument, JobExtra, JobState, PartialSyncData, PartitionRecord, Password,
    ProgressDocument, Spec, SubState, SubTxnInfo, SyncState, SyncType, TableRecord, TabletCommitInfo, UpsertContext,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

const GOLDEN: [&str; 4] = [
    include_str!("golden/job_table_with_mapping_and_skip.json"),
    include_str!("golden/progress_txn_commit.json"),
    include_str!("golden/progress_partial_sync_partitions.json"),
    include_str!("golden/progress_full_sync_restored.json"),
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9_]{0,8}", "[<>&\"'\\\\%\u{0}-\u{1f}\u{2027}-\u{202a}表😀]{0,6}", any::<String>()]
}

fn ids() -> impl Strategy<Value = BTreeMap<i64, i64>> {
    btree_map(prop_oneof![0..200_i64, any::<i64>()], any::<i64>(), 0..5)
}

fn spec() -> impl Strategy<Value = Spec> {
    let frontend = (text(), text(), text(), any::<bool>()).prop_map(|(host, port, thrift_port, is_master)| Frontend {
        host,
        port,
        thrift_port,
        is_master,
    });
    (
        (text(), text(), text(), any::<bool>(), option::of(vec(frontend, 0..3))),
        (text(), text(), text(), text(), any::<i64>(), text(), any::<i64>(), btree_map(text(), text(), 0..3)),
    )
        .prop_map(|((host, port, thrift_port, is_master, frontends), rest)| {
            let (user, password, cluster, database, db_id, table, table_id, host_mapping) = rest;
            let password = Password::new(password);
            Spec {
                host,
                port,
                thrift_port,
                is_master,
                frontends,
                user,
                password,
                cluster,
                database,
                db_id,
                table,
                table_id,
                host_mapping,
            }
        })
}

fn job() -> impl Strategy<Value = JobDocument> {
    let extra = (any::<bool>(), any::<bool>(), any::<i64>(), text(), text(), any::<i64>()).prop_map(
        |(reuse_binlog_label, skip_binlog, skip_commit_seq, skip_by, skip_table, skip_table_id)| JobExtra {
            reuse_binlog_label,
            skip_binlog,
            skip_commit_seq,
            skip_by,
            skip_table,
            skip_table_id,
            // One that the Go program wrote.
            ccr_skip_id: 0,
        },
    );
    let state = prop_oneof![Just(JobState::Running), Just(JobState::Paused)];
    let sync_type = prop_oneof![Just(SyncType::Database), Just(SyncType::Table)];
    (text(), option::of(text()), sync_type, spec(), spec(), state, extra, option::of(any::<i64>())).prop_map(
        |(name, id, sync_type, src, dest, state, extra, replication_num)| JobDocument {
            name,
            id,
            sync_type,
            src,
            dest,
            state,
            extra,
            replication_num,
        },
    )
}

fn upsert() -> impl Strategy<Value = UpsertContext> {
    let partition = (any::<i64>(), text(), any::<i64>(), any::<bool>(), any::<i64>()).prop_map(
        |(id, range, version, temp, stid)| PartitionRecord {
            partition_id: id,
            range,
            version,
            is_temp_partition: temp,
            stid,
        },
    );
    let table = (any::<i64>(), vec(partition, 0..3), option::of(vec(any::<i64>(), 0..3)), option::of(ids())).prop_map(
        |(table_id, partition_records, index_ids, delta_rows)| TableRecord {
            table_id,
            partition_records,
            index_ids,
            delta_rows,
        },
    );
    let commit = || {
        let info = (any::<i64>(), any::<i64>(), vec(text(), 0..2)).prop_map(|(tablet_id, backend_id, columns)| {
            TabletCommitInfo { tablet_id, backend_id, invalid_dict_cols: columns }
        });
        vec(info, 0..3)
    };
    let sub = (option::of(any::<i64>()), option::of(any::<i64>()), commit(), option::of(any::<i32>())).prop_map(
        |(sub_txn_id, table_id, tablet_commit_infos, sub_txn_type)| SubTxnInfo {
            sub_txn_id,
            table_id,
            tablet_commit_infos,
            sub_txn_type,
        },
    );
    (
        (any::<i64>(), any::<i64>(), vec(any::<i64>(), 0..3), vec(table, 0..3), option::of(commit()), any::<bool>()),
        (option::of(vec(any::<i64>(), 0..2)), option::of(vec(any::<i64>(), 0..2)), option::of(vec(sub, 0..2)), text()),
    )
        .prop_map(|(first, (source_stid, desc_stid, sub_txn_infos, label))| {
            let (commit_seq, txn_id, dest_table_ids, table_records, commit_infos, is_txn_insert) = first;
            UpsertContext {
                commit_seq,
                txn_id,
                dest_table_ids,
                table_records,
                commit_infos,
                is_txn_insert,
                source_stid,
                desc_stid,
                sub_txn_infos,
                label,
            }
        })
}

fn sub_state() -> impl Strategy<Value = SubState> {
    let pair = prop_oneof![(-1..15_i32, -1..1_i32), (199..205_i32, Just(-1)), (any::<i32>(), any::<i32>())];
    pair.prop_map(|(state, binlog_type)| SubState::from_pair(state, binlog_type))
}

fn progress() -> impl Strategy<Value = ProgressDocument> {
    let sync_state = prop_oneof![0..5_i32, 500..503_i32, any::<i32>()].prop_map(SyncState::from_value);
    let full =
        (any::<i64>(), any::<i64>(), sub_state(), text()).prop_map(|(prev, commit_seq, sub_sync_state, info)| {
            FullSyncInfo { prev_commit_seq: prev, commit_seq, sub_sync_state, info }
        });
    let partial = (any::<i64>(), text(), option::of(any::<bool>()), option::of(vec(text(), 0..3))).prop_map(
        |(table_id, table, is_view, partitions)| PartialSyncData {
            table_id,
            table,
            is_view,
            partition_ids: None,
            partitions,
        },
    );
    let ccr = option::of(btree_map(text(), any::<i64>(), 0..3).prop_map(|map| serde_json::json!(map)));
    let data = prop_oneof![text().boxed(), upsert().prop_map(|context| context.to_json()).boxed()];
    (
        (text(), sync_state, sub_state(), vec(any::<i64>(), 6), option::of(any::<i64>()), option::of(any::<i64>())),
        (option::of(ids()), btree_map(any::<i64>(), text(), 0..4), option::of(ids()), ids(), ids()),
        (data, option::of(partial), btree_map(text(), text(), 0..3), any::<bool>(), full, ccr),
    )
        .prop_map(|(first, maps, rest)| {
            let (job_name, sync_state, sub_sync_state, numbers, unknown_commit_seq, prev_txn_id) = first;
            let (table_mapping, table_name_mapping, table_commit_seq_map, partition_commit_seq_map, shadow_index_map) =
                maps;
            let (data, partial_sync_data, table_aliases, table_dropped_flag, full_sync_info, ccr) = rest;
            ProgressDocument {
                sync_state,
                sub_sync_state,
                prev_commit_seq: numbers[0],
                commit_seq: numbers[1],
                last_commit_seq: numbers[2],
                job_sync_id: numbers[3],
                table_dropped_time: numbers[4],
                ingest_binlog_at: numbers[5],
                unknown_commit_seq,
                prev_txn_id,
                table_mapping,
                table_name_mapping,
                table_commit_seq_map,
                partition_commit_seq_map,
                shadow_index_map,
                data,
                partial_sync_data,
                table_aliases,
                table_dropped_flag,
                full_sync_info,
                ccr,
                ..ProgressDocument::new(&job_name, SyncType::Database, 0)
            }
        })
}

proptest! {
    #[test]
    fn a_job_is_read_back(document in job()) {
        prop_assert_eq!(JobDocument::parse(&document.to_json()).unwrap(), document);
    }

    #[test]
    fn a_progress_is_read_back(document in progress()) {
        prop_assert_eq!(ProgressDocument::parse_noting(&document.to_json()).unwrap(), (document, None));
    }

    #[test]
    fn an_upsert_context_is_read_back(context in upsert()) {
        prop_assert_eq!(UpsertContext::parse(&context.to_json()).unwrap(), context);
    }

    #[test]
    fn damage_is_an_error_or_another_document(
        which in 0..GOLDEN.len(),
        cuts in vec((any::<prop::sample::Index>(), 0..4_usize, vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'0'), Just(b'{')], 0..3)), 1..4),
    ) {
        let mut bytes = GOLDEN[which].as_bytes().to_vec();
        for (at, length, with) in cuts {
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, with);
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(job) = JobDocument::parse(&text) {
            prop_assert_eq!(JobDocument::parse(&job.to_json()).unwrap(), job);
        }
        if let Ok(progress) = ProgressDocument::parse(&text) {
            prop_assert_eq!(ProgressDocument::parse(&progress.to_json()).unwrap(), progress.clone());
            if let Err(error) = progress.payload() {
                prop_assert!(!error.reason.is_empty());
            }
        }
    }
}
