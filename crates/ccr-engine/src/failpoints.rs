//! Switches with which a test makes a job fail. They live in the memory of the process; only tests set them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use doris::ids::CommitSeq;

use crate::policy::{Code, Failure};

/// Every record of the job fails before anything is done for it.
pub const HANDLE_BINLOG_FAILED: &str = "handle_binlog_failed";

/// The next record of the type that is the value fails once before anything is done for it.
pub const FAIL_BEFORE: &str = "handle_binlog_idempotent:before";

/// The next record of the type that is the value, loads excepted, fails once when it is done and not on record yet.
pub const FAIL_AFTER: &str = "handle_binlog_idempotent:after";

/// The failpoints of all jobs, also of jobs that do not exist. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Failpoints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Nothing is looked up while no test asked for it.
    enabled: AtomicBool,
    points: Mutex<BTreeMap<(String, String), String>>,
    /// Records that fail when they are to be put on record, by job.
    armed: Mutex<BTreeMap<String, CommitSeq>>,
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
        self.are_enabled() && self.lock().contains_key(&(job.to_owned(), point.to_owned()))
    }

    /// Whether any may be set.
    pub(crate) fn are_enabled(&self) -> bool {
        self.0.enabled.load(Ordering::Relaxed)
    }

    /// Whether a failpoint of a job has this value, in any case of letters; then it is taken back.
    pub(crate) fn hit(&self, job: &str, point: &str, value: &str) -> bool {
        if !self.are_enabled() {
            return false;
        }
        let key = (job.to_owned(), point.to_owned());
        let mut points = self.lock();
        let hit = points.get(&key).is_some_and(|set| set.eq_ignore_ascii_case(value));
        if hit {
            points.remove(&key);
        }
        hit
    }

    /// Has putting a record on record fail.
    pub(crate) fn arm(&self, job: &str, seq: CommitSeq) {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned(), seq);
    }

    /// Whether a job fails that puts everything up to a record on record; only once.
    pub(crate) fn fires(&self, job: &str, up_to: CommitSeq) -> bool {
        if !self.are_enabled() {
            return false;
        }
        let mut armed = self.0.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let fires = armed.get(job).is_some_and(|seq| *seq <= up_to);
        if fires {
            armed.remove(job);
        }
        fires
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        // Every change is one insertion or removal.
        self.0.points.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a failpoint makes happen.
pub(crate) fn failure() -> Failure {
    Failure::new(Code::REFUSED, "[normal] fail to handle binlog by failpoint", "take the failpoint back")
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

    #[test]
    fn what_fails_once_fails_once() {
        let points = Failpoints::default();
        points.set("a", FAIL_BEFORE, "Create_Table".to_owned());
        assert!(!points.hit("a", FAIL_BEFORE, "DROP_TABLE") && !points.hit("b", FAIL_BEFORE, "CREATE_TABLE"));
        assert!(points.hit("a", FAIL_BEFORE, "CREATE_TABLE"));
        assert!(!points.hit("a", FAIL_BEFORE, "CREATE_TABLE"));
        points.arm("a", CommitSeq(7));
        assert!(!points.fires("a", CommitSeq(6)) && !points.fires("b", CommitSeq(7)));
        assert!(points.fires("a", CommitSeq(9)) && !points.fires("a", CommitSeq(9)));
    }
}
