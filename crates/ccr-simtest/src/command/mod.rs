//! What `ccr-sim` does, one command a file. Data goes to stdout, everything else to stderr.
#![allow(clippy::print_stdout)] // Printing is what this program is for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

pub(crate) mod run;
pub(crate) mod scenarios;

/// Does `work` for every item, on so many threads; the results are in the order of the items. `done` hears of each as it is
/// there.
fn on_threads<I: Sync, R: Send>(
    threads: usize,
    items: &[I],
    work: impl Fn(&I) -> R + Sync,
    done: impl Fn(&R) + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    done(&result);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
