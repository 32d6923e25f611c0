//! One process of the syncer: its jobs, its way to the network and to the database, and how it dies.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use bytes::Bytes;
use ccr_engine::Job;
use ccr_store::{
    StoreError, StoreErrorKind,
    memory::{MemoryStore, Moment, Operation, OperationKind},
};
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::faults::FaultyNet;

/// A process: dropping the tasks is a kill.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) number: u64,
    /// By table.
    pub(super) jobs: Vec<Option<Job>>,
    pub(super) tasks: JoinSet<()>,
    pub(super) gate: Arc<Gate>,
}

/// What a dead process does not get through any more.
#[derive(Debug, Default)]
pub(super) struct Gate {
    dead: AtomicBool,
    /// Calls until it dies; 0: it does not.
    calls: AtomicI64,
    /// The call at which it dies is executed.
    sends: AtomicBool,
}

impl Gate {
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(super) fn die_at_call(&self, n: i64, sends: bool) {
        self.sends.store(sends, Ordering::Relaxed);
        self.calls.store(n, Ordering::Relaxed);
    }

    pub(super) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }
}

/// The network as one process has it.
#[derive(Debug)]
pub(super) struct ProcessNet {
    pub(super) net: Arc<FaultyNet>,
    pub(super) gate: Arc<Gate>,
}

impl ProcessNet {
    /// A dead process waits for ever.
    async fn pass<T>(&self, call: BoxFuture<'_, Result<T, NetError>>) -> Result<T, NetError> {
        let left = self.gate.calls.load(Ordering::Relaxed);
        let mut dies = false;
        if left > 0 {
            self.gate.calls.store(left - 1, Ordering::Relaxed);
            dies = left == 1;
        }
        if self.gate.is_dead() || dies && !self.gate.sends.load(Ordering::Relaxed) {
            self.gate.die();
            return std::future::pending().await;
        }
        let outcome = call.await;
        if dies {
            self.gate.die();
        }
        if self.gate.is_dead() {
            return std::future::pending().await;
        }
        outcome
    }
}

impl Net for ProcessNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        Box::pin(self.pass(self.net.thrift(to, call)))
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        Box::pin(self.pass(self.net.sql(login, sql)))
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(self.pass(self.net.http_get(to, path_and_query)))
    }
}

/// What befalls the metadata database.
#[derive(Debug, Default)]
pub(super) struct StorePlan {
    state: Mutex<StoreState>,
}

#[derive(Debug, Default)]
struct StoreState {
    /// So many operations fail, and have no effect.
    fail_before: u64,
    /// So many operations fail, and were done.
    fail_after: u64,
    /// At which write of a progress the process dies, and whether before or after it.
    dies_at: Option<(u64, Moment)>,
    gate: Arc<Gate>,
}

impl StorePlan {
    /// The plan of a store.
    pub(super) fn install(store: &MemoryStore) -> Arc<Self> {
        let plan = Arc::new(Self::default());
        let asked = Arc::clone(&plan);
        store.set_fault_hook(move |operation| asked.decide(operation));
        plan
    }

    fn with<T>(&self, f: impl FnOnce(&mut StoreState) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn new_process(&self, gate: &Arc<Gate>) {
        self.with(|state| {
            state.gate = Arc::clone(gate);
            state.dies_at = None;
        });
    }

    pub(super) fn fail(&self, moment: Moment, times: u64) {
        self.with(|state| match moment {
            Moment::Before => state.fail_before += times,
            Moment::After => state.fail_after += times,
        });
    }

    pub(super) fn die_at_persist(&self, nth: u64, moment: Moment) {
        self.with(|state| state.dies_at = Some((nth, moment)));
    }

    pub(super) fn heal(&self) {
        self.with(|state| {
            (state.fail_before, state.fail_after, state.dies_at) = (0, 0, None);
        });
    }

    fn decide(&self, operation: Operation<'_>) -> Option<StoreError> {
        let lost = || StoreError { kind: StoreErrorKind::Unavailable, text: "memory: connection lost".to_owned() };
        self.with(|state| {
            // The database answers others.
            if state.gate.is_dead() {
                return Some(lost());
            }
            if operation.kind == OperationKind::SaveProgress
                && let Some((nth, moment)) = state.dies_at
                && moment == operation.moment
            {
                if nth <= 1 {
                    state.dies_at = None;
                    state.gate.die();
                    return Some(lost());
                }
                state.dies_at = Some((nth - 1, moment));
            }
            let left = match operation.moment {
                Moment::Before => &mut state.fail_before,
                Moment::After => &mut state.fail_after,
            };
            if *left == 0 {
                return None;
            }
            *left -= 1;
            Some(lost())
        })
    }
}
