//! The replication job: a small, typed state machine that turns an ordered stream of binlogs into transactions on another
//! cluster, and can be killed at any instant.
//!
//! * [`env`]: what the engine needs from outside: network, metadata database, clock, randomness, settings;
//! * [`create`]: the checks before a job exists;
//! * [`job`]: the actor that owns one job, its commands and its status;
//! * [`phase`]: the states, as types, and their durable form; [`tables`] and [`copy`]: what it knows of each table, and of a
//!   copy that is being made;
//! * [`snapshot_sync`]: full copies by backup and restore; [`incremental`]: the pipeline from binlogs to transactions;
//! * [`desync`]: hands the destination's tables back to their cluster; [`failpoints`]: what tests break;
//! * [`ledger`]: partition versions as the last word on what was applied;
//! * [`policy`]: what to do about each kind of failure, and the sentence for the operator.
//!
//! No sockets, no SQL text, no rows, no clock of its own.

pub mod copy;
pub mod create;
pub mod desync;
pub mod env;
pub mod failpoints;
pub mod incremental;
pub mod job;
pub mod label;
pub mod lag;
pub mod ledger;
pub mod mapping;
pub mod phase;
pub mod policy;
pub mod snapshot_sync;
pub mod tables;
#[cfg(test)]
mod testing;

pub use env::{Clock, Env, Rng, Settings};
pub use job::{Cause, Counters, Histogram, Job, JobStatus, Run, Skip, TxnPhase};
pub use policy::{Code, Failure};
