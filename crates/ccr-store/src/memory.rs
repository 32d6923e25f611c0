//! In memory, for simulations and tests: deterministic, without I/O.
//!
//! A process that "restarts" opens the same data again with [`MemoryStore::reopen`]. A [`FaultHook`] sees every operation
//! before and after it and can let it fail.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::rules::Backend;
use crate::{JobRow, Metastore, Result, StoreError, StoreErrorKind};

const MEMORY: Backend = Backend("memory");

/// What a [`FaultHook`] is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    pub kind: OperationKind,
    /// The job, or the syncer of a heartbeat; empty for [`OperationKind::Jobs`].
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
    Heartbeat,
}

impl OperationKind {
    /// Whether it changes rows.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Job | Self::Jobs | Self::Progress)
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
}

#[derive(Default)]
struct Shared {
    tables: Mutex<Tables>,
    hook: Mutex<Option<Arc<FaultHook>>>,
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
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// A new handle on the same data, open even if this one is closed: a restarted process.
    pub fn reopen(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), closed: Arc::default() }
    }

    /// Installs a hook for every handle on this data; replaces the former one.
    pub fn set_fault_hook(&self, hook: impl Fn(Operation<'_>) -> Option<StoreError> + Send + Sync + 'static) {
        *lock(&self.shared.hook) = Some(Arc::new(hook));
    }

    /// Operations succeed again.
    pub fn clear_fault_hook(&self) {
        *lock(&self.shared.hook) = None;
    }

    /// Table `syncers`: host info to the time of the last heartbeat in nanoseconds.
    pub fn syncers(&self) -> BTreeMap<String, i64> {
        lock(&self.shared.tables).syncers.clone()
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
                MEMORY.check_owner(&format!("update job name {name}"), tables.owner(name), owner)?;
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
                    MEMORY.check_owner(&format!("remove job, name: {name}"), Some(found), owner)?;
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
                MEMORY.check_owner(&format!("update progress of job {name}"), tables.owner(name), owner)?;
                tables.progresses.insert(name.to_owned(), document.to_owned());
                Ok(())
            })
        }
        .boxed()
    }

    fn heartbeat<'a>(&'a self, owner: &'a str, now_ns: i64) -> BoxFuture<'a, Result<()>> {
        async move {
            self.run(OperationKind::Heartbeat, owner, |tables| {
                tables.syncers.insert(owner.to_owned(), now_ns);
                Ok(())
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
        crate::contract::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Metastore>).await;
    }

    #[tokio::test]
    async fn a_restarted_process_sees_the_data_and_the_closed_handle_does_not() {
        let first = MemoryStore::new();
        first.add_job(&row()).await.unwrap();
        first.heartbeat("h:1", 7).await.unwrap();
        first.close().await;
        assert_eq!(first.clone().jobs().await.unwrap_err().kind, StoreErrorKind::Unavailable);
        let second = first.reopen();
        assert_eq!(second.jobs().await.unwrap(), [row()]);
        assert_eq!(second.syncers(), BTreeMap::from([("h:1".to_owned(), 7)]));
        second.set_owner("j", "h:2");
        assert_eq!(second.save_progress("j", "h:1", "{}").await.unwrap_err().kind, StoreErrorKind::NotOwner);
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
