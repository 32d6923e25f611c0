//! This syncer among the others: its lease, its row in table `syncers`, and the jobs that should be here.
//!
//! * *Keeping the lease*: renewed every half second. When it can have ended - by a clock of this machine that never stops - every
//!   job is cut off, and nothing is sent to any cluster ([`Tenure`]); jobs start again when the lease has been acquired anew.
//! * *Coordination*: jobs of syncers that died are taken over, jobs are levelled, what belongs here is started and what does not
//!   is stopped. Every step is an operation of the database that checks again what it needs.

use std::{sync::Arc, time::Duration};

use ccr_store::{ClusterView, LeaseAnswer, StoreError, StoreErrorKind};
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use super::{
    Manager,
    peers::{self, Move, Peers},
    tenure::Tenure,
};
use crate::host::{ProcessName, process_name};

/// How long a lease lasts. With a tick of those who look, and the time that a job needs to start, a takeover is well under 5 s.
const LEASE: Duration = Duration::from_secs(3);
/// What of it is used: clocks of two machines do not run at exactly the same speed.
const USED: Duration = Duration::from_millis(2700);
const TICK: Duration = Duration::from_millis(500);
/// Longest wait for a renewal, so that another one can be tried in time.
const RENEWAL_LIMIT: Duration = Duration::from_secs(1);
/// How often the row in table `syncers` is written; Go peers wait for 12 s.
const STAMP_PERIOD: Duration = Duration::from_secs(4);
/// A Go program's tick, and a second.
const GO_TICK: Duration = Duration::from_secs(6);
/// A stamp older than this is not one of a Go program that runs.
const GO_TIMEOUT_MS: i64 = 12_000;
/// Longest wait at the start for the lease of a process that may be gone.
const JOIN_LIMIT: Duration = Duration::from_secs(10);
const JOIN_PAUSE: Duration = Duration::from_millis(100);
/// Jobs that are moved at the same time.
const MOVES: usize = 16;

/// A syncer that has joined the others.
#[derive(Debug)]
pub struct Membership {
    shared: Arc<Shared>,
    lease_kept: CancellationToken,
    coordinated: CancellationToken,
    tasks: TaskTracker,
    coordination: TaskTracker,
}

#[derive(Debug)]
struct Shared {
    manager: Arc<Manager>,
    tenure: Tenure,
    process: ProcessName,
    /// The lease was acquired anew.
    acquired: Notify,
}

impl Membership {
    /// Acquires the lease of the manager's identity and keeps it. A process that is known to be gone is replaced at once, one that
    /// may live is waited for.
    ///
    /// # Errors
    /// Another process acts as this identity, or the database does not answer.
    pub async fn join(manager: Arc<Manager>, tenure: Tenure) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared { manager, tenure, process: process_name(), acquired: Notify::new() });
        shared.wait_for_go().await?;
        shared.wait_for_lease().await?;
        let (lease_kept, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(Arc::clone(&shared).keep_lease(lease_kept.clone()));
        tasks.spawn(Arc::clone(&shared).watch_tenure(lease_kept.clone()));
        Ok(Self { shared, lease_kept, coordinated: CancellationToken::new(), tasks, coordination: TaskTracker::new() })
    }

    /// From now on, jobs come and go as the database says.
    pub fn coordinate(&self) {
        self.coordination.spawn(Arc::clone(&self.shared).coordinate(self.coordinated.clone()));
    }

    /// Stops all jobs, hands them over to those who are there, and gives the lease back.
    pub async fn leave(self) {
        self.coordinated.cancel();
        self.coordination.close();
        self.coordination.wait().await;
        let manager = &self.shared.manager;
        manager.stop().await;
        self.lease_kept.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = manager.env().store.release_lease().await {
            warn!(%error, "the lease ends by itself");
        }
        self.shared.tenure.end();
    }
}

impl Shared {
    fn me(&self) -> &str {
        &self.manager.env().owner
    }

    fn store(&self) -> &dyn ccr_store::Metastore {
        &*self.manager.env().store
    }

    /// A Go program that runs as this identity writes its row every 5 s. If its last one is fresh, the next one is waited for.
    async fn wait_for_go(&self) -> Result<(), StoreError> {
        let foreign = |view: &ClusterView| {
            let stamp = *view.syncers.get(self.me())?;
            peers::is_foreign(stamp, view.leases.get(self.me())).then_some(stamp)
        };
        let view = self.store().view().await?;
        let Some(first) = foreign(&view) else { return Ok(()) };
        if view.now_ms.saturating_sub(first / 1_000_000) > GO_TIMEOUT_MS {
            return Ok(());
        }
        info!(
            "table syncers has a fresh row of {}: looking for {} s whether somebody still writes it",
            self.me(),
            GO_TICK.as_secs()
        );
        let end = self.tenure.now() + GO_TICK;
        while self.tenure.now() < end {
            tokio::time::sleep(JOIN_PAUSE).await;
            if foreign(&self.store().view().await?).is_some_and(|stamp| stamp != first) {
                return Err(self.taken("a Go syncer"));
            }
        }
        Ok(())
    }

    async fn wait_for_lease(&self) -> Result<(), StoreError> {
        let end = self.tenure.now() + JOIN_LIMIT;
        // When the lease that is in the way ends, by our clock, as it was when it was first seen.
        let mut seen: Option<(i64, Duration)> = None;
        loop {
            let Some(lease) = self.acquire().await? else { return Ok(()) };
            let now = self.tenure.now();
            let remaining = Duration::from_millis(u64::try_from(lease.remaining_ms).unwrap_or_default());
            let ends = now + remaining;
            match seen {
                Some((epoch, first)) if epoch == lease.epoch && ends > first + TICK / 2 => {
                    return Err(self.taken(&format!("process {}", lease.process)));
                }
                Some((epoch, _)) if epoch == lease.epoch => {}
                _ => seen = Some((lease.epoch, ends)),
            }
            if now > end {
                return Err(self.taken(&format!("process {}", lease.process)));
            }
            tokio::time::sleep(JOIN_PAUSE).await;
        }
    }

