//! Deterministic simulation of the syncer: engine, client and store code as shipped, on simulated clusters and virtual
//! time, under random work and random faults, all from one seed; and scenarios, step by step.
//!
//! * [`faults`]: the network between the syncer and the clusters, which loses, delays and cuts;
//! * [`trace`]: what happened, for people and as one hash;
//! * [`clusters`]: the two simulated clusters;
//! * [`host`]: clock and randomness of a simulated process;
//! * [`crash`]: one scenario, and the death of its process at every point of it;
//! * [`syncer`]: the program's jobs and HTTP routes in process;
//! * [`day`]: two clusters, table jobs, their work, their mishaps, and what must hold;
//! * [`scenario`]: what a person does to clusters and syncer, and what must come of it.

pub mod clusters;
pub mod crash;
pub mod day;
pub mod faults;
pub mod host;
pub mod scenario;
pub mod syncer;
pub mod trace;
