//! The services of a simulated cluster, and the ways to reach them.
//!
//! * [`fe`]: `FrontendService` of one frontend; [`be`]: `BackendService` and the HTTP files of one backend; both take
//!   and give complete messages and know nothing of connections;
//! * [`net`]: [`SimNet`], all of it in process behind [`doris::net::Net`];
//! * [`thrift`] and [`http`]: the same services on sockets; [`mysql`]: the SQL port of a frontend.

pub mod be;
pub mod fe;
pub mod http;
pub mod mysql;
pub mod net;
pub mod thrift;

pub use net::{After, Before, CallInfo, FaultPlan, SimNet};
