//! The `job_info` document of a snapshot (`BackupJobInfo`): what is in it, and where its files are.

use serde::{Deserialize, Serialize};

use crate::model::{
    fe_json::{JavaMap, OlapTableJson},
    ids::*,
};

/// `BackupJobInfo`. Maps keep the order of the document: objects are restored and checked in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobInfo {
    pub(crate) name: String,
    pub(crate) database: String,
    #[serde(default)]
    pub(crate) id: i64,
    pub(crate) backup_time: i64,
    #[serde(default = "all")]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) backup_objects: JavaMap<TableInfo>,
    #[serde(default)]
    pub(crate) new_backup_objects: NewObjects,
    #[serde(default)]
    backup_result: String,
    #[serde(default)]
    pub(crate) meta_version: i32,
    #[serde(default)]
    pub(crate) major_version: i32,
    #[serde(default)]
    pub(crate) minor_version: i32,
    #[serde(default)]
    pub(crate) patch_version: i32,
    #[serde(default)]
    is_force_replication_allocation: bool,
    #[serde(default)]
    pub(crate) tablet_be_map: JavaMap<i64>,
    #[serde(default)]
    pub(crate) tablet_snapshot_path_map: JavaMap<String>,
    #[serde(default)]
    pub(crate) table_commit_seq_map: JavaMap<i64>,
    /// Name in the snapshot to name of the restored table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tblalias: Option<JavaMap<String>>,
    /// What the caller of restoreSnapshot adds.
    #[serde(default, skip_serializing)]
    pub(crate) extra_info: Option<ExtraInfo>,
}

fn all() -> String {
    "ALL".to_owned()
}

/// `BackupOlapTableInfo`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TableInfo {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) partitions: JavaMap<PartitionInfo>,
}

/// `BackupPartitionInfo`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartitionInfo {
    pub(crate) id: i64,
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) indexes: JavaMap<IndexInfo>,
}

/// `BackupIndexInfo`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IndexInfo {
    pub(crate) id: i64,
    pub(crate) schema_hash: i64,
    /// Tablet to files.
    #[serde(default)]
    tablets: JavaMap<Vec<String>>,
    pub(crate) tablets_order: Vec<i64>,
}

/// What is no table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NewObjects {
    #[serde(default)]
    pub(crate) views: Vec<ViewInfo>,
    /// Always empty: not modelled.
    #[serde(default)]
    odbc_tables: Vec<ViewInfo>,
    #[serde(default)]
    odbc_resources: Vec<ViewInfo>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ViewInfo {
    pub(crate) id: i64,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExtraInfo {
    pub(crate) be_network_map: Option<JavaMap<BeAddress>>,
    pub(crate) token: Option<doris::secret::Secret>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BeAddress {
    pub(crate) ip: String,
    pub(crate) port: u16,
}

/// What the document is made of.
pub(super) struct JobInfoParts<'a> {
    pub(super) label: &'a str,
    pub(super) db: DbId,
    pub(super) db_name: &'a str,
    pub(super) created_ms: i64,
    pub(super) content: &'a str,
    pub(super) tables: &'a [&'a OlapTableJson],
    pub(super) views: Vec<ViewInfo>,
    pub(super) table_seqs: Vec<(i64, i64)>,
    /// Tablet, backend, path.
    pub(super) files: &'a [(TabletId, BackendId, String)],
}

impl JobInfo {
    pub(super) fn new(parts: &JobInfoParts<'_>) -> Self {
        let with_files = parts.content == "ALL";
        let tables = parts.tables.iter().map(|t| (t.base.name.clone(), TableInfo::of(t, with_files)));
        let files = parts.files;
        Self {
            name: parts.label.to_owned(),
            database: parts.db_name.to_owned(),
            id: parts.db.get(),
            backup_time: parts.created_ms,
            content: parts.content.to_owned(),
            backup_objects: JavaMap::of_strings(tables),
            new_backup_objects: NewObjects { views: parts.views.clone(), ..NewObjects::default() },
            backup_result: "succeed".into(),
            meta_version: 140,
            major_version: 4,
            minor_version: 1,
            patch_version: 0,
            is_force_replication_allocation: false,
            tablet_be_map: JavaMap::of_longs(files.iter().map(|(tablet, be, _)| (tablet.get(), be.get()))),
            tablet_snapshot_path_map: JavaMap::of_longs(
                files.iter().map(|(tablet, _, path)| (tablet.get(), path.clone())),
            ),
            table_commit_seq_map: JavaMap::of_longs(parts.table_seqs.iter().copied()),
            tblalias: Some(JavaMap::default()),
            extra_info: None,
        }
    }

    /// The name under which an object is restored.
    pub(crate) fn target<'a>(&'a self, name: &'a str) -> &'a str {
        self.tblalias.as_ref().and_then(|aliases| aliases.get(name)).map_or(name, String::as_str)
    }

    /// Whether the snapshot has a table or view of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.backup_objects.contains_key(name) || self.has_view(name)
    }

    pub(crate) fn has_view(&self, name: &str) -> bool {
        self.new_backup_objects.views.iter().any(|view| view.name == name)
    }

    /// `RestoreObjs` of SHOW RESTORE.
    pub(super) fn objects_text(&self) -> String {
        let tables = self
            .backup_objects
            .iter()
            .map(|(name, table)| ShownTable { name, partition_names: table.partitions.keys().collect() });
        let shown = ShownObjects {
            name: &self.name,
            database: &self.database,
            backup_time: self.backup_time,
            content: &self.content,
            olap_table_list: tables.collect(),
            view_list: &self.new_backup_objects.views,
            odbc_table_list: [],
            odbc_resource_list: [],
        };
        serde_json::to_string_pretty(&shown).unwrap_or_default()
    }
}

impl TableInfo {
    fn of(table: &OlapTableJson, with_files: bool) -> Self {
        let names: Vec<(&str, IndexId)> = table.index_names.iter().map(|(name, id)| (name, *id)).collect();
        let partitions = table.partitions.values().map(|partition| {
            let indexes = names.iter().filter_map(|(name, id)| {
                let state = partition.index(*id)?;
                let meta = table.index_metas.get(&id.to_string())?;
                let tablets = if with_files { state.tablet_ids() } else { Vec::new() };
                let files = tablets.iter().map(|tablet| (tablet.get(), vec![format!("{tablet}.hdr")]));
                let index = IndexInfo {
                    id: id.get(),
                    schema_hash: meta.schema_hash,
                    tablets: JavaMap::of_longs(files),
                    tablets_order: state.tablet_ids().iter().map(|tablet| tablet.get()).collect(),
                };
                Some(((*name).to_owned(), index))
            });
            let info = PartitionInfo {
                id: partition.id.get(),
                version: partition.visible_version.0,
                indexes: JavaMap::of_strings(indexes),
            };
            (partition.name.clone(), info)
        });
        Self { id: table.base.id.get(), partitions: JavaMap::of_strings(partitions) }
    }
}

/// `BackupJobInfo.getInfo`.
#[derive(Serialize)]
struct ShownObjects<'a> {
    name: &'a str,
    database: &'a str,
    backup_time: i64,
    content: &'a str,
    olap_table_list: Vec<ShownTable<'a>>,
    view_list: &'a [ViewInfo],
    odbc_table_list: [(); 0],
    odbc_resource_list: [(); 0],
}

#[derive(Serialize)]
struct ShownTable<'a> {
    name: &'a str,
    partition_names: Vec<&'a str>,
}
