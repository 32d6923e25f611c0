//! Configuration of the frontends.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{Model, Profile};

/// `key<TAB>default<TAB>type<TAB>mutable<TAB>master only` of each item.
const FILE: &str = include_str!("fe_config.tsv");

static ITEMS: LazyLock<BTreeMap<&'static str, FeConfigItem>> = LazyLock::new(|| {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    let item = |line: &'static str| {
        let mut fields = line.split('\t');
        let (key, default, ty) = (fields.next()?, fields.next()?, fields.next()?);
        let mut flag = || Some(fields.next()? == "true");
        Some((key, FeConfigItem { default, ty, mutable: flag()?, master_only: flag()? }))
    };
    lines.filter_map(item).collect()
});

/// What is known of an item besides its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeConfigItem {
    default: &'static str,
    /// As Java calls it.
    pub(crate) ty: &'static str,
    /// Whether ADMIN SET FRONTEND CONFIG may change it.
    pub(crate) mutable: bool,
    pub(crate) master_only: bool,
}

impl FeConfigItem {
    /// By its key as shown; of one that is not in the list, what its value looks like.
    pub(crate) fn of(key: &str, value: &str) -> Self {
        let ty = match value {
            "true" | "false" => "boolean",
            text if text.parse::<i64>().is_ok() => "int",
            _ => "String",
        };
        ITEMS.get(key).copied().unwrap_or(Self { default: "", ty, mutable: true, master_only: true })
    }
}

/// The items of a new FE. Keys are as shown: an experimental item begins with `experimental_`.
pub(super) fn default_fe_config(profile: &Profile) -> BTreeMap<String, String> {
    let known = ITEMS.iter().filter(|(key, _)| profile.newer_config_items || !NEWER.contains(*key));
    known.map(|(key, item)| ((*key).to_owned(), item.default.to_owned())).collect()
}

/// Items that came later than others, see [`Profile::newer_config_items`].
const NEWER: &[&str] = &[
    "backup_handler_update_interval_millis",
    "enable_restore_snapshot_rpc_compression",
    "force_enable_feature_binlog",
    "restore_reset_index_id",
];

impl Model {
    /// The key of an item as shown, from a key with or without `experimental_`.
    pub(crate) fn config_key(&self, key: &str) -> Option<String> {
        let experimental = format!("experimental_{key}");
        let bare = key.strip_prefix("experimental_").unwrap_or(key);
        [key, &experimental, bare].into_iter().find(|key| self.config.contains_key(*key)).map(str::to_owned)
    }
}
