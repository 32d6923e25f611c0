//! In memory, for simulations and tests: deterministic, without I/O.
//!
//! A process that "restarts" opens the same data again with [`MemoryStore::reopen`]. A [`FaultHook`] sees every operation
//! before and after it and can let it fail.

mod leases;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use tokio::time::Instant;

use crate::rules::{Backend, Fence};
use crate::{ClusterView, JobRow, LeaseAnswer, Metastore, Result, StoreError, StoreErrorKind};

const MEMORY: Backend = Backend("memory");

/// What a [`FaultHook`] is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    pub kind: OperationKind,
    /// The job, or the identity of a syncer; empty for [`OperationKind::Jobs`] and [`OperationKind::View`].
    pub name: &'a str,
    pub moment: Moment,
}

/// The methods of [`Metastore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    AddJob,
    UpdateJob,
    RemoveJob,
    Job,
    Jobs,
    Progress,
    SaveProgress,
    AcquireLease,
    RenewLease,
    Stamp,
    ReleaseLease,
    View,
    TakeJob,
    GiveJob,
    ForgetSyncer,
}

impl OperationKind {
    /// Whether it changes rows.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Job | Self::Jobs | Self::Progress | Self::View)
    }
}

/// When a [`FaultHook`] is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An error now leaves the data as it is.
    Before,
    /// The operation succeeded; an error now is a lost answer.
    After,
}

/// Gives the error with which an operation is to fail.
pub type FaultHook = dyn Fn(Operation<'_>) -> Option<StoreError> + Send + Sync;

/// A metadata database in memory. Clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    closed: Arc<AtomicBool>,
    fence: Arc<Fence>,
}

/// 2026-01-01 00:00:00 UTC: when every database in memory begins, milliseconds since the epoch.
const BEGIN_MS: i64 = 1_767_225_600_000;

struct Shared {
    begin: Instant,
    offset_ms: AtomicI64,
    tables: Mutex<Tables>,
    hook: Mutex<Option<Arc<FaultHook>>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { begin: Instant::now(), offset_ms: AtomicI64::new(0), tables: Mutex::default(), hook: Mutex::default() }
    }
}

impl Shared {
    fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX - BEGIN_MS);
        BEGIN_MS + elapsed + self.offset_ms.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Tables {
    /// Document and owner by name.
    jobs: BTreeMap<String, (String, String)>,
    progresses: BTreeMap<String, String>,
    syncers: BTreeMap<String, i64>,
    leases: BTreeMap<String, leases::Row>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// A new handle on the same data, open even if this one is closed: a restarted process.
    pub fn reopen(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), closed: Arc::default(), fence: Arc::default() }
    }

    /// Sets the database's clock forward or back.
    pub fn skew_clock_ms(&self, by_ms: i64) {
        self.shared.offset_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Installs a hook for every handle on this data; replaces the former one.
    pub fn set_fault_hook(&self, hook: impl Fn(Operation<'_>) -> Option<StoreError> + Send + Sync + 'static) {
        *lock(&self.shared.hook) = Some(Arc::new(hook));
    }

    /// Operations succeed again.
    pub fn clear_fault_hook(&self) {
        *lock(&self.shared.hook) = None;
    }

    /// Table `syncers`: identity to stamp in nanoseconds.
    pub fn syncers(&self) -> BTreeMap<String, i64> {
        lock(&self.shared.tables).syncers.clone()
    }

    /// Writes a row of table `syncers`, as a Go program does.
    pub fn set_syncer(&self, host: &str, stamp_ns: i64) {
        lock(&self.shared.tables).syncers.insert(host.to_owned(), stamp_ns);
    }

    /// Gives a job to another owner, as a rebalancing peer does. Nothing if there is no such job.
    pub fn set_owner(&self, name: &str, owner: &str) {
        if let Some(job) = lock(&self.shared.tables).jobs.get_mut(name) {
            owner.clone_into(&mut job.1);
        }
    }

    fn run<T>(&self, kind: OperationKind, name: &str, operation: impl FnOnce(&mut Tables) -> Result<T>) -> Result<T> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError {
                kind: StoreErrorKind::Unavailable,
                text: "memory: the database is closed".to_owned(),
            });
        }
        self.ask(Operation { kind, name, moment: Moment::Before })?;
        let value = operation(&mut lock(&self.shared.tables))?;
        self.ask(Operation { kind, name, moment: Moment::After })?;
        Ok(value)
    }

    /// Owner and epoch of the lease that this handle acquired.
    fn held(&self, doing: &str) -> Result<(String, i64)> {
        self.fence.get().ok_or_else(|| MEMORY.no_lease(doing))
    }

    /// The hook runs without a lock held: it may use the store.
    fn ask(&self, operation: Operation<'_>) -> Result<()> {
        let hook = lock(&self.shared.hook).clone();
        hook.and_then(|hook| hook(operation)).map_or(Ok(()), Err)
    }
}

