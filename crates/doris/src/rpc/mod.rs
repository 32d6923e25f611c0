//! The messages of `FrontendService` and `BackendService`.

/// `TBinlogType`. Open: values that this program does not know survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BinlogType(pub i32);
