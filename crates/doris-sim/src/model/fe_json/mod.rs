//! Catalog objects in the JSON of the FE (Gson): as in the meta document of a snapshot and in binlog records.
//!
//! Every struct has the FE's fields in the FE's order, so serialize it directly: a detour through
//! [`serde_json::Value`] sorts the keys. Reading needs only what the model knows; unknown fields are ignored.
//!
//! | file | holds |
//! |---|---|
//! | `java_map.rs` | maps in the order of `java.util.HashMap` |
//! | `types.rs` | types of columns |
//! | `column.rs` | columns |
//! | `literal.rs` | literals and partition keys |
//! | `partition.rs` | partitions with their indexes, tablets, replicas and distribution |
//! | `partition_info.rs` | how a table is partitioned, items and properties of its partitions |
//! | `table.rs` | tables and views |

mod column;
mod java_map;
mod literal;
mod partition;
mod partition_info;
mod table;
#[cfg(test)]
mod tests;
mod types;

use serde::Serialize;

use super::Profile;

pub(crate) use column::{ColumnJson, view_column};
pub(crate) use java_map::{JavaMap, java_hash_order, java_string_hash};
pub(crate) use literal::RangeJson;
pub(crate) use partition::PartitionJson;
pub(crate) use partition_info::{DataPropertyJson, ListItemJson, ReplicaAllocationJson};
pub(crate) use table::{OlapTableJson, ViewJson};

/// The JSON of one of these structs as a cluster of this profile prints it.
pub(crate) fn printed(value: &impl Serialize, profile: &Profile) -> String {
    if profile.compact_json {
        return text(value);
    }
    // Serializing fails for maps whose keys are no texts only: there are none.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The JSON of one of these structs.
pub(crate) fn text(value: &impl Serialize) -> String {
    // Serializing fails for maps whose keys are no texts only: there are none.
    serde_json::to_string(value).unwrap_or_default()
}
