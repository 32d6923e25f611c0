//! restoreSnapshot and RESTORE: what is refused at once.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rand::RngExt as _;

use super::{
    SnapshotJob,
    backup::{BackupObject, LOCAL_REPOSITORY, normalized, unknown_properties},
    document::{self, Meta, SnapshotTable},
    job_info::JobInfo,
    restore::{RestoreFlags, RestoreJob},
};
use crate::model::{Answer, Model, PartitionKind, Refusal, fe_json::JavaMap, txn::check_label};

/// A call of restoreSnapshot, its documents already decompressed.
#[derive(Clone, Debug, Default)]
pub struct RestoreSpec {
    pub db: String,
    pub label: String,
    pub repository: String,
    /// (name in the snapshot, name to restore it as); empty = everything.
    pub tables: Vec<(String, Option<String>)>,
    pub properties: BTreeMap<String, String>,
    pub meta: Bytes,
    pub job_info: Bytes,
    pub clean_tables: bool,
    pub clean_partitions: bool,
    pub atomic_restore: bool,
    pub force_replace: bool,
}

/// A RESTORE statement.
#[derive(Clone, Debug, Default)]
pub struct RestoreStatement {
    pub db: String,
    pub label: String,
    pub repository: String,
    pub objects: Vec<BackupObject>,
    pub exclude: bool,
    pub properties: BTreeMap<String, String>,
}

const KNOWN_PROPERTIES: &[&str] = &[
    "timeout",
    "allow_load",
    "replication_num",
    "replication_allocation",
    "reserve_replica",
    "reserve_colocate",
    "reserve_dynamic_partition_enable",
    "backup_timestamp",
    "meta_version",
    "is_being_synced",
    "clean_tables",
    "clean_partitions",
    "atomic_restore",
    "force_replace",
];

/// An exception that reaches the caller as it is.
fn java_error(text: &str) -> Refusal {
    Refusal::plain(6, format!("java.lang.IllegalStateException: {text}"))
}

impl Model {
    /// restoreSnapshot. OK means submitted; everything about the objects is checked by the job.
    pub fn submit_restore(&mut self, spec: &RestoreSpec) -> Answer<()> {
        let Some((meta, info)) = document::decode(&spec.meta, &spec.job_info) else {
            return Err(match self.profile().meta_refusal_plain {
                true => Refusal::analysis("deserialize meta and job info failed"),
                // What Gson says to the first document.
                false => java_error("Expected BEGIN_OBJECT but was STRING at line 1 column 1 path $"),
            });
        };
        if info.meta_version < self.profile().oldest_meta_version {
            return Err(Refusal::analysis("deserialize meta and job info failed"));
        }
        if !self.profile().restore_refusal_names_command {
            return self.check_and_submit(spec, meta, info);
        }
        // Doris prints the command object with its hash here; it differs each time.
        let hash = self.rng.random::<u32>() >> 1;
        self.check_and_submit(spec, meta, info).map_err(|mut refusal| {
            refusal.text = format!(
                "{}, command: org.apache.doris.nereids.trees.plans.commands.RestoreCommand@{hash:x}",
                refusal.text
            );
            refusal
        })
    }

    /// RESTORE as a statement: never from the local repository, and there is no other.
    pub fn submit_restore_statement(&self, statement: &RestoreStatement) -> Answer<()> {
        if statement.repository == LOCAL_REPOSITORY {
            return Err(Refusal::analysis("restore from the local repo via SQL call is not supported"));
        }
        check_label(&statement.label)?;
        check_aliases(&normalized(&statement.objects)?)?;
        self.restore_flags(&statement.properties, &[])?;
        if !statement.properties.contains_key("backup_timestamp") {
            return Err(Refusal::analysis("Missing backup_timestamp property"));
        }
        Err(Refusal::analysis(format!("Repository {} does not exist", statement.repository)))
    }

