//! getSnapshot and restoreSnapshot.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use doris::rpc::{
    FeReply as _, GetSnapshotRequest, GetSnapshotResult, RestoreSnapshotRequest, RestoreSnapshotResult, SnapshotType,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use super::{Caller, FrontendService, account::Login, ok_status, required};
use crate::model::{Answer, Privilege, Refusal, RestoreSpec};

/// Largest document that is unpacked.
const MAX_DOCUMENT: u64 = 1 << 30;
/// What gzip begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

impl FrontendService {
    pub(super) fn get_snapshot(&self, request: GetSnapshotRequest, caller: &Caller<'_>) -> GetSnapshotResult {
        if let Some(status) = self.not_master() {
            return GetSnapshotResult::refusal(status, None);
        }
        self.settle((|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let db = required(&request.db, "db")?;
            let label = required(&request.label_name, "label_name")?;
            required(&request.snapshot_name, "snapshot_name")?;
            if *required(&request.snapshot_type, "snapshot_type")? != SnapshotType::LOCAL {
                return Err(Refusal::analysis("snapshot_type is not LOCAL"));
            }
            let login =
                Login { user: &request.user, password: &request.passwd, token: &request.token, ip: Some(caller.peer) };
            let tables: Vec<String> = request.table.iter().filter(|table| !table.is_empty()).cloned().collect();
            self.check_access(login, Privilege::Select, db, &tables)?;
            let snapshot = self.sim.look(|model| model.local_snapshot(label).cloned())?;
            let profile = self.profile();
            let compress = profile.compressed_snapshots && request.enable_compress.unwrap_or(false);
            let pack = |document: Bytes| if compress { gzip(&document) } else { Ok(document) };
            Ok(GetSnapshotResult {
                status: ok_status(),
                meta: Some(pack(snapshot.meta)?),
                job_info: Some(pack(snapshot.job_info)?),
                master_address: None,
                compressed: compress.then_some(true),
                expired_at: profile.snapshot_position.then_some(snapshot.expired_at_ms),
                commit_seq: profile.snapshot_position.then_some(snapshot.commit_seq.0),
            })
        })())
    }

    pub(super) fn restore_snapshot(
        &self,
        request: RestoreSnapshotRequest,
        caller: &Caller<'_>,
    ) -> RestoreSnapshotResult {
        if let Some(status) = self.not_master() {
            return RestoreSnapshotResult::refusal(status, None);
        }
        self.settle((|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let db = required(&request.db, "db")?;
            let label = required(&request.label_name, "label_name")?;
            let repository = required(&request.repo_name, "repo_name")?;
            let meta = required(&request.meta, "meta")?;
            let job_info = required(&request.job_info, "job_info")?;
            let login =
                Login { user: &request.user, password: &request.passwd, token: &request.token, ip: Some(caller.peer) };
            self.check_access(login, Privilege::Load, db, &[])?;
            let properties = request.properties.clone().ok_or_else(|| Refusal::plain(6, "properties is null"))?;
            let profile = self.profile();
            let (meta, job_info) = if profile.compressed_snapshots {
                self.unpack(meta, job_info, request.compressed.unwrap_or(false))?
            } else {
                (meta.clone(), job_info.clone())
            };
            let refs = request.table_refs.iter().flatten();
            let spec = RestoreSpec {
                db: db.clone(),
                label: label.clone(),
                repository: repository.clone(),
                tables: refs.map(|r| (r.table.clone().unwrap_or_default(), r.alias_name.clone())).collect(),
                properties,
                meta,
                job_info,
                clean_tables: profile.restore_cleaning && request.clean_tables.unwrap_or(false),
                clean_partitions: profile.restore_cleaning && request.clean_partitions.unwrap_or(false),
                atomic_restore: profile.atomic_restore && request.atomic_restore.unwrap_or(false),
                force_replace: profile.force_replace && request.force_replace.unwrap_or(false),
            };
            self.sim.with(|model| model.submit_restore(&spec))?;
            Ok(RestoreSnapshotResult { status: ok_status(), master_address: None })
        })())
    }

    fn unpack(&self, meta: &Bytes, job_info: &Bytes, compressed: bool) -> Answer<(Bytes, Bytes)> {
        let allowed = self.sim.look(|model| model.config_flag("enable_restore_snapshot_rpc_compression"));
        if compressed && allowed {
            return match (gunzip(meta), gunzip(job_info)) {
                (Some(meta), Some(job_info)) => Ok((meta, job_info)),
                _ => Err(Refusal::analysis("decompress meta and job info failed")),
            };
        }
        if meta.starts_with(&GZIP_MAGIC) || job_info.starts_with(&GZIP_MAGIC) {
            return Err(Refusal::analysis(
                "The request is compressed, but the config `enable_restore_snapshot_rpc_compressed` is not enabled.",
            ));
        }
        Ok((meta.clone(), job_info.clone()))
    }
}

fn gzip(document: &[u8]) -> Answer<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(document)
        .and_then(|()| encoder.finish())
        .map(Bytes::from)
        .map_err(|error| Refusal::plain(6, error.to_string()))
}

fn gunzip(packed: &[u8]) -> Option<Bytes> {
    let mut document = Vec::new();
    GzDecoder::new(packed).take(MAX_DOCUMENT).read_to_end(&mut document).ok()?;
    Some(Bytes::from(document))
}
