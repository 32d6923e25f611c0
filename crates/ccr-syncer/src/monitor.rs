//! Four lines in the log every minute: how the process and its jobs are.

use std::{sync::Arc, time::Duration};

use ccr_engine::{JobStatus, Run};
use ccr_store::documents::SyncState;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    host::{self, ProcessUsage},
    manager::Manager,
};

/// The Go program's.
const PERIOD: Duration = Duration::from_secs(60);

/// Writes them until cancelled, the first time after a period.
pub async fn run(manager: Arc<Manager>, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        for line in lines(&manager.statuses(), host::process_usage(), tasks) {
            info!("{line}");
        }
    }
}

/// The form is the Go program's. What it says of its garbage collector has no meaning here and is left out.
fn lines(statuses: &[JobStatus], usage: ProcessUsage, tasks: usize) -> [String; 4] {
    let mib = |bytes: Option<u64>| bytes.unwrap_or_default() >> 20;
    let count = |of: &dyn Fn(&JobStatus) -> bool| statuses.iter().filter(|status| of(status)).count();
    let running =
        |states: &[SyncState]| count(&|status| status.run == Run::Running && states.contains(&status.sync_state));
    let table = [SyncState::TableFullSync, SyncState::TablePartialSync, SyncState::TableIncrementalSync];
    let tables = count(&|status| table.contains(&status.sync_state));
    let full = running(&[SyncState::DBFullSync, SyncState::TableFullSync]);
    let partial = running(&[SyncState::DBPartialSync, SyncState::TablePartialSync]);
    let all = count(&|status| status.run == Run::Running);
    [
        format!("GOROUTINE: Total = {tasks}"),
        format!("MEMORY STATS: Alloc = {} MiB, Sys = {} MiB", mib(usage.anonymous_bytes), mib(usage.virtual_bytes)),
        format!(
            "JOB STATS: Total = {}, Running = {all}, DBSync = {}, TableSync = {tables}",
            statuses.len(),
            statuses.len() - tables
        ),
        format!("JOB STATUS: FullSync = {full}, PartialSync = {partial}, IncrementalSync = {}", all - full - partial),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_counted_by_kind_and_state() {
        let job = |run, sync_state| JobStatus { sync_state, ..JobStatus::new("j", run) };
        let statuses = [
            job(Run::Running, SyncState::TableFullSync),
            job(Run::Paused, SyncState::TableFullSync),
            job(Run::Running, SyncState::DBPartialSync),
            job(Run::Running, SyncState::DBTablesIncrementalSync),
            job(Run::Running, SyncState::TableIncrementalSync),
            job(Run::Halted, SyncState::TableIncrementalSync),
        ];
        let usage = ProcessUsage { anonymous_bytes: Some(5 << 20), ..ProcessUsage::default() };
        assert_eq!(
            lines(&statuses, usage, 7),
            [
                "GOROUTINE: Total = 7",
                "MEMORY STATS: Alloc = 5 MiB, Sys = 0 MiB",
                "JOB STATS: Total = 6, Running = 4, DBSync = 2, TableSync = 4",
                "JOB STATUS: FullSync = 1, PartialSync = 1, IncrementalSync = 2",
            ]
        );
    }
}
