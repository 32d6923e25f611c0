//! The services of a simulated cluster, and the ways to reach them.
//!
//! * [`fe`]: `FrontendService` of one frontend; [`be`]: `BackendService` and the HTTP files of one backend; both take
//!   and give complete messages and know nothing of connections;
//! * [`faults`]: what happens to calls on their way, whichever way that is;
//! * [`net`]: [`SimNet`], all of it in process behind [`doris::net::Net`];
//! * [`thrift`] and [`http`]: the same services on sockets; [`mysql`]: the SQL port of a frontend.

pub mod be;
pub mod faults;
pub mod fe;
pub mod http;
pub mod mysql;
pub mod net;
pub mod thrift;

pub use faults::{
    After, Before, CallInfo, Channel, Effect, FaultPlan, FaultRule, Faults, MasterHint, Substitute, When,
};
pub use net::SimNet;
