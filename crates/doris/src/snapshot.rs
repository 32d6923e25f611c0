//! The job information document (`job_info`) of a snapshot: what was backed up, at which commit seqs, and on which BEs the
//! files lie. It is read for its facts and passed on with one key added; everything else keeps its bytes.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
};

use bytes::Bytes;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{
    ids::{BackendId, CommitSeq, DbId, IndexId, PartitionId, Source, TableId, TabletId, Version},
    net::Endpoint,
    secret::Secret,
};

/// The largest document that is unpacked, in bytes. A Java array ends at 2 GiB, so no FE can make a larger one.
pub const MAX_DOCUMENT_BYTES: u64 = 2 << 30;

/// Why a snapshot document could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("job_info is not what Doris writes: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the snapshot document cannot be unpacked: {0}")]
    Gzip(#[from] std::io::Error),
    #[error("the unpacked snapshot document is larger than {0} bytes")]
    TooLarge(u64),
}

impl From<SnapshotError> for crate::Error {
    fn from(error: SnapshotError) -> Self {
        Self::new(crate::ErrorKind::Refused, "snapshot document", error.to_string())
    }
}

/// A `job_info` document: its bytes, unpacked, and what they say.
#[derive(Clone, Debug)]
pub struct JobInfo {
    document: Bytes,
    facts: Facts,
}

/// Unknown keys are ignored; [`with_extra_info`] works on the original bytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Facts {
    name: String,
    database: String,
    id: DbId<Source>,
    #[serde(default)]
    backup_time: i64,
    #[serde(default)]
    backup_objects: BTreeMap<String, SnapshotTable>,
    #[serde(default)]
    new_backup_objects: OtherObjects,
    #[serde(default)]
    meta_version: i32,
    #[serde(default)]
    tablet_be_map: BTreeMap<String, BackendId<Source>>,
    #[serde(default)]
    table_commit_seq_map: BTreeMap<String, CommitSeq>,
}

/// One table of a snapshot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SnapshotTable {
    pub id: TableId<Source>,
    #[serde(default, deserialize_with = "by_name")]
    pub partitions: Vec<SnapshotPartition>,
}

/// One partition of a snapshot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SnapshotPartition {
    #[serde(default)]
    pub name: String,
    pub id: PartitionId<Source>,
    /// The version the partition was backed up at; a restored partition starts with it.
    pub version: Version,
    #[serde(default, deserialize_with = "by_name")]
    pub indexes: Vec<SnapshotIndex>,
}

/// One index (base or rollup) of a partition.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SnapshotIndex {
    #[serde(default)]
    pub name: String,
    pub id: IndexId<Source>,
    #[serde(default)]
    pub schema_hash: i64,
    /// In bucket order.
    #[serde(default, rename = "tablets_order")]
    pub tablets: Vec<TabletId<Source>>,
}

/// Objects without data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct OtherObjects {
    #[serde(default)]
    views: Vec<SnapshotView>,
}

/// A view of a snapshot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SnapshotView {
    pub id: TableId<Source>,
    pub name: String,
}

/// A value that stands under its name.
trait Named {
    fn name_mut(&mut self) -> &mut String;
}

impl Named for SnapshotPartition {
    fn name_mut(&mut self) -> &mut String {
        &mut self.name
    }
}

impl Named for SnapshotIndex {
    fn name_mut(&mut self) -> &mut String {
        &mut self.name
    }
}

fn by_name<'de, D: Deserializer<'de>, T: Named + Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let named = BTreeMap::<String, T>::deserialize(deserializer)?;
    let named = named.into_iter().map(|(name, mut value)| {
        *value.name_mut() = name;
        value
    });
    Ok(named.collect())
}

impl JobInfo {
    /// Reads the document as getSnapshot gave it.
    pub fn parse(job_info: &Bytes, compressed: bool) -> Result<Self, SnapshotError> {
        let document = plain(job_info, compressed)?;
        let facts = serde_json::from_slice(&document)?;
        Ok(Self { document, facts })
    }

