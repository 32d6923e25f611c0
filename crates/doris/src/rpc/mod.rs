//! The messages of `FrontendService` and `BackendService`, as far as a replication client and a simulated cluster need
//! them. Names lack Thrift's leading `T`; ids are plain numbers here, the typed client gives them their side.

mod binlog;
#[cfg(test)]
mod captures;
mod fe_reply;
mod ingest;
mod meta;
mod methods;
mod snapshot;
mod status;
mod txn;

pub use binlog::*;
pub use fe_reply::*;
pub use ingest::*;
pub use meta::*;
pub use methods::*;
pub use snapshot::*;
pub use status::*;
pub use txn::*;