/// No operation leaves the tables half changed, so a panic elsewhere does not make them unusable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tables {
    fn owner(&self, name: &str) -> Option<&str> {
        self.jobs.get(name).map(|job| job.1.as_str())
    }
}

impl Metastore for MemoryStore {
    fn add_job<'a>(&'a self, row: &'a JobRow) -> BoxFuture<'a, Result<()>> {
        async move {
            self.run(OperationKind::AddJob, &row.name, |tables| {
                if tables.jobs.contains_key(&row.name) {
                    return Err(MEMORY.exists(&row.name));
                }
                tables.jobs.insert(row.name.clone(), (row.document.clone(), row.owner.clone()));
                tables.progresses.remove(&row.name);
                Ok(())
            })
        }
        .boxed()
    }

    fn update_job<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            self.run(OperationKind::UpdateJob, name, |tables| {
                let doing = format!("update job name {name}");
                MEMORY.check_owner(&doing, tables.owner(name), owner)?;
                tables.check_lease(MEMORY, &doing, owner, self.fence.epoch(owner), self.shared.now_ms())?;
                tables.jobs.insert(name.to_owned(), (document.to_owned(), owner.to_owned()));
                Ok(())
            })
        }
        .boxed()
    }

    fn remove_job<'a>(&'a self, name: &'a str, owner: Option<&'a str>) -> BoxFuture<'a, Result<()>> {
        async move {
            self.run(OperationKind::RemoveJob, name, |tables| {
                if let (Some(owner), Some(found)) = (owner, tables.owner(name)) {
                    let doing = format!("remove job, name: {name}");
                    MEMORY.check_owner(&doing, Some(found), owner)?;
                    tables.check_lease(MEMORY, &doing, owner, self.fence.epoch(owner), self.shared.now_ms())?;
                }
                tables.jobs.remove(name);
                tables.progresses.remove(name);
                Ok(())
            })
        }
        .boxed()
    }

    fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<JobRow>>> {
        async move { self.run(OperationKind::Job, name, |tables| Ok(tables.jobs.get_key_value(name).map(job_row))) }
            .boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Vec<JobRow>>> {
        async move { self.run(OperationKind::Jobs, "", |tables| Ok(tables.jobs.iter().map(job_row).collect())) }.boxed()
    }

    fn progress<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        async move { self.run(OperationKind::Progress, name, |tables| Ok(tables.progresses.get(name).cloned())) }
            .boxed()
    }

    fn save_progress<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            self.run(OperationKind::SaveProgress, name, |tables| {
                let doing = format!("update progress of job {name}");
                MEMORY.check_owner(&doing, tables.owner(name), owner)?;
                tables.check_lease(MEMORY, &doing, owner, self.fence.epoch(owner), self.shared.now_ms())?;
                tables.progresses.insert(name.to_owned(), document.to_owned());
                Ok(())
            })
        }
        .boxed()
    }

    fn acquire_lease<'a>(
        &'a self,
        owner: &'a str,
        process: &'a str,
        ended: Option<&'a str>,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<LeaseAnswer>> {
        async move {
            let answer = self.run(OperationKind::AcquireLease, owner, |tables| {
                MEMORY.check_identity(owner)?;
                Ok(tables.acquire(owner, process, ended, ttl, self.shared.now_ms()))
            })?;
            if let LeaseAnswer::Granted { epoch } = answer {
                self.fence.set(owner, epoch);
            }
            Ok(answer)
        }
        .boxed()
    }

    fn renew_lease(&self, ttl: Duration) -> BoxFuture<'_, Result<()>> {
        async move {
            let (owner, epoch) = self.held("refresh syncer")?;
            self.run(OperationKind::RenewLease, &owner, |tables| {
                let now_ms = self.shared.now_ms();
                tables.check_lease(MEMORY, "refresh syncer", &owner, epoch, now_ms)?;
                tables.renew(&owner, ttl, now_ms);
                Ok(())
            })
        }
        .boxed()
    }

    fn stamp(&self, stamp_ns: i64) -> BoxFuture<'_, Result<()>> {
        async move {
            let (owner, epoch) = self.held("refresh syncer")?;
            self.run(OperationKind::Stamp, &owner, |tables| {
                tables.check_lease(MEMORY, "refresh syncer", &owner, epoch, self.shared.now_ms())?;
                tables.stamp(&owner, stamp_ns);
                Ok(())
            })
        }
        .boxed()
    }

    fn release_lease(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let Some((owner, epoch)) = self.fence.get() else { return Ok(()) };
            self.run(OperationKind::ReleaseLease, &owner, |tables| {
                tables.release(&owner, epoch);
                Ok(())
            })
        }
        .boxed()
    }

    fn view(&self) -> BoxFuture<'_, Result<ClusterView>> {
        async move { self.run(OperationKind::View, "", |tables| Ok(tables.view(self.shared.now_ms()))) }.boxed()
    }

    fn take_job<'a>(&'a self, name: &'a str, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            self.run(OperationKind::TakeJob, name, |tables| {
                Ok(tables.move_job(name, from, to, false, self.shared.now_ms()))
            })
        }
        .boxed()
    }

    fn give_job<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            let doing = format!("move job {name} to {to}");
            let (owner, epoch) = self.held(&doing)?;
            self.run(OperationKind::GiveJob, name, |tables| {
                let now_ms = self.shared.now_ms();
                Ok(tables.check_lease(MEMORY, &doing, &owner, epoch, now_ms).is_ok()
                    && tables.move_job(name, &owner, to, true, now_ms))
            })
        }
        .boxed()
    }

    fn forget_syncer<'a>(&'a self, host: &'a str, stamp_ns: i64) -> BoxFuture<'a, Result<bool>> {
        async move {
            self.run(OperationKind::ForgetSyncer, host, |tables| {
                Ok(tables.forget(host, stamp_ns, self.shared.now_ms()))
            })
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move { self.closed.store(true, Ordering::SeqCst) }.boxed()
    }
}

