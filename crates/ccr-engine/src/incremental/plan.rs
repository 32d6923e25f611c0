//! What a record means for the destination: nothing, one transaction, a new copy, or a stop.

use doris::{Dest, Source, binlog::Upsert, cluster::Binlog, ids::*, rpc::BinlogType};

use super::{Exit, Shared};
use crate::{
    ledger::{Continuity, Gap, Touched},
    mapping::TabletPair,
    policy::{Code, Failure},
};

/// What is to be done for one record.
#[derive(Debug)]
pub(super) enum Planned {
    /// Nothing of this record concerns the table.
    Nothing(CommitSeq),
    /// One transaction.
    Txn(TxnPlan),
}

impl Planned {
    pub(super) fn seq(&self) -> CommitSeq {
        match self {
            Self::Nothing(seq) => *seq,
            Self::Txn(plan) => plan.seq,
        }
    }
}

/// Everything one destination transaction consists of.
#[derive(Debug)]
pub(super) struct TxnPlan {
    pub seq: CommitSeq,
    /// Versions that the source transaction gave to partitions.
    pub touched: Touched,
    /// One entry per bucket of each index of each touched partition: complete, or Doris would commit less without a word.
    pub tablets: Vec<TabletPlan>,
}

#[derive(Debug)]
pub(super) struct TabletPlan {
    pub version: Version,
    pub dest_partition: PartitionId<Dest>,
    pub pair: TabletPair,
}

/// Why a record cannot be planned as things stand.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A transaction of a partition is missing before this record.
    Gap(Gap),
    /// The cached metadata does not know an object that the record names.
    StaleMapping(String),
    /// Another way out of the pipeline.
    Exit(Exit),
}

/// Plans one record. `continuity` moves on only if the record is planned.
pub(super) fn plan(shared: &Shared, record: &Binlog, continuity: &mut Continuity) -> Result<Planned, Refusal> {
    match record.kind {
        BinlogType::UPSERT => plan_upsert(shared, record, continuity),
        // The mark of a backup, ours included.
        BinlogType::BARRIER => plan_barrier(record),
        BinlogType::DUMMY => Err(Refusal::Exit(Exit::FullSync {
            reason: format!("the source collected the binlog up to {} before it was read", record.seq),
        })),
        kind if kind < BinlogType::MIN_UNKNOWN => Err(Refusal::Exit(Exit::FullSync {
            reason: format!("record {} ({kind}) changes the table; it is copied again", record.seq),
        })),
        kind => Err(Refusal::Exit(Exit::Halted(Failure::new(
            Code::UNSUPPORTED_BINLOG,
            format!("record {} has type {kind}, which this version does not know", record.seq),
            "upgrade the syncer, or copy the table again (/force_fullsync) once the record is past",
        )))),
    }
}

/// An empty barrier is the mark of a backup. One that wraps a record (older Doris) changes the table.
fn plan_barrier(record: &Binlog) -> Result<Planned, Refusal> {
    let wraps =
        doris::binlog::Barrier::parse(&record.data).map_err(|e| bad_record(record, &e.to_string()))?.is_wrapper();
    if wraps {
        return Err(Refusal::Exit(Exit::FullSync {
            reason: format!(
                "record {} (BARRIER around another record) changes the table; it is copied again",
                record.seq
            ),
        }));
    }
    Ok(Planned::Nothing(record.seq))
}

fn plan_upsert(shared: &Shared, record: &Binlog, continuity: &mut Continuity) -> Result<Planned, Refusal> {
    let upsert = Upsert::parse(&record.data).map_err(|e| bad_record(record, &e.to_string()))?;
    // Records of an empty transaction, or whose table was dropped meanwhile, name no table.
    let Some(table) = upsert.tables.get(&shared.mapping.source) else { return Ok(Planned::Nothing(record.seq)) };
    if !upsert.stids.is_empty() {
        return Err(Refusal::Exit(Exit::FullSync {
            reason: format!("record {} is a transaction of several statements; the table is copied again", record.seq),
        }));
    }
    let mut touched = Touched::new();
    let mut tablets = Vec::new();
    for partition in table.partitions.iter().filter(|p| !p.is_temp) {
        let known = shared.mapping.partitions.get(&partition.id);
        let Some(mapping) = known.filter(|_| shared.ledger.get(partition.id).is_some()) else {
            return Err(Refusal::StaleMapping(format!("partition {} ({})", partition.id, partition.range)));
        };
        touched.push((partition.id, partition.version));
        let indexes: Vec<IndexId<Source>> = match &table.index_ids {
            Some(named) => named.clone(),
            // A transaction that was itself replicated names no indexes: it means all of them.
            None => mapping.indexes.keys().copied().collect(),
        };
        for index in indexes {
            let Some(pairs) = mapping.indexes.get(&index) else {
                return Err(Refusal::StaleMapping(format!("index {index} of partition {}", partition.id)));
            };
            tablets.extend(pairs.iter().map(|pair| TabletPlan {
                version: partition.version,
                dest_partition: mapping.dest,
                pair: pair.clone(),
            }));
        }
    }
    if touched.is_empty() {
        return Ok(Planned::Nothing(record.seq));
    }
    continuity.advance(&touched).map_err(Refusal::Gap)?;
    Ok(Planned::Txn(TxnPlan { seq: record.seq, touched, tablets }))
}

fn bad_record(record: &Binlog, why: &str) -> Refusal {
    Refusal::Exit(Exit::Halted(Failure::new(
        Code::BAD_BINLOG,
        format!("record {} ({}) cannot be understood: {why}", record.seq, record.kind),
        "report it with the record; the table can be copied again with /force_fullsync",
    )))
}
