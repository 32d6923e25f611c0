//! Apache Doris from outside: everything a client of a cluster needs to know, and nothing about replication.
//!
//! * [`ids`]: ids that carry the side (source or destination) they belong to;
//! * [`thrift`]: the binary protocol over complete messages; [`rpc`]: the messages of the FE and BE services;
//! * [`sql`]: typed statements, rendered in one place, and typed rows, read by column name;
//! * [`binlog`] and [`snapshot`]: the JSON documents that Doris puts into binlogs and snapshots;
//! * [`net`]: the one seam, a trait that carries one request to one endpoint, and its TCP implementation;
//! * [`cluster`]: the typed client of one cluster: frontends, redirects to the master, error classes;
//! * [`error`]: the table of error kinds.

pub mod binlog;
pub mod cluster;
pub mod error;
pub mod ids;
pub mod net;
pub mod rpc;
pub mod secret;
pub mod snapshot;
pub mod sql;
pub mod thrift;

pub use cluster::Cluster;
pub use error::{Error, ErrorKind, Result};
pub use ids::{Dest, Side, Source};