    fn check_and_submit(&mut self, spec: &RestoreSpec, meta: Meta, mut info: JobInfo) -> Answer<()> {
        check_label(&spec.label)?;
        let refs = spec.tables.iter().map(|(name, alias)| BackupObject {
            name: name.clone(),
            alias: alias.clone(),
            ..BackupObject::default()
        });
        let refs = normalized(&refs.collect::<Vec<_>>())?;
        check_aliases(&refs)?;
        let mut set = vec![("is_being_synced", true)];
        set.extend([
            ("clean_tables", spec.clean_tables),
            ("clean_partitions", spec.clean_partitions),
            ("atomic_restore", spec.atomic_restore),
            ("force_replace", spec.force_replace),
        ]);
        let (flags, timeout_ms) = self.restore_flags(&spec.properties, &set)?;
        if spec.repository != LOCAL_REPOSITORY {
            return Err(Refusal::analysis(format!("Repository {} does not exist", spec.repository)));
        }
        let db_id = self.db_id(&spec.db)?;
        self.check_no_running_job(db_id, &spec.label)?;
        let partitioned = |table: &SnapshotTable| table.scheme.kind != PartitionKind::Unpartitioned;
        if info.meta_version < self.profile().oldest_partition_meta_version && meta.tables.values().any(partitioned) {
            return Err(java_error(r#"Not a JSON Object: "\u0000""#));
        }
        let token = check_extra_info(&info)?;
        retain_objects(&mut info, &refs)?;
        check_meta(&info, &meta)?;
        let job = RestoreJob {
            head: self.job_head(db_id, &spec.db, &spec.label, timeout_ms),
            flags,
            info,
            meta,
            token,
            tables: Vec::new(),
            views: Vec::new(),
            downloads: BTreeMap::new(),
            task_errors: BTreeMap::new(),
        };
        self.journal();
        self.push_job(db_id, SnapshotJob::Restore(Box::new(job)));
        Ok(())
    }

    /// The switches, and the timeout in milliseconds. `set`: what the call sets besides its properties.
    fn restore_flags(
        &self,
        properties: &BTreeMap<String, String>,
        set: &[(&str, bool)],
    ) -> Answer<(RestoreFlags, i64)> {
        let timeout_ms = self.job_timeout(properties.get("timeout"))?;
        let flag = |key: &str| {
            if set.contains(&(key, true)) {
                return Ok(true);
            }
            match properties.get(key).map(String::as_str) {
                None => Ok(false),
                Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
                Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
                Some(text) => Err(Refusal::analysis(format!("Invalid boolean property {key} value: {text}"))),
            }
        };
        if flag("allow_load")? {
            return Err(Refusal::analysis("doris-sim does not model restores with allow_load"));
        }
        let replication = crate::model::properties::replication(properties)?;
        let reserve_replica = flag("reserve_replica")?;
        let reserve_colocate = flag("reserve_colocate")?;
        let reserve_dynamic_partition = flag("reserve_dynamic_partition_enable")?;
        if let Some(version) = properties.get("meta_version").filter(|text| text.parse::<i32>().is_err()) {
            return Err(Refusal::analysis(format!("Invalid meta version format: {version}")));
        }
        let flags = RestoreFlags {
            reserve_replica,
            reserve_dynamic_partition,
            reserve_colocate,
            is_being_synced: flag("is_being_synced")?,
            clean_tables: flag("clean_tables")?,
            clean_partitions: flag("clean_partitions")?,
            atomic: flag("atomic_restore")?,
            force_replace: flag("force_replace")?,
            replication,
        };
        match unknown_properties(properties, KNOWN_PROPERTIES) {
            Some(unknown) => Err(Refusal::analysis(format!("Unknown restore job properties: {unknown}"))),
            None => Ok((flags, timeout_ms)),
        }
    }
}

/// No alias may be the name of a table of the statement, or another's alias.
fn check_aliases(objects: &[BackupObject]) -> Answer<()> {
    let mut names: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    match objects.iter().filter_map(|object| object.alias.as_deref()).find(|alias| !names.insert(alias)) {
        Some(alias) => Err(Refusal::analysis(format!("Duplicated alias name: {alias}"))),
        None => Ok(()),
    }
}

/// The token of the source's backends, without which nothing can be downloaded.
fn check_extra_info(info: &JobInfo) -> Answer<doris::secret::Secret> {
    let missing = |what: &str| Refusal::analysis(format!("Invalid job extra info {what}"));
    let extra = info.extra_info.as_ref().ok_or_else(|| missing("empty"))?;
    if extra.be_network_map.is_none() {
        return Err(missing("be network map"));
    }
    extra.token.clone().filter(|token| !token.is_empty()).ok_or_else(|| missing("token"))
}

/// Leaves only what the call names, with its aliases.
fn retain_objects(info: &mut JobInfo, refs: &[BackupObject]) -> Answer<()> {
    if refs.is_empty() {
        return Ok(());
    }
    if let Some(object) = refs.iter().find(|object| !info.has(&object.name)) {
        return Err(Refusal::analysis(format!("Table {} does not exist in snapshot {}", object.name, info.name)));
    }
    let wanted = |name: &str| refs.iter().any(|object| object.name == name);
    info.backup_objects.retain(|name, _| wanted(name));
    info.new_backup_objects.views.retain(|view| wanted(&view.name));
    let aliases = refs.iter().filter_map(|object| Some((object.name.clone(), object.alias.clone()?)));
    info.tblalias = Some(JavaMap::of_strings(aliases));
    Ok(())
}

/// Both documents are of one snapshot. (Doris stumbles later, by a check that has no text.)
fn check_meta(info: &JobInfo, meta: &Meta) -> Answer<()> {
    let table = info.backup_objects.keys().find(|name| !meta.tables.contains_key(*name));
    let view = info.new_backup_objects.views.iter().map(|view| view.name.as_str());
    match table.or_else(|| view.clone().find(|name| !meta.views.contains_key(*name))) {
        None => Ok(()),
        Some(name) => {
            let text = format!("doris-sim does not model a snapshot whose meta document has no table {name}");
            Err(Refusal::analysis(text))
        }
    }
}
