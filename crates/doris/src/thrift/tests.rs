#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{rpc::*, secret::Secret};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Vectors that an independent implementation produced and a real FE frames alike.
#[test]
fn messages_have_the_bytes_of_a_real_server() {
    let request = GetBinlogRequest {
        user: Some("root".to_owned()),
        passwd: Some(Secret::new("")),
        db: Some("db1".to_owned()),
        prev_commit_seq: Some(5),
        num_acquired: Some(16),
        ..GetBinlogRequest::default()
    };
    assert_eq!(
        hex(&encode_call(GetBinlog::NAME, 7, &request).unwrap()),
        "800100010000000967657442696e6c6f67000000070c00010b000200000004726f6f740b0003000000000b0004000000036462310a000900000000000000050a000a00000000000000100000"
    );
    let too_new = GetBinlogResult {
        status: Some(Status::new(StatusCode::BINLOG_TOO_NEW_COMMIT_SEQ)),
        ..GetBinlogResult::default()
    };
    let bytes = encode_reply(GetBinlog::NAME, 7, &too_new).unwrap();
    assert_eq!(hex(&bytes), "800100020000000967657442696e6c6f67000000070c00000c00010800010000003e000000");
    assert_eq!(decode_reply::<GetBinlogResult>(&bytes, "getBinlog", 7).unwrap(), too_new);
    let not_master = GetBinlogResult {
        status: Some(Status::with_text(StatusCode::NOT_MASTER, "FE is not master")),
        master_address: Some(NetworkAddress { hostname: "10.0.0.2".to_owned(), port: 9020 }),
        ..GetBinlogResult::default()
    };
    assert_eq!(
        hex(&encode_reply(GetBinlog::NAME, 7, &not_master).unwrap()),
        "800100020000000967657442696e6c6f67000000070c00000c0001080001000000490f00020b00000001000000104645206973206e6f74206d6173746572000c00060b00010000000831302e302e302e320800020000233c000000"
    );
    let unknown =
        encode_exception("lockBinlog", 8, application::UNKNOWN_METHOD, "Invalid method name: 'lockBinlog'").unwrap();
    assert_eq!(
        hex(&unknown),
        "800100030000000a6c6f636b42696e6c6f67000000080b000100000021496e76616c6964206d6574686f64206e616d653a20276c6f636b42696e6c6f67270800020000000100"
    );
    assert_eq!(
        decode_reply::<LockBinlogResult>(&unknown, "lockBinlog", 8),
        Err(ThriftError::Application { kind: 1, text: "Invalid method name: 'lockBinlog'".to_owned() })
    );
}

#[test]
fn a_request_never_shows_its_password() {
    let request = GetBinlogRequest { passwd: Some(Secret::new("tell-nobody")), ..GetBinlogRequest::default() };
    assert!(!format!("{request:?}").contains("tell-nobody"));
}

fn reply() -> Bytes {
    let record = Binlog { commit_seq: Some(6), data: Some("{}".to_owned()), ..Binlog::default() };
    let result = GetBinlogResult {
        status: Some(Status::new(StatusCode::OK)),
        binlogs: Some(vec![record.clone(), record]),
        ..GetBinlogResult::default()
    };
    encode_reply(GetBinlog::NAME, 3, &result).unwrap()
}

