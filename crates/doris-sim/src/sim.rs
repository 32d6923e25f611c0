//! The model behind a lock, with the clock that drives it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::{
    clock::SimClock,
    model::{Model, TxnId, TxnState},
};

/// One simulated cluster. Shared by all of its services; the lock is never held across an await.
#[derive(Debug)]
pub struct Sim {
    model: Mutex<Model>,
    clock: SimClock,
    changed: Notify,
    /// Processes that were killed so far ([`Model::deaths`]).
    deaths: watch::Sender<u64>,
}

impl Sim {
    pub fn new(model: Model, clock: SimClock) -> Self {
        Self { model: Mutex::new(model), clock, changed: Notify::new(), deaths: watch::Sender::new(0) }
    }

    pub fn clock(&self) -> SimClock {
        self.clock
    }

    /// Brings the model to the present, applies `f` to it, and wakes everybody who waits for a change.
    pub fn with<T>(&self, f: impl FnOnce(&mut Model) -> T) -> T {
        let result = self.look(f);
        self.changed.notify_waiters();
        result
    }

    /// As [`Self::with`], for reading: wakes nobody.
    pub fn look<T>(&self, f: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        model.advance(self.clock.now_ms());
        let result = f(&mut model);
        self.deaths.send_if_modified(|deaths| {
            let more = *deaths != model.deaths;
            *deaths = model.deaths;
            more
        });
        result
    }

    /// Waits until `alive` is no more true of the model: what a connection to a process does beside its work.
    pub async fn wait_death(&self, alive: impl Fn(&Model) -> bool) {
        let mut deaths = self.deaths.subscribe();
        while self.look(|model| alive(model)) {
            if deaths.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until `f` has an answer or the clock shows `deadline_ms` (`None` then). Sleeps until the model's next timed
    /// event or the next change by a request.
    pub async fn wait_until<T>(&self, deadline_ms: i64, mut f: impl FnMut(&mut Model) -> Option<T>) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (answer, next) = self.look(|model| (f(model), model.next_event_ms()));
            if answer.is_some() {
                return answer;
            }
            if self.clock.now_ms() >= deadline_ms {
                return None;
            }
            let wake = next.unwrap_or(deadline_ms).min(deadline_ms);
            tokio::select! {
                biased;
                () = changed => {}
                () = tokio::time::sleep_until(self.clock.instant_of(wake)) => {}
            }
        }
    }

    /// Waits until `f` has an answer, however long it takes.
    pub async fn wait<T>(&self, mut f: impl FnMut(&mut Model) -> Option<T>) -> T {
        loop {
            // Far enough to be no limit, near enough for a timer.
            let deadline = self.clock.now_ms().saturating_add(24 * 3_600_000);
            if let Some(answer) = self.wait_until(deadline, &mut f).await {
                return answer;
            }
        }
    }

    /// Waits until a transaction is VISIBLE (`true`), or is aborted, forgotten or late (`false`).
    pub async fn wait_visible(&self, txn: TxnId, deadline_ms: i64) -> bool {
        let answer = self
            .wait_until(deadline_ms, |model| match model.txn(txn).map(|txn| txn.state) {
                Some(TxnState::Visible) => Some(true),
                Some(TxnState::Aborted) | None => Some(false),
                Some(TxnState::Prepare | TxnState::Committed) => None,
            })
            .await;
        answer.unwrap_or(false)
    }
}