    /// The label of the backup.
    pub fn label(&self) -> &str {
        &self.facts.name
    }

    /// The source database's name. Check it and the id: getSnapshot finds by label alone.
    pub fn database(&self) -> &str {
        &self.facts.database
    }

    /// The source database's id.
    pub fn database_id(&self) -> DbId<Source> {
        self.facts.id
    }

    /// When the backup was made: milliseconds since the epoch, the source FE's clock.
    pub fn backup_time_ms(&self) -> i64 {
        self.facts.backup_time
    }

    /// The version of the catalog form: 129 (2.1), 133 (3.0), 140 (4.1). A newer FE may refuse an older snapshot.
    pub fn meta_version(&self) -> i32 {
        self.facts.meta_version
    }

    /// All tables with their names, in order of name. A table that was asked for and is missing was dropped or renamed
    /// before the backup began (4.1).
    pub fn tables(&self) -> impl Iterator<Item = (&str, &SnapshotTable)> {
        self.facts.backup_objects.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&SnapshotTable> {
        self.facts.backup_objects.get(name)
    }

    /// All views.
    pub fn views(&self) -> &[SnapshotView] {
        &self.facts.new_backup_objects.views
    }

    /// The commit seq a table was backed up at; views have none.
    pub fn commit_seq(&self, table: TableId<Source>) -> Option<CommitSeq> {
        self.facts.table_commit_seq_map.get(&table.to_string()).copied()
    }

    /// The BE that holds a tablet's files.
    pub fn backend(&self, tablet: TabletId<Source>) -> Option<BackendId<Source>> {
        self.facts.tablet_be_map.get(&tablet.to_string()).copied()
    }

    /// The document for restoreSnapshot: see [`with_extra_info`].
    pub fn with_extra_info(
        &self,
        be_network_map: &BTreeMap<BackendId<Source>, Endpoint>,
        token: &Secret,
    ) -> Result<Bytes, SnapshotError> {
        with_extra_info(&self.document, be_network_map, token)
    }
}

#[derive(Serialize)]
struct ExtraInfo<'a> {
    be_network_map: BTreeMap<String, NetworkAddress<'a>>,
    token: &'a str,
}

#[derive(Serialize)]
struct NetworkAddress<'a> {
    ip: &'a str,
    port: u16,
}

/// The document with `extra_info` set: where the destination BEs fetch the source BEs' files (HTTP host and port, as the
/// destination reaches them), and the source cluster's token. An `extra_info` that is there already is replaced; every
/// other value keeps its bytes (numbers are not read at all), keys come out in order of name.
pub fn with_extra_info(
    job_info: &[u8],
    be_network_map: &BTreeMap<BackendId<Source>, Endpoint>,
    token: &Secret,
) -> Result<Bytes, SnapshotError> {
    let mut document: BTreeMap<String, &RawValue> = serde_json::from_slice(job_info)?;
    let be_network_map = be_network_map
        .iter()
        .map(|(backend, http)| (backend.to_string(), NetworkAddress { ip: &http.host, port: http.port }))
        .collect();
    let extra_info = serde_json::value::to_raw_value(&ExtraInfo { be_network_map, token: token.expose() })?;
    document.insert("extra_info".to_owned(), &extra_info);
    Ok(serde_json::to_vec(&document)?.into())
}

/// The document itself, unpacked if it is packed.
pub fn plain(document: &Bytes, compressed: bool) -> Result<Bytes, SnapshotError> {
    if compressed { gunzip(document, MAX_DOCUMENT_BYTES) } else { Ok(document.clone()) }
}

/// Packs a document (gzip, RFC 1952).
pub fn gzip(document: &[u8]) -> Result<Bytes, SnapshotError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(document)?;
    Ok(encoder.finish()?.into())
}

