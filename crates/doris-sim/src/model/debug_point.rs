//! Debug points: where tests make Doris stop.

use std::collections::BTreeMap;

use super::{Answer, Model, Refusal};

/// Backup jobs whose label begins with the parameter `value` stay PENDING.
pub(crate) const PAUSE_PENDING_BACKUP: &str = "FE.PAUSE_PENDING_BACKUP_JOB";
/// BACKUP is not answered.
const BLOCK_BACKUP: &str = "BackupHandler.backup.block";

/// Committed transactions do not become visible.
const STOP_PUBLISH: &str = "PublishVersionDaemon.stop_publish";

/// An active debug point.
#[derive(Clone, Debug, Default)]
pub(crate) struct DebugPoint {
    pub(crate) params: BTreeMap<String, String>,
    /// How often it still works; `None`: always.
    executions: Option<u64>,
    /// Until when; `None`: for ever.
    until_ms: Option<i64>,
}

impl Model {
    /// Activates a debug point. The parameters `execute` (how often) and `timeout` (seconds) limit it, -1 does not.
    pub fn add_debug_point(&mut self, name: &str, params: BTreeMap<String, String>) -> Answer<()> {
        self.require_debug_points()?;
        if !matches!(name, PAUSE_PENDING_BACKUP | BLOCK_BACKUP | STOP_PUBLISH) {
            return Err(Refusal::plain(2, format!("doris-sim does not model the debug point {name}")));
        }
        let limit = |key: &str| params.get(key).and_then(|text| text.parse::<i64>().ok()).filter(|limit| *limit > 0);
        let point = DebugPoint {
            executions: limit("execute").and_then(|times| u64::try_from(times).ok()),
            until_ms: limit("timeout").map(|seconds| self.now_ms.saturating_add(seconds.saturating_mul(1000))),
            params,
        };
        self.debug_points.insert(name.to_owned(), point);
        self.hold_publish_if_stopped(name);
        Ok(())
    }

    pub fn remove_debug_point(&mut self, name: &str) -> Answer<()> {
        self.require_debug_points()?;
        self.set_debug_point(name, false);
        Ok(())
    }

    pub fn clear_debug_points(&mut self) {
        while let Some((name, _)) = self.debug_points.pop_first() {
            self.hold_publish_if_stopped(&name);
        }
    }

    /// Switches a debug point without parameters, whether or not the configuration allows it.
    pub fn set_debug_point(&mut self, name: &str, on: bool) {
        if on {
            self.debug_points.insert(name.to_owned(), DebugPoint::default());
        } else {
            self.debug_points.remove(name);
        }
        self.hold_publish_if_stopped(name);
    }

    fn hold_publish_if_stopped(&mut self, changed: &str) {
        if changed == STOP_PUBLISH {
            self.hold_publish(self.debug_points.contains_key(STOP_PUBLISH));
        }
    }

    fn require_debug_points(&self) -> Answer<()> {
        match self.config_flag("enable_debug_points") {
            true => Ok(()),
            false => Err(Refusal::plain(2, "Disable debug points. please check config::enable_debug_points.")),
        }
    }

    /// Whether BACKUP is not answered.
    pub(crate) fn backups_are_blocked(&mut self) -> bool {
        self.debug_point_hit(BLOCK_BACKUP, "")
    }

    /// Whether a debug point is active, for a parameter that begins the text where it has one.
    pub(crate) fn debug_point_hit(&mut self, name: &str, text: &str) -> bool {
        let now = self.now_ms;
        let Some(point) = self.debug_points.get_mut(name) else { return false };
        if point.until_ms.is_some_and(|until| until <= now) || point.executions == Some(0) {
            self.debug_points.remove(name);
            return false;
        }
        if point.params.get("value").is_some_and(|prefix| !text.starts_with(prefix.as_str())) {
            return false;
        }
        if let Some(left) = &mut point.executions {
            *left -= 1;
        }
        true
    }
}
