//! What real FEs answered, decoded with our types. The recordings do not belong to this repository: the folder is named by
//! `DORIS_CAPTURES` (by default `../shared/captures` beside the checkout); without it the test says so and passes.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::thrift::{Method, Wire, decode_args, decode_call, decode_reply, encode_call, encode_reply};

#[test]
fn recorded_calls_and_replies_are_understood_to_the_byte() {
    let folder = std::env::var_os("DORIS_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"), PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: no recordings at {}", folder.display());
        return;
    }
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in recordings(&folder) {
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for (at, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
            let Some(method) = step["rpc"].as_str() else { continue };
            let counts = counts.entry(method.to_owned()).or_default();
            if let Err(problem) = check_step(method, step, counts) {
                problems.push(format!("{} step {at} {method}: {problem}", file.display()));
            }
        }
    }
    println!(
        "{:<16} {:>8} {:>8} {:>10} {:>10} {:>9}",
        "method", "calls", "replies", "map order", "exceptions", "no bytes"
    );
    for (method, Counts { calls, replies, map_order, exceptions, bare }) in &counts {
        println!("{method:<16} {calls:>8} {replies:>8} {map_order:>10} {exceptions:>10} {bare:>9}");
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(counts.values().map(|c| c.replies).sum::<usize>() > 0, "no reply was found in {}", folder.display());
}

#[derive(Default)]
struct Counts {
    calls: usize,
    replies: usize,
    /// Replies whose bytes differ from ours in the order of map entries only: a Java hash map has its own.
    map_order: usize,
    exceptions: usize,
    /// Blobs of many kilobytes were recorded as objects, without their bytes; a few calls never left their recorder.
    bare: usize,
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(recordings(&path));
        } else if path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn check_step(method: &str, step: &Value, counts: &mut Counts) -> Result<(), String> {
    match method {
        "getBinlog" => check::<GetBinlog>(step, counts),
        "getBinlogLag" => check::<GetBinlogLag>(step, counts),
        "lockBinlog" => check::<LockBinlog>(step, counts),
        "beginTxn" => check::<BeginTxn>(step, counts),
        "commitTxn" => check::<CommitTxn>(step, counts),
        "rollbackTxn" => check::<RollbackTxn>(step, counts),
        "waitingTxnStatus" => check::<WaitingTxnStatus>(step, counts),
        "getMasterToken" => check::<GetMasterToken>(step, counts),
        "getSnapshot" => check::<GetSnapshot>(step, counts),
        "restoreSnapshot" => check::<RestoreSnapshot>(step, counts),
        "getMeta" => check::<GetMeta>(step, counts),
        "getBackendMeta" => check::<GetBackendMeta>(step, counts),
        other => Err(format!("no such method here: {other}")),
    }
}

/// A call must come out of its bytes as recorded and go back to the same bytes; so must its reply.
fn check<M: Method>(step: &Value, counts: &mut Counts) -> Result<(), String> {
    let hex = |key: &str| step[key].as_str().filter(|text| !text.is_empty());
    let (Some(request), answer) = (hex("request_hex"), hex("answer_hex")) else {
        counts.bare += 1;
        return Ok(());
    };
    let bytes = unhex(request);
    let call = decode_call(&bytes).map_err(|e| e.to_string())?;
    if call.name != M::NAME {
        return Err(format!("the call is to {}", call.name));
    }
    if let Some(decoded) = decode_args::<M::Request>(&call).map_err(|e| format!("request: {e}"))? {
        same("request", &step["request"], &decoded.to_json())?;
        let from_json = M::Request::from_json(&step["request"]).map_err(|e| e.to_string())?;
        if encode_call(M::NAME, call.seq, &from_json).map_err(|e| e.to_string())? != bytes {
            return Err("the recorded request is encoded to other bytes".to_owned());
        }
        if encode_call(M::NAME, call.seq, &decoded).map_err(|e| e.to_string())? != bytes {
            return Err("the request is encoded to other bytes".to_owned());
        }
    }
    counts.calls += 1;
    let Some(answer) = answer else {
        counts.bare += 1;
        return Ok(());
    };
    let bytes = unhex(answer);
    match decode_reply::<M::Reply>(&bytes, M::NAME, call.seq) {
        Ok(reply) => {
            same("answer", &step["answer"], &reply.to_json())?;
            counts.replies += 1;
            let again = encode_reply(M::NAME, call.seq, &reply).map_err(|e| e.to_string())?;
            if again != bytes {
                let sorted = |bytes: &Bytes| {
                    let mut bytes = bytes.to_vec();
                    bytes.sort_unstable();
                    bytes
                };
                if sorted(&again) != sorted(&bytes) {
                    return Err("the reply is encoded to other bytes".to_owned());
                }
                counts.map_order += 1;
            }
            Ok(())
        }
        Err(crate::thrift::ThriftError::Application { text, .. }) => {
            counts.exceptions += 1;
            match step["answer"]["message"].as_str() {
                Some(recorded) if recorded == text => Ok(()),
                recorded => Err(format!("exception {text:?} instead of {recorded:?}")),
            }
        }
        Err(error) => Err(format!("reply: {error}")),
    }
}

fn same(what: &str, recorded: &Value, decoded: &Value) -> Result<(), String> {
    let recorded = without_nulls(recorded);
    if recorded == *decoded {
        return Ok(());
    }
    let short = |value: &Value| value.to_string().chars().take(400).collect::<String>();
    Err(format!("{what}: recorded {} decoded {}", short(&recorded), short(decoded)))
}

/// The recordings leave unset fields out or write null.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
