//! `GET` of a backend: configuration, rowset binlogs, snapshots.

use std::collections::BTreeMap;

use bytes::Bytes;
use doris::net::HttpReply;
use serde::Serialize;

use super::BackendService;
use crate::model::{TabletId, Version, ingest::rowset_id};

impl BackendService {
    /// Answers one GET.
    pub fn http_get(&self, path_and_query: &str) -> HttpReply {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        match path {
            "/api/show_config" => self.show_config(query.get("conf_item").copied()),
            "/api/_binlog/_download" => self.binlog_file(&query),
            "/api/_tablet/_download" => self.snapshot_file(&query),
            "/api/health" => text(200, "{\"status\": \"OK\",\"msg\": \"To Be Added\"}"),
            _ => text(404, "not found"),
        }
    }

    /// `[[name, type, value, is mutable]]`, of one item or of all.
    fn show_config(&self, item: Option<&str>) -> HttpReply {
        let config = self.sim.look(|model| model.living_backend(self.id).map(|be| be.config.clone()));
        let items: Vec<[String; 4]> = config
            .unwrap_or_default()
            .into_iter()
            .filter(|(key, _)| item.is_none_or(|item| item == key))
            .map(|(key, value)| {
                let kind = if matches!(value.as_str(), "true" | "false") { "bool" } else { "int32_t" };
                [key, kind.to_owned(), value, "false".to_owned()]
            })
            .collect();
        json(&items)
    }

    /// Rowset binlogs: no token is asked for.
    fn binlog_file(&self, query: &BTreeMap<&str, &str>) -> HttpReply {
        if !self.sim.look(|model| model.living_backend(self.id).is_some_and(|be| be.flag("enable_feature_binlog"))) {
            return text(500, "binlog feature is not enabled.");
        }
        let Some(tablet) = number(query, "tablet_id").map(TabletId::new) else {
            return text(500, "tablet_id is not set or not a number");
        };
        let version = match number(query, "binlog_version").map(Version) {
            Some(version) => Some(version),
            // A segment is named by its rowset, whose id holds the version.
            None => query.get("rowset_id").and_then(|id| self.version_of(tablet, id)),
        };
        let Some(version) = version else { return text(404, "get binlog info failed") };
        let rowset = self.sim.look(|model| {
            let rowset = model.rowset_binlog(self.id, tablet, version).cloned();
            rowset.zip(model.rowset_meta(self.id, tablet, version))
        });
        let Some((rowset, meta)) = rowset else {
            return text(404, &format!("get binlog info failed, tablet_id={tablet}, version={}", version.0));
        };
        match query.get("method").copied() {
            Some("get_binlog_info") => {
                // A transaction that put nothing into the tablet has a rowset without segments.
                let segments = u32::from(!rowset.rows.is_empty() || rowset.delete_predicate.is_some());
                text(200, &format!("{}:{segments}", rowset_id(tablet, version)))
            }
            Some("get_rowset_meta") => json(&meta),
            Some("get_segment_file") if query.get("segment_index") == Some(&"0") => json(&*rowset),
            Some("get_segment_file" | "get_segment_index_file") => text(404, "file not exist."),
            other => text(501, &format!("unknown method: {}", other.unwrap_or_default())),
        }
    }

    fn version_of(&self, tablet: TabletId, id: &str) -> Option<Version> {
        self.sim.look(|model| {
            let on_be = model.living_backend(self.id)?.tablets.get(&tablet)?;
            on_be.binlogs.keys().copied().find(|version| rowset_id(tablet, *version) == id)
        })
    }

    /// `file=<snapshot path>/<tablet>/<schema hash>/rowsets.json`, for whoever has the cluster's token.
    fn snapshot_file(&self, query: &BTreeMap<&str, &str>) -> HttpReply {
        let token_fits = self.sim.look(|model| query.get("token") == Some(&model.token.expose()));
        if !token_fits {
            return text(401, "invalid token");
        }
        let file = query.get("file").copied().unwrap_or_default();
        let mut parts = file.rsplitn(4, '/');
        let (Some("rowsets.json"), Some(_), Some(tablet), Some(path)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return text(404, "file not exist.");
        };
        let tablet = tablet.parse().ok().map(TabletId::new);
        let rowsets = self.sim.look(|model| model.snapshot_rowsets(self.id, path, tablet?).cloned());
        match rowsets {
            Some(rowsets) => json(&rowsets.iter().map(|(v, rowset)| (v.0, rowset.as_ref())).collect::<Vec<_>>()),
            None => text(404, "file not exist."),
        }
    }
}

fn number(query: &BTreeMap<&str, &str>, key: &str) -> Option<i64> {
    query.get(key)?.parse().ok()
}

fn text(status: u16, body: &str) -> HttpReply {
    HttpReply { status, body: Bytes::from(body.to_owned()) }
}

fn json<T: Serialize>(value: &T) -> HttpReply {
    match serde_json::to_vec(value) {
        Ok(body) => HttpReply { status: 200, body: Bytes::from(body) },
        Err(error) => text(500, &error.to_string()),
    }
}
