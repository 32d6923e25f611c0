//! Which object of the source is which object of the destination, for one table: partitions by range, indexes by name,
//! tablets by bucket order. Fetched once and shared between transactions; thrown away on evidence that it is stale.

use std::collections::BTreeMap;

use doris::{
    Dest, Side, Source,
    cluster::{Backend, IndexMeta, PartitionMeta, TableMeta},
    ids::*,
};

/// One pair of tables with everything an ingest needs to know.
#[derive(Clone, Debug)]
pub struct TableMapping {
    pub source: TableId<Source>,
    pub dest: TableId<Dest>,
    pub partitions: BTreeMap<PartitionId<Source>, PartitionMapping>,
    pub source_backends: BTreeMap<BackendId<Source>, Backend<Source>>,
    pub dest_backends: BTreeMap<BackendId<Dest>, Backend<Dest>>,
}

#[derive(Clone, Debug)]
pub struct PartitionMapping {
    pub dest: PartitionId<Dest>,
    pub indexes: BTreeMap<IndexId<Source>, Vec<TabletPair>>,
}

/// One bucket on both sides.
#[derive(Clone, Debug)]
pub struct TabletPair {
    pub source: TabletId<Source>,
    pub source_replicas: Vec<BackendId<Source>>,
    pub dest: TabletId<Dest>,
    pub dest_replicas: Vec<BackendId<Dest>>,
}

/// Why two tables cannot be mapped onto each other: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

impl TableMapping {
    /// Pairs two tables. Partitions that only one side has are left out: whether that matters is decided when a record
    /// names one. An index of the source that the destination lacks, or another number of buckets, is a [`Mismatch`].
    pub fn pair(
        source: &TableMeta<Source>,
        dest: &TableMeta<Dest>,
        source_backends: Vec<Backend<Source>>,
        dest_backends: Vec<Backend<Dest>>,
    ) -> Result<Self, Mismatch> {
        let single = source.partitions.len() == 1 && dest.partitions.len() == 1;
        let mut by_range: BTreeMap<&str, &PartitionMeta<Dest>> = BTreeMap::new();
        for partition in &dest.partitions {
            // Temporary partitions come last, unmarked, and may repeat the range of a formal one: the first counts.
            by_range.entry(&partition.range).or_insert(partition);
        }
        let mut partitions = BTreeMap::new();
        for partition in &source.partitions {
            let counterpart = match by_range.get(partition.range.as_str()) {
                Some(found) => Some(*found),
                // An unpartitioned table has one partition on each side, named after its table.
                None if single => dest.partitions.first(),
                None => dest.partitions.iter().find(|p| p.name == partition.name),
            };
            if let Some(counterpart) = counterpart {
                partitions.insert(partition.id, Self::pair_partition(source, partition, dest, counterpart)?);
            }
        }
        Ok(Self {
            source: source.id,
            dest: dest.id,
            partitions,
            source_backends: source_backends.into_iter().map(|b| (b.id, b)).collect(),
            dest_backends: dest_backends.into_iter().map(|b| (b.id, b)).collect(),
        })
    }

    fn pair_partition(
        source: &TableMeta<Source>,
        partition: &PartitionMeta<Source>,
        dest: &TableMeta<Dest>,
        counterpart: &PartitionMeta<Dest>,
    ) -> Result<PartitionMapping, Mismatch> {
        let mut indexes = BTreeMap::new();
        for index in &partition.indexes {
            // The base index is named after its table, which may be called otherwise on the destination.
            let name = if index.name == source.name { &dest.name } else { &index.name };
            let Some(other) = counterpart.indexes.iter().find(|i| &i.name == name) else {
                return Err(Mismatch(format!(
                    "index {} of partition {} does not exist on the destination",
                    index.name, partition.name
                )));
            };
            indexes.insert(index.id, Self::pair_tablets(index, other, &partition.name)?);
        }
        Ok(PartitionMapping { dest: counterpart.id, indexes })
    }