fn job_row((name, (document, owner)): (&String, &(String, String))) -> JobRow {
    JobRow { name: name.clone(), document: document.clone(), owner: owner.clone() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn row() -> JobRow {
        JobRow { name: "j".to_owned(), document: "{}".to_owned(), owner: "h:1".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn passes_the_contract() {
        let databases = Mutex::new(BTreeMap::<usize, MemoryStore>::new());
        crate::contract::run(async |database| {
            let store = lock(&databases).entry(database).or_default().reopen();
            Arc::new(store) as Arc<dyn Metastore>
        })
        .await;
    }

    #[tokio::test]
    async fn a_restarted_process_sees_the_data_and_the_closed_handle_does_not() {
        let first = MemoryStore::new();
        first.add_job(&row()).await.unwrap();
        first.acquire_lease("h:1", "p", None, Duration::from_secs(3)).await.unwrap();
        first.stamp(7).await.unwrap();
        first.close().await;
        assert_eq!(first.clone().jobs().await.unwrap_err().kind, StoreErrorKind::Unavailable);
        let second = first.reopen();
        assert_eq!(second.jobs().await.unwrap(), [row()]);
        assert_eq!(second.syncers(), BTreeMap::from([("h:1".to_owned(), 7)]));
        second.set_owner("j", "h:2");
        assert_eq!(second.save_progress("j", "h:1", "{}").await.unwrap_err().kind, StoreErrorKind::NotOwner);
    }

    /// A database whose clock jumps: leases of the other time have ended, none lasts longer than it should.
    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_ends_every_lease() {
        let ttl = Duration::from_secs(3);
        for jump_ms in [3_600_000, -3_600_000] {
            let store = MemoryStore::new();
            let other = store.reopen();
            let granted = |answer| match answer {
                LeaseAnswer::Granted { epoch } => epoch,
                LeaseAnswer::Held(lease) => panic!("{lease:?}"),
            };
            store.add_job(&row()).await.unwrap();
            let epoch = granted(store.acquire_lease("h:1", "p", None, ttl).await.unwrap());
            store.skew_clock_ms(jump_ms);
            assert!(!store.view().await.unwrap().leases["h:1"].is_alive());
            assert_eq!(store.save_progress("j", "h:1", "{}").await.unwrap_err().kind, StoreErrorKind::NotOwner);
            assert_eq!(store.renew_lease(ttl).await.unwrap_err().kind, StoreErrorKind::NotOwner);
            assert!(granted(other.acquire_lease("h:1", "q", None, ttl).await.unwrap()) > epoch);
            assert_eq!(store.save_progress("j", "h:1", "{}").await.unwrap_err().kind, StoreErrorKind::NotOwner);
            other.save_progress("j", "h:1", "{}").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_hook_fails_an_operation_before_or_after_it_happened() {
        let store = MemoryStore::new();
        let lost = || StoreError { kind: StoreErrorKind::Unavailable, text: "memory: lost".to_owned() };
        let calls = Arc::new(AtomicUsize::new(0));
        for (moment, happened) in [(Moment::Before, false), (Moment::After, true)] {
            let calls = Arc::clone(&calls);
            store.set_fault_hook(move |operation| {
                calls.fetch_add(1, Ordering::SeqCst);
                let hit = operation.kind.is_write() && operation.name == "j" && operation.moment == moment;
                hit.then(lost)
            });
            assert_eq!(store.add_job(&row()).await.unwrap_err(), lost());
            assert_eq!(store.job("j").await.unwrap().is_some(), happened);
        }
        store.clear_fault_hook();
        let seen = calls.load(Ordering::SeqCst);
        store.remove_job("j", None).await.unwrap();
        assert_eq!((seen, calls.load(Ordering::SeqCst)), (7, 7));
    }
}
