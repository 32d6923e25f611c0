//! ALTER_DATABASE_PROPERTY.

use std::collections::BTreeMap;

use super::{PayloadError, fields::Fields};

/// ALTER DATABASE .. SET PROPERTIES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterDatabase {
    pub properties: BTreeMap<String, String>,
}

impl AlterDatabase {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self { properties: fields.or_default("properties")? })
    }

    /// Whether the stream is about to end.
    pub fn switches_binlog_off(&self) -> bool {
        self.properties.get("binlog.enable").is_some_and(|value| value.eq_ignore_ascii_case("false"))
    }
}