    fn pair_tablets(
        index: &IndexMeta<Source>,
        other: &IndexMeta<Dest>,
        partition: &str,
    ) -> Result<Vec<TabletPair>, Mismatch> {
        if index.tablets.len() != other.tablets.len() {
            return Err(Mismatch(format!(
                "index {} of partition {partition} has {} buckets on the source and {} on the destination",
                index.name,
                index.tablets.len(),
                other.tablets.len()
            )));
        }
        Ok(index
            .tablets
            .iter()
            .zip(&other.tablets)
            .map(|(s, d)| TabletPair {
                source: s.id,
                source_replicas: replicas(s),
                dest: d.id,
                dest_replicas: replicas(d),
            })
            .collect())
    }

    /// A live backend of the destination, as coordinator of transactions.
    pub fn coordinator(&self) -> Option<BackendId<Dest>> {
        self.dest_backends.values().find(|b| b.alive).map(|b| b.id)
    }
}

fn replicas<S: Side>(tablet: &doris::cluster::TabletMeta<S>) -> Vec<BackendId<S>> {
    let mut backends: Vec<_> = tablet.replicas.iter().map(|r| r.backend).collect();
    backends.sort();
    backends
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use doris::cluster::{ReplicaMeta, TabletMeta};

    use super::*;

    fn table<S: Side>(base: i64, name: &str, ranges: &[&str], buckets: i64) -> TableMeta<S> {
        let partitions = ranges
            .iter()
            .zip(1i64..)
            .map(|(range, n)| PartitionMeta {
                id: PartitionId::new(base + n),
                name: format!("p{n}"),
                range: (*range).to_owned(),
                visible_version: Version(1),
                indexes: vec![IndexMeta {
                    id: IndexId::new(base + 100),
                    name: name.to_owned(),
                    tablets: (0..buckets)
                        .map(|bucket| TabletMeta {
                            id: TabletId::new(base + 1000 * n + bucket),
                            replicas: vec![ReplicaMeta {
                                id: ReplicaId::new(base + 9000 + bucket),
                                backend: BackendId::new(1),
                                version: Version(1),
                            }],
                        })
                        .collect(),
                }],
            })
            .collect();
        TableMeta { id: TableId::new(base), name: name.to_owned(), table_type: None, partitions }
    }

    #[test]
    fn partitions_pair_by_range_and_the_first_of_a_range_counts() {
        let source = table::<Source>(10_000, "t", &["[1,2)", "[2,3)"], 2);
        let mut dest = table::<Dest>(20_000, "copy", &["[2,3)", "[1,2)", "[1,2)"], 2);
        dest.partitions[2].name = "temporary".to_owned();
        let mapping = TableMapping::pair(&source, &dest, vec![], vec![]).unwrap();
        assert_eq!(mapping.partitions[&PartitionId::new(10_001)].dest, PartitionId::new(20_002));
        assert_eq!(mapping.partitions[&PartitionId::new(10_002)].dest, PartitionId::new(20_001));
        let tablets = &mapping.partitions[&PartitionId::new(10_001)].indexes[&IndexId::new(10_100)];
        assert_eq!((tablets[1].source, tablets[1].dest), (TabletId::new(11_001), TabletId::new(22_001)));
    }

    #[test]
    fn other_buckets_or_indexes_are_a_mismatch() {
        let source = table::<Source>(10_000, "t", &[""], 2);
        let error = TableMapping::pair(&source, &table(20_000, "t", &[""], 3), vec![], vec![]).unwrap_err();
        assert!(error.0.contains("2 buckets on the source and 3"), "{error}");
        let mut dest = table::<Dest>(20_000, "t", &[""], 2);
        dest.partitions[0].indexes[0].name = "other".to_owned();
        assert!(TableMapping::pair(&source, &dest, vec![], vec![]).is_err());
    }
}