#[test]
fn a_reply_that_is_not_ours_is_an_error_of_that_call() {
    let bytes = reply();
    let decode = |bytes: &Bytes, name: &str, seq| decode_reply::<GetBinlogResult>(bytes, name, seq);
    assert_eq!(decode(&bytes, "getBinlog", 4), Err(ThriftError::WrongSeq { expected: 4, found: 3 }));
    assert!(matches!(decode(&bytes, "getMeta", 3), Err(ThriftError::WrongName { .. })));
    for cut in 0..bytes.len() {
        assert!(decode(&bytes.slice(..cut), "getBinlog", 3).is_err(), "cut at {cut}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(decode(&longer.into(), "getBinlog", 3).is_err());
}

#[test]
fn claimed_sizes_reserve_nothing() {
    // A text of 2 GiB, a negative one, a list of 2^31-1 structs, and one of numbers.
    for body in [
        "0c00000b0001 7fffffff 00",
        "0c00000b0001 ffffffff 00",
        "0c00000f0003 0c 7fffffff 00",
        "0c00000f0003 0a 7fffffff 00",
        "0c00000d0007 0a0a 7fffffff 00",
    ] {
        let body: String = body.split(' ').collect();
        let mut message = encode_exception("getBinlog", 1, 0, "").unwrap().to_vec();
        message[3] = 2;
        message.truncate(8 + 9 + 4);
        message.extend((0..body.len() / 2).map(|i| u8::from_str_radix(&body[2 * i..2 * i + 2], 16).unwrap()));
        let message = Bytes::from(message);
        assert!(decode_reply::<GetBinlogResult>(&message, "getBinlog", 1).is_err(), "{body}");
        let scanned = Scanner::new(Limits { max_message: 1 << 20, max_depth: 64 }).scan(&message);
        assert!(matches!(scanned, Err(_) | Ok(None)), "{body}: {scanned:?}");
    }
}

#[test]
fn deep_nesting_ends() {
    let mut message = reply().to_vec();
    message.truncate(8 + 9 + 4);
    for _ in 0..10_000 {
        message.extend([0x0c, 0, 9]);
    }
    assert!(matches!(Scanner::new(Limits::default()).scan(&message), Err(ThriftError::Malformed(_))));
}

#[test]
fn text_that_is_no_utf8_survives() {
    let status = Status::with_text(StatusCode::INTERNAL_ERROR, "xxxx");
    let bytes = encode_reply("ingest_binlog", 1, &IngestBinlogResult { status: Some(status), is_async: None }).unwrap();
    let broken: Vec<u8> = bytes.iter().map(|b| if *b == b'x' { 0xff } else { *b }).collect();
    let result: IngestBinlogResult = decode_reply(&broken.into(), "ingest_binlog", 1).unwrap();
    assert_eq!(result.status.unwrap().text(), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
}

/// Every decoder that reads from the network.
fn decode_everything(message: &Bytes) {
    macro_rules! all {
        ($($ty:ty),*) => { $(drop(decode_reply::<$ty>(message, "getBinlog", 3));)* };
    }
    all!(
        GetBinlogResult,
        GetBinlogLagResult,
        LockBinlogResult,
        BeginTxnResult,
        CommitTxnResult,
        RollbackTxnResult,
        WaitingTxnStatusResult,
        GetMasterTokenResult,
        GetSnapshotResult,
        RestoreSnapshotResult,
        GetMetaResult,
        GetBackendMetaResult,
        IngestBinlogResult,
        QueryIngestBinlogResult
    );
    if let Ok(call) = decode_call(message) {
        drop(decode_args::<GetBinlogRequest>(&call));
        drop(decode_args::<CommitTxnRequest>(&call));
        drop(decode_args::<RestoreSnapshotRequest>(&call));
        drop(decode_args::<GetMetaRequest>(&call));
        drop(decode_args::<IngestBinlogRequest>(&call));
    }
}

fn sample() -> impl Strategy<Value = Bytes> {
    let text = "[a-zA-Z0-9 `'\u{4e00}-\u{4e2f}]{0,20}";
    let binlog = (
        any::<i64>(),
        proptest::option::of(any::<i32>()),
        proptest::option::of(text),
        proptest::collection::vec(any::<i64>(), 0..4),
    )
        .prop_map(|(seq, kind, data, table_ids)| Binlog {
            commit_seq: Some(seq),
            kind: kind.map(BinlogType),
            data,
            table_ids: Some(table_ids),
            ..Binlog::default()
        });
    let binlogs = proptest::collection::vec(binlog, 0..5).prop_map(|binlogs| {
        let result = GetBinlogResult {
            status: Some(Status::new(StatusCode::OK)),
            binlogs: Some(binlogs),
            ..GetBinlogResult::default()
        };
        encode_reply("getBinlog", 3, &result).unwrap()
    });
    let meta = (
        proptest::collection::btree_map(any::<i64>(), any::<i64>(), 0..5),
        text,
        proptest::collection::vec((any::<i64>(), text), 0..4),
    )
        .prop_map(|(dropped, name, tables)| {
            let tables = tables
                .into_iter()
                .map(|(id, name)| {
                    let replica = ReplicaMeta { id: Some(id), backend_id: Some(1), version: Some(2) };
                    let tablet = TabletMeta { id: Some(id), replicas: Some(vec![replica]) };
                    let index = IndexMeta { id: Some(id), name: Some(name.clone()), tablets: Some(vec![tablet]) };
                    let partition = PartitionMeta {
                        id: Some(id),
                        range: Some(name.clone()),
                        indexes: Some(vec![index]),
                        ..PartitionMeta::default()
                    };
                    TableMeta {
                        id: Some(id),
                        name: Some(name),
                        partitions: Some(vec![partition]),
                        ..TableMeta::default()
                    }
                })
                .collect();
            let db_meta = DbMeta {
                name: Some(name),
                tables: Some(tables),
                dropped_table_map: Some(dropped),
                ..DbMeta::default()
            };
            let result =
                GetMetaResult { status: Status::new(StatusCode::OK), db_meta: Some(db_meta), master_address: None };
            encode_reply("getBinlog", 3, &result).unwrap()
        });
    let restore = (proptest::collection::vec(any::<u8>(), 0..200), proptest::collection::btree_map(text, text, 0..4))
        .prop_map(|(meta, properties)| {
            let request = RestoreSnapshotRequest {
                meta: Some(meta.into()),
                properties: Some(properties),
                table_refs: Some(vec![TableRef::default()]),
                ..RestoreSnapshotRequest::default()
            };
            encode_call("restoreSnapshot", 3, &request).unwrap()
        });
    prop_oneof![binlogs, meta, restore]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(message in sample()) {
        if let Ok(call) = decode_call(&message) && call.kind == MessageKind::Call {
            let request: RestoreSnapshotRequest = decode_args(&call).unwrap().unwrap();
            prop_assert_eq!(encode_call("restoreSnapshot", 3, &request).unwrap(), message);
        } else if let Ok(result) = decode_reply::<GetMetaResult>(&message, "getBinlog", 3) && result.db_meta.is_some() {
            prop_assert_eq!(encode_reply("getBinlog", 3, &result).unwrap(), message);
        } else {
            let result: GetBinlogResult = decode_reply(&message, "getBinlog", 3).unwrap();
            prop_assert_eq!(encode_reply("getBinlog", 3, &result).unwrap(), message);
        }
    }

    #[test]
    fn the_scanner_does_not_care_how_bytes_arrive(message in sample(), pieces in proptest::collection::vec(1usize..40, 1..40)) {
        let mut scanner = Scanner::new(Limits::default());
        let (mut arrived, mut pieces) = (0, pieces.into_iter().cycle());
        loop {
            arrived = (arrived + pieces.next().unwrap()).min(message.len());
            match scanner.scan(&message[..arrived]).unwrap() {
                Some(end) => {
                    prop_assert_eq!(end, message.len());
                    break;
                }
                None => prop_assert!(arrived < message.len()),
            }
        }
    }

    #[test]
    fn no_mutation_of_a_message_does_harm(
        message in sample(),
        mutations in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0u8..4), 1..8),
    ) {
        let mut bytes = message.to_vec();
        for (at, value, how) in mutations {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, value),
                _ => { bytes.remove(at); }
            }
        }
        let bytes = Bytes::from(bytes);
        let mut whole = Scanner::new(Limits::default());
        let mut halves = Scanner::new(Limits::default());
        let first = halves.scan(&bytes[..bytes.len() / 2]);
        let last = if let Ok(None) = first { halves.scan(&bytes) } else { first };
        prop_assert_eq!(whole.scan(&bytes), last);
        decode_everything(&bytes);
    }
}
