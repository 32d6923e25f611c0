//! ALTER TABLE of partitions.
//!
//! | file | methods |
//! |---|---|
//! | `add.rs` | `add_partition`, also of temporary ones |
//! | `drop.rs` | `drop_partition` |
//! | `replace.rs` | `replace_partitions` |
//! | `modify.rs` | `modify_partitions` |
//! | `record.rs` | partitions and their items as ADD_PARTITION records show them |

mod add;
mod drop;
mod modify;
mod record;
mod replace;

pub(in crate::model) use modify::PartitionChange;
pub use replace::ReplaceSpec;

use super::{Answer, PartitionKind, Refusal, Table};

/// Whether partitions may be added to or dropped from a table.
fn check_partitioned(table: &Table, temp: bool) -> Answer<()> {
    let name = &table.name;
    if table.scheme.kind == PartitionKind::Unpartitioned {
        return Err(Refusal::analysis(format!("Alter table [{name}] failed. Not a partitioned table")));
    }
    if !temp && table.flag("dynamic_partition.enable") && !table.flag("is_being_synced") {
        return Err(Refusal::analysis(format!(
            "Cannot add/drop partition on a Dynamic Partition Table, Use command `ALTER TABLE {name} SET \
             (\"dynamic_partition.enable\" = \"false\")` firstly."
        )));
    }
    Ok(())
}