/// Unpacks a document of at most `limit` bytes ([`MAX_DOCUMENT_BYTES`] where there is no better one).
pub fn gunzip(packed: &[u8], limit: u64) -> Result<Bytes, SnapshotError> {
    let mut document = Vec::new();
    MultiGzDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut document)?;
    if document.len() as u64 > limit {
        return Err(SnapshotError::TooLarge(limit));
    }
    Ok(document.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DOCUMENT: &str = r#"{"name":"c6s1","database":"cap6","id":9223372036854775807,"backup_time":1795452305353,
        "backup_objects":{"t":{"id":1795448807651,"partitions":{"t":{"id":1795448807650,"version":4,"indexes":{"t":{
        "id":1795448807652,"schema_hash":1687122138,"tablets":{"1795448807653":["x.hdr"]},"tablets_order":[1795448807653]}}}}}},
        "new_backup_objects":{"views":[{"id":1795448807665,"name":"vw"}]},"meta_version":140,"odd":  9007199254740993.10,
        "tablet_be_map":{"1795448807653":1795448790398},"table_commit_seq_map":{"1795448807651":17138}}"#;

    #[test]
    fn facts_are_read() {
        let plain = Bytes::from_static(DOCUMENT.as_bytes());
        for info in [JobInfo::parse(&plain, false).unwrap(), JobInfo::parse(&gzip(&plain).unwrap(), true).unwrap()] {
            let table = TableId::new(1795448807651);
            assert_eq!((info.label(), info.database(), info.meta_version()), ("c6s1", "cap6", 140));
            assert_eq!(info.commit_seq(table), Some(CommitSeq(17138)));
            assert_eq!(info.commit_seq(TableId::new(1)), None);
            assert_eq!(info.backend(TabletId::new(1795448807653)), Some(BackendId::new(1795448790398)));
            assert_eq!(info.views()[0].name, "vw");
            let found = info.table("t").unwrap();
            assert_eq!((found.id, info.tables().count()), (table, 1));
            assert_eq!((found.partitions[0].name.as_str(), found.partitions[0].version), ("t", Version(4)));
            assert_eq!(found.partitions[0].indexes[0].tablets, [TabletId::new(1795448807653)]);
            assert_eq!(info.database_id().get(), i64::MAX);
        }
    }

    /// Defects: WIRE-22.
    #[test]
    fn extra_info_is_added_and_nothing_else_changes() {
        let backends = BTreeMap::from([(BackendId::new(1795448790398), Endpoint::new("10.0.0.2", 8040))]);
        let out = with_extra_info(DOCUMENT.as_bytes(), &backends, &Secret::new("to\"ken")).unwrap();
        let before: BTreeMap<String, &RawValue> = serde_json::from_str(DOCUMENT).unwrap();
        let mut after: BTreeMap<String, &RawValue> = serde_json::from_slice(&out).unwrap();
        let extra = after.remove("extra_info").unwrap();
        assert_eq!(
            extra.get(),
            r#"{"be_network_map":{"1795448790398":{"ip":"10.0.0.2","port":8040}},"token":"to\"ken"}"#
        );
        assert_eq!(before.len(), after.len());
        for (key, value) in before {
            assert_eq!(after[&key].get(), value.get(), "{key}");
        }
        let again = with_extra_info(&out, &backends, &Secret::new("to\"ken")).unwrap();
        assert_eq!(again, out);
    }

    #[test]
    fn broken_documents_are_errors() {
        for broken in [
            "",
            "[]",
            "{\"name\":1}",
            "{\"name\":\"a\",\"database\":\"b\",\"id\":1,\"table_commit_seq_map\":{\"7\":\"x\"}}",
        ] {
            assert!(JobInfo::parse(&Bytes::from_static(broken.as_bytes()), false).is_err(), "{broken}");
        }
        assert!(with_extra_info(b"{", &BTreeMap::new(), &Secret::default()).is_err());
    }

    #[test]
    fn unpacking_is_bounded() {
        let packed = gzip(&vec![0; 1 << 20]).unwrap();
        assert!(packed.len() < 1 << 16);
        assert_eq!(gunzip(&packed, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(gunzip(&packed, (1 << 20) - 1), Err(SnapshotError::TooLarge(_))));
        assert!(matches!(gunzip(b"not gzip", 10), Err(SnapshotError::Gzip(_))));
    }
}