    fn taken(&self, by: &str) -> StoreError {
        StoreError {
            kind: StoreErrorKind::NotOwner,
            text: format!(
                "{by} runs as {} on this database: give every syncer a -host and -port of its own",
                self.me()
            ),
        }
    }

    /// Acquires the lease; otherwise the one that is in the way.
    async fn acquire(&self) -> Result<Option<ccr_store::Lease>, StoreError> {
        let mut gone: Option<String> = None;
        loop {
            let begun = self.tenure.now();
            let answer = self.store().acquire_lease(self.me(), self.process.text(), gone.as_deref(), LEASE).await?;
            match answer {
                LeaseAnswer::Granted { epoch } => {
                    self.tenure.extend(begun + USED);
                    info!(epoch, "this syncer is {} from now on", self.me());
                    return Ok(None);
                }
                LeaseAnswer::Held(lease)
                    if gone.as_deref() != Some(&lease.process) && self.process.sees_gone(&lease.process) =>
                {
                    info!("process {} is gone: its lease is not waited for", lease.process);
                    gone = Some(lease.process);
                }
                LeaseAnswer::Held(lease) => return Ok(Some(lease)),
            }
        }
    }

    async fn keep_lease(self: Arc<Self>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let begun = self.tenure.now();
            let renewed = tokio::time::timeout(RENEWAL_LIMIT, self.store().renew_lease(LEASE)).await;
            let failure = match renewed {
                Ok(Ok(())) => {
                    self.tenure.extend(begun + USED);
                    self.go_on();
                    failing = false;
                    continue;
                }
                Ok(Err(error)) if error.kind == StoreErrorKind::NotOwner => {
                    self.tenure.end();
                    self.suspend("the lease has ended").await;
                    match self.acquire().await {
                        Ok(None) => {
                            self.go_on();
                            failing = false;
                            continue;
                        }
                        Ok(Some(lease)) => self.taken(&format!("process {}", lease.process)).to_string(),
                        Err(error) => error.to_string(),
                    }
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} ms", RENEWAL_LIMIT.as_millis()),
            };
            if !failing {
                error!("checker failed, host info: {}, err: {failure}", self.me());
            }
            failing = true;
        }
    }

    /// Cuts the jobs off when the lease can have ended, whatever the renewal waits for.
    async fn watch_tenure(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            // The wait is by another clock than the tenure: never longer than a tick.
            let remaining = self.tenure.remaining();
            let wait = if remaining.is_zero() { TICK } else { TICK.min(remaining + Duration::from_millis(1)) };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            if !self.tenure.holds() {
                self.suspend("the metadata database does not answer").await;
            }
        }
    }

    async fn suspend(&self, why: &str) {
        let jobs = self.manager.suspend().await;
        if jobs > 0 {
            warn!("{jobs} jobs are cut off: {why}; they go on by themselves");
        }
    }

    fn go_on(&self) {
        if self.tenure.holds() && self.manager.go_on() {
            self.acquired.notify_one();
        }
    }

    async fn coordinate(self: Arc<Self>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut peers, mut stamped, mut failing) = (Peers::default(), None, false);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = self.acquired.notified() => {}
                _ = ticks.tick() => {}
            }
            if !self.tenure.holds() {
                continue;
            }
            match self.round(&mut peers, &mut stamped).await {
                Ok(()) => failing = false,
                Err(error) => {
                    if !failing {
                        error!("checker failed, host info: {}, err: {error}", self.me());
                    }
                    failing = true;
                }
            }
        }
    }

    /// One look at the database, and what follows from it.
    async fn round(&self, peers: &mut Peers, stamped: &mut Option<(i64, Duration)>) -> Result<(), StoreError> {
        let mut view = self.store().view().await?;
        self.manager.reconcile_with(&view).await?;
        let now = self.tenure.now();
        let look = peers.look(&view, self.me(), now);

        let due = stamped.is_none_or(|(stamp, at)| {
            now.saturating_sub(at) >= STAMP_PERIOD || view.syncers.get(self.me()) != Some(&stamp)
        });
        if due {
            // A Go peer whose clock is ahead must not take this syncer for dead.
            let stamp = look.go_stamp_ns.unwrap_or_default().max(view.now_ms.saturating_mul(1_000_000));
            self.store().stamp(stamp).await?;
            *stamped = Some((stamp, now));
        }

        let (own, others): (Vec<Move>, Vec<Move>) =
            peers::takeovers(&view, &look).into_iter().partition(|planned| planned.to == self.me());
        let planned = own.len() + others.len();
        for Move { job, from, to } in own.into_iter().chain(others) {
            if self.store().take_job(&job, &from, &to).await? {
                info!(job, "moved from {from}, which is dead, to {to}");
            }
        }
        if planned > 0 {
            view = self.store().view().await?;
            self.manager.reconcile_with(&view).await?;
        }
        for host in &look.dead {
            if view.owners.values().all(|owner| owner != host)
                && let Some(stamp) = view.syncers.get(host)
                && self.store().forget_syncer(host, *stamp).await?
            {
                info!("removed the row of {host}, which is dead, from table syncers");
            }
        }
        if planned == 0 {
            let moves = peers::levelling(&view, &look).into_iter().filter(|planned| planned.from == self.me());
            // Those that are under way are planned again, and found to be leaving.
            for Move { job, to, .. } in moves.take(MOVES) {
                self.manager.hand_over_soon(job, to);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
