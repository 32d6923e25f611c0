//! An Apache Doris cluster in memory: one model, answered in process or on real sockets.
//!
//! Rows, versions, binlogs and transactions are real (what would lose data on Doris loses data here), time is virtual if
//! the runtime's is, and everything random comes from one seed.
//!
//! * [`model`]: the state of one cluster and the rules by which it changes; plain data, no sockets, no clock of its own;
//! * [`sim`]: the model behind a lock, together with its clock; waiting for the model to change;
//! * [`sql`]: the text of statements, parsed; [`exec`]: statements, executed and answered as Doris does;
//! * [`session`]: the boundary to the SQL language;
//! * [`serve`]: the Thrift and HTTP services, in process ([`SimNet`]) and on sockets;
//! * [`control`]: faults and commands that are no part of Doris, in process and over HTTP;
//! * [`cluster`]: starting a cluster ([`ClusterBuilder`]).

pub mod clock;
pub mod cluster;
pub mod control;
pub mod exec;
pub mod model;
pub mod serve;
pub mod session;
pub mod sim;
pub mod sql;

pub use clock::SimClock;
pub use cluster::{ClusterBuilder, FrontendEndpoints, SimCluster};
pub use control::{Command, Control};
pub use model::{Model, Options, Profile, Refusal};
pub use serve::{FaultPlan, FaultRule, Faults, SimNet};
pub use session::{Session, SqlService};
pub use sim::Sim;
