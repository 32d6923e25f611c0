//! Switches with which a test makes a job fail. They live in the memory of the process; only tests set them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Every record of the job fails before anything is done for it.
pub const HANDLE_BINLOG_FAILED: &str = "handle_binlog_failed";

/// The failpoints of all jobs, also of jobs that do not exist. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Failpoints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Nothing is looked up while no test asked for it.
    enabled: AtomicBool,
    points: Mutex<BTreeMap<(String, String), String>>,
}

impl Failpoints {
    /// Sets a failpoint of a job. Whatever the value, it is set.
    pub fn set(&self, job: &str, point: &str, value: String) {
        self.lock().insert((job.to_owned(), point.to_owned()), value);
        self.0.enabled.store(true, Ordering::Relaxed);
    }

    /// Takes a failpoint of a job back.
    pub fn remove(&self, job: &str, point: &str) {
        self.lock().remove(&(job.to_owned(), point.to_owned()));
    }

    /// None works until another one is set; then those that were set before do, too.
    pub fn disable(&self) {
        self.0.enabled.store(false, Ordering::Relaxed);
    }

    /// Whether a failpoint of a job is set.
    pub fn is_set(&self, job: &str, point: &str) -> bool {
        self.0.enabled.load(Ordering::Relaxed) && self.lock().contains_key(&(job.to_owned(), point.to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        // Every change is one insertion or removal.
        self.0.points.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failpoint_is_of_one_job_and_comes_back_with_the_next_one() {
        let points = Failpoints::default();
        let set = |job| points.clone().is_set(job, HANDLE_BINLOG_FAILED);
        assert!(!set("a"));
        points.set("a", HANDLE_BINLOG_FAILED, "false".to_owned());
        assert!(set("a") && !set("b"));
        points.disable();
        assert!(!set("a"));
        points.set("b", "another", "true".to_owned());
        assert!(set("a") && !set("b"));
        points.remove("a", HANDLE_BINLOG_FAILED);
        assert!(!set("a"));
    }
}
