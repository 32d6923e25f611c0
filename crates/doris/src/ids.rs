//! Ids of catalog objects. Each id is a newtype and carries the side it belongs to: the numbers of two clusters overlap,
//! so an id of the source must not compile where one of the destination is expected.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of the two clusters of a job.
pub trait Side: Copy + fmt::Debug + Send + Sync + 'static {
    /// `source` or `dest`, for messages.
    const NAME: &'static str;
}

/// The cluster that is copied.
#[derive(Clone, Copy, Debug)]
pub enum Source {}

/// The cluster that holds the copy.
#[derive(Clone, Copy, Debug)]
pub enum Dest {}

impl Side for Source {
    const NAME: &'static str = "source";
}

impl Side for Dest {
    const NAME: &'static str = "dest";
}

macro_rules! sided_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name<S>(i64, PhantomData<fn() -> S>);

        impl<S> $name<S> {
            /// Wraps a number as Doris gave it.
            pub const fn new(id: i64) -> Self {
                Self(id, PhantomData)
            }

            /// The number as Doris knows it.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl<S> Clone for $name<S> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<S> Copy for $name<S> {}
        impl<S> PartialEq for $name<S> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl<S> Eq for $name<S> {}
        impl<S> PartialOrd for $name<S> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl<S> Ord for $name<S> {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.cmp(&other.0)
            }
        }
        impl<S> Hash for $name<S> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }
        impl<S> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl<S> fmt::Display for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl<S> Serialize for $name<S> {
            fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
                self.0.serialize(serializer)
            }
        }
        impl<'de, S> Deserialize<'de> for $name<S> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map(Self::new)
            }
        }
    )*};
}

sided_ids! {
    /// A database.
    DbId;
    /// A table, view or materialized view.
    TableId;
    /// A partition; an unpartitioned table has exactly one.
    PartitionId;
    /// A materialized index: the base index, a rollup or a shadow of a running schema change.
    IndexId;
    /// A tablet: one bucket of one index of one partition.
    TabletId;
    /// A replica of a tablet.
    ReplicaId;
    /// A backend (BE).
    BackendId;
    /// A transaction, or a sub transaction (they share one counter).
    TxnId;
}

/// The position of a record in the binlog: the FE journal id of the operation. Only the source has positions.
/// Strictly increasing, not dense; -1 is the position before the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct CommitSeq(pub i64);

impl fmt::Display for CommitSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The version of a partition or replica. A new partition has version 1, each transaction that touches it adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Version(pub i64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
