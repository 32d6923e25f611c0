//! Which object of the source is which object of the destination, for one table: partitions by range, indexes by name,
//! tablets by bucket order. Fetched once and shared between transactions; thrown away on evidence that it is stale.

use std::collections::BTreeMap;

use doris::{
    Dest, Side, Source,
    cluster::{Backend, IndexMeta, PartitionMeta, TableMeta},
    ids::*,
};

use crate::{
    ledger::Ledger,
    tables::{CopiedIndex, CopiedIndexes},
};

/// One pair of tables with everything an ingest needs to know.
#[derive(Clone, Debug)]
pub struct TableMapping {
    pub source: TableId<Source>,
    pub source_name: String,
    pub dest: TableId<Dest>,
    /// Ranges of all partitions of the source, of those without a counterpart too.
    pub source_ranges: BTreeMap<PartitionId<Source>, String>,
    /// The formal partitions of the destination by range.
    pub dest_ranges: BTreeMap<String, PartitionId<Dest>>,
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

/// What is on record of two tables.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Pairs of partitions. `None`: they are paired by range.
    pub partitions: Option<&'a Ledger>,
    /// The source's indexes that the destination has. Empty: all of them, by name.
    pub indexes: &'a CopiedIndexes,
}

impl TableMapping {
    /// Pairs two tables. Partitions and indexes that only the source has are left out: whether that matters is decided when
    /// a record names one. A copied index that the destination lacks, or another number of buckets, is a [`Mismatch`].
    pub fn pair(
        source: &TableMeta<Source>,
        dest: &TableMeta<Dest>,
        known: Known<'_>,
        (source_backends, dest_backends): (Vec<Backend<Source>>, Vec<Backend<Dest>>),
    ) -> Result<Self, Mismatch> {
        let mut by_range: BTreeMap<&str, &PartitionMeta<Dest>> = BTreeMap::new();
        for partition in &dest.partitions {
            // Temporary partitions come last, unmarked, and may repeat the range of a formal one: the first counts.
            by_range.entry(&partition.range).or_insert(partition);
        }
        let mut partitions = BTreeMap::new();
        for partition in &source.partitions {
            let counterpart = match known.partitions {
                Some(ledger) => {
                    let entry = ledger.get(partition.id);
                    entry.and_then(|entry| dest.partitions.iter().find(|p| p.id == entry.dest))
                }
                None => Self::counterpart(source, partition, dest, &by_range),
            };
            if let Some(counterpart) = counterpart {
                let paired = Self::pair_partition(source, partition, dest, counterpart, known.indexes)?;
                partitions.insert(partition.id, paired);
            }
        }
        Ok(Self {
            source: source.id,
            source_name: source.name.clone(),
            dest: dest.id,
            source_ranges: source.partitions.iter().map(|partition| (partition.id, partition.range.clone())).collect(),
            dest_ranges: by_range.into_iter().map(|(range, partition)| (range.to_owned(), partition.id)).collect(),
            partitions,
            source_backends: source_backends.into_iter().map(|b| (b.id, b)).collect(),
            dest_backends: dest_backends.into_iter().map(|b| (b.id, b)).collect(),
        })
    }

