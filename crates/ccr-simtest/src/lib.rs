//! Deterministic simulation of the syncer: engine, client and store code as shipped, on simulated clusters and virtual
//! time, under random work and random faults, all from one seed; and scenarios, step by step.
//!
//! * [`faults`]: the network between the syncer and the clusters, which loses, delays and cuts;
//! * [`trace`]: what happened, for people and as one hash;
//! * [`clusters`]: the two simulated clusters;
//! * [`host`]: clock and randomness of a simulated process;
//! * [`syncer`]: the program's jobs and HTTP routes in process;
//! * [`world`]: two clusters, one job, its work, its kills, and what must hold at the end;
//! * [`scenario`]: what a person does to clusters and syncer, and what must come of it.

mod changes;
pub mod clusters;
pub mod faults;
pub mod host;
pub mod scenario;
pub mod syncer;
pub mod trace;
pub mod world;
