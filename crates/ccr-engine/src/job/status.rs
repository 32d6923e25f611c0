//! What others see of a job: a snapshot that can be read at any time, without waiting for anything.

use std::{sync::Arc, time::Duration};

use ccr_store::documents::{ProgressDocument, SubState, SyncState};
use doris::ids::CommitSeq;
use tokio::sync::watch;

use super::{Cause, Counters, TxnPhase};
use crate::{phase::Progress, policy::Failure, tables::Standing};

/// Whether a job moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Moving, caught up, or waiting for its next try.
    Running,
    /// Stopped by an operator.
    Paused,
    /// Stopped by itself: `error` says why and what to do. Resuming tries again.
    Halted,
}

/// A job at one instant.
#[derive(Clone, Debug)]
pub struct JobStatus {
    pub name: String,
    pub run: Run,
    pub sync_state: SyncState,
    pub sub_state: SubState,
    /// Everything up to here is on the destination, durably claimed.
    pub commit_seq: i64,
    /// Everything up to here was accepted by the destination's FE.
    pub committed_seq: i64,
    /// Highest record whose handling began.
    pub last_commit_seq: i64,
    /// The record at which the job does not get on: the lowest one that fails, while it fails.
    pub blocked_seq: Option<i64>,
    /// Why it halted, or the failure that it is trying again after.
    pub error: Option<Failure>,
    /// When the next try begins, milliseconds since the epoch.
    pub next_retry_at_ms: Option<i64>,
    /// Tries in a row that failed.
    pub attempt: u32,
    /// Why the last full copy was made.
    pub full_sync_reason: String,
    /// Why tables were copied again the last time; empty if none were since the last full copy.
    pub partial_sync_reason: String,
    /// Tables whose records are passed over, by name, and why.
    pub quarantined: Vec<(String, Failure)>,
    pub counters: Counters,
}

impl JobStatus {
    /// A job of which nothing is known yet.
    pub fn new(name: &str, run: Run) -> Self {
        Self {
            name: name.to_owned(),
            run,
            sync_state: SyncState::TableFullSync,
            sub_state: SubState::BeginCreateSnapshot,
            commit_seq: 0,
            committed_seq: 0,
            last_commit_seq: 0,
            blocked_seq: None,
            error: None,
            next_retry_at_ms: None,
            attempt: 0,
            full_sync_reason: String::new(),
            partial_sync_reason: String::new(),
            quarantined: Vec::new(),
            counters: Counters::default(),
        }
    }
}

/// The writing side of a status.
#[derive(Debug)]
pub(crate) struct StatusCell {
    sender: Arc<watch::Sender<JobStatus>>,
}

impl StatusCell {
    pub(crate) fn new(sender: watch::Sender<JobStatus>) -> Self {
        Self { sender: Arc::new(sender) }
    }

    /// Another writing side of the same status.
    pub(crate) fn share(&self) -> Self {
        Self { sender: Arc::clone(&self.sender) }
    }

    /// The job stopped by itself.
    pub(crate) fn halted(&self, failure: Failure) {
        self.update(|status| {
            status.run = Run::Halted;
            *status.counters.halts_by.entry(failure.code).or_default() += 1;
            status.error = Some(failure);
            status.next_retry_at_ms = None;
        });
    }

    /// Something is wrong that the job can only wait for.
    pub(crate) fn warn(&self, failure: Failure) {
        self.update(|status| status.error = Some(failure));
    }

    /// A try failed and another one follows.
    pub(crate) fn failed(&self, failure: Failure, next_retry_at_ms: i64, attempt: u32) {
        self.update(|status| {
            *status.counters.retries_by.entry(failure.code).or_default() += 1;
            status.error = Some(failure);
            status.next_retry_at_ms = Some(next_retry_at_ms);
            status.attempt = attempt;
            status.counters.failures += 1;
        });
    }