    /// The destination's partition of the same range.
    fn counterpart<'a>(
        source: &TableMeta<Source>,
        partition: &PartitionMeta<Source>,
        dest: &'a TableMeta<Dest>,
        by_range: &BTreeMap<&str, &'a PartitionMeta<Dest>>,
    ) -> Option<&'a PartitionMeta<Dest>> {
        // An unpartitioned table has one partition on each side, named after its table.
        let single = source.partitions.len() == 1 && dest.partitions.len() == 1;
        match by_range.get(partition.range.as_str()) {
            Some(found) => Some(found),
            None if single => dest.partitions.first(),
            None => dest.partitions.iter().find(|p| p.name == partition.name),
        }
    }

    fn pair_partition(
        source: &TableMeta<Source>,
        partition: &PartitionMeta<Source>,
        dest: &TableMeta<Dest>,
        counterpart: &PartitionMeta<Dest>,
        copied: &CopiedIndexes,
    ) -> Result<PartitionMapping, Mismatch> {
        let mut indexes = BTreeMap::new();
        for index in &partition.indexes {
            let name = match copied.get(&index.id) {
                Some(CopiedIndex::Rollup(name)) => name,
                Some(CopiedIndex::Base) => &dest.name,
                None if !copied.is_empty() => continue,
                // The base index is named after its table, which may be called otherwise on the destination.
                None if index.name == source.name => &dest.name,
                None => &index.name,
            };
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

    fn pair(source: &TableMeta<Source>, dest: &TableMeta<Dest>) -> Result<TableMapping, Mismatch> {
        let known = Known { partitions: None, indexes: &CopiedIndexes::new() };
        TableMapping::pair(source, dest, known, (vec![], vec![]))
    }

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

    /// Defects: ENG-D-12, WIRE-8, SQL-38.
    #[test]
    fn partitions_pair_by_range_and_the_first_of_a_range_counts() {
        let source = table::<Source>(10_000, "t", &["[1,2)", "[2,3)"], 2);
        let mut dest = table::<Dest>(20_000, "copy", &["[2,3)", "[1,2)", "[1,2)"], 2);
        dest.partitions[2].name = "temporary".to_owned();
        let mapping = pair(&source, &dest).unwrap();
        assert_eq!(mapping.partitions[&PartitionId::new(10_001)].dest, PartitionId::new(20_002));
        assert_eq!(mapping.partitions[&PartitionId::new(10_002)].dest, PartitionId::new(20_001));
        let tablets = &mapping.partitions[&PartitionId::new(10_001)].indexes[&IndexId::new(10_100)];
        assert_eq!((tablets[1].source, tablets[1].dest), (TabletId::new(11_001), TabletId::new(22_001)));
    }

    #[test]
    fn pairs_on_record_count_and_not_names_or_ranges() {
        let source = table::<Source>(10_000, "t", &["[1,2)", "[2,3)"], 2);
        let mut dest = table::<Dest>(20_000, "copy", &["[1,2)", "[1,2)"], 2);
        dest.partitions[1].name = "other".to_owned();
        let mut ledger = Ledger::default();
        ledger.open_empty(PartitionId::new(10_001), PartitionId::new(20_002));
        // A shadow index on the source is not on record: it is left out.
        let mut changing = source.clone();
        let mut shadow = changing.partitions[0].indexes[0].clone();
        (shadow.id, shadow.name) = (IndexId::new(10_200), "__doris_shadow_t".to_owned());
        changing.partitions[0].indexes.push(shadow);
        let indexes = CopiedIndexes::from([(IndexId::new(10_100), CopiedIndex::Base)]);
        let known = Known { partitions: Some(&ledger), indexes: &indexes };
        let mapping = TableMapping::pair(&changing, &dest, known, (vec![], vec![])).unwrap();
        assert_eq!(mapping.partitions.keys().copied().collect::<Vec<_>>(), [PartitionId::new(10_001)]);
        let paired = &mapping.partitions[&PartitionId::new(10_001)];
        assert_eq!(paired.dest, PartitionId::new(20_002));
        assert_eq!(paired.indexes.keys().copied().collect::<Vec<_>>(), [IndexId::new(10_100)]);
        assert_eq!(mapping.source_ranges.len(), 2);
    }

    #[test]
    fn other_buckets_or_indexes_are_a_mismatch() {
        let source = table::<Source>(10_000, "t", &[""], 2);
        let error = pair(&source, &table(20_000, "t", &[""], 3)).unwrap_err();
        assert!(error.0.contains("2 buckets on the source and 3"), "{error}");
        let mut dest = table::<Dest>(20_000, "t", &[""], 2);
        dest.partitions[0].indexes[0].name = "other".to_owned();
        assert!(pair(&source, &dest).is_err());
    }
}