    pub(crate) fn run(&self) -> Run {
        self.sender.borrow().run
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut JobStatus)) {
        self.sender.send_modify(change);
    }

    /// A reading side.
    pub(crate) fn watch(&self) -> watch::Receiver<JobStatus> {
        self.sender.subscribe()
    }

    /// The run ends because this record fails.
    pub(crate) fn blocked(&self, seq: CommitSeq) {
        self.update(|status| status.blocked_seq = Some(seq.0));
    }

    /// It moves, or is caught up: what failed before is over.
    pub(crate) fn moving(&self) {
        self.sender.send_if_modified(|status| {
            let failed = status.error.is_some() || status.blocked_seq.is_some();
            status.blocked_seq = None;
            status.error = None;
            status.next_retry_at_ms = None;
            status.attempt = 0;
            failed
        });
    }

    /// A phase or stage was entered, or progress was read.
    pub(crate) fn entered(&self, progress: &Progress) {
        self.update(|status| {
            status.sync_state = progress.sync_state();
            status.sub_state = progress.sub_state();
            status.commit_seq = progress.commit_seq.0;
            status.committed_seq = progress.commit_seq.0;
            status.last_commit_seq = progress.last_commit_seq.0;
            progress.full_sync_reason().clone_into(&mut status.full_sync_reason);
            progress.partial_sync_reason().clone_into(&mut status.partial_sync_reason);
            status.quarantined = quarantined(progress);
        });
    }

    /// Progress was read of a job that does not run.
    pub(crate) fn stored(&self, progress: &ProgressDocument) {
        self.update(|status| {
            status.sync_state = progress.sync_state;
            status.sub_state = progress.sub_sync_state;
            status.commit_seq = progress.prev_commit_seq;
            status.committed_seq = progress.prev_commit_seq;
            status.last_commit_seq = progress.last_commit_seq;
            progress.full_sync_info.info.clone_into(&mut status.full_sync_reason);
        });
    }

    pub(crate) fn attempting(&self, seq: CommitSeq) {
        self.update(|status| status.last_commit_seq = status.last_commit_seq.max(seq.0));
    }

    pub(crate) fn committed(&self, seq: CommitSeq, transaction: bool) {
        self.update(|status| {
            status.committed_seq = status.committed_seq.max(seq.0);
            status.counters.records += 1;
            status.counters.transactions += u64::from(transaction);
        });
        self.moving();
    }

    /// A full copy begins.
    pub(crate) fn copying(&self, cause: Cause) {
        self.update(|status| {
            status.counters.full_syncs += 1;
            *status.counters.full_syncs_by.entry(cause).or_default() += 1;
        });
    }

    /// Some tables are copied again.
    pub(crate) fn copying_tables(&self, cause: Cause, tables: usize) {
        self.update(|status| {
            status.counters.partial_syncs += 1;
            status.counters.tables_copied += tables as u64;
            *status.counters.partial_syncs_by.entry(cause).or_default() += 1;
        });
    }

    /// A part of a transaction is over.
    pub(crate) fn phase(&self, phase: TxnPhase, took: Duration) {
        self.measure(|counters| counters.phases.entry(phase).or_default().observe(took));
    }

    /// A record is on the destination, so long after it was planned.
    pub(crate) fn handled(&self, took: Duration) {
        self.measure(|counters| counters.handling.observe(took));
    }

    /// The progress was written.
    pub(crate) fn persisted(&self, took: Duration) {
        self.measure(|counters| counters.persisting.observe(took));
    }

    /// Nobody is woken for a measurement.
    fn measure(&self, change: impl FnOnce(&mut Counters)) {
        self.sender.send_if_modified(|status| {
            change(&mut status.counters);
            false
        });
    }

    pub(crate) fn checkpointed(&self, progress: &Progress) {
        self.update(|status| {
            status.sync_state = progress.sync_state();
            status.commit_seq = progress.commit_seq.0;
            status.counters.checkpoints += 1;
        });
    }
}

fn quarantined(progress: &Progress) -> Vec<(String, Failure)> {
    let tables = progress.own.tables.values();
    tables
        .filter_map(|table| match &table.standing {
            Standing::InStep => None,
            Standing::Quarantined(quarantine) => Some((table.name.clone(), quarantine.failure())),
        })
        .collect()
}
