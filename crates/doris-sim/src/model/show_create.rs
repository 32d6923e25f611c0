//! The text of SHOW CREATE TABLE and SHOW CREATE VIEW, and of CREATE_TABLE records.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Answer, BoundValue, Column, ColumnDefault, ColumnType, MaterializedQuery, Model, Partition, PartitionItem,
    PartitionKind, Profile, Refusal, Relation, Table, Value, View,
    fe_json::JavaMap,
    properties::{DYNAMIC_PARTITION, PRINT_ORDER},
};

/// For whom the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DdlText {
    /// SHOW CREATE TABLE.
    Show,
    /// The `sql` of a CREATE_TABLE record: being synced, with rollups.
    Synced,
}

impl Model {
    /// The text of SHOW CREATE TABLE (or VIEW) for a name; `Unknown table 't'` otherwise.
    pub fn create_table_text(&self, db: &str, name: &str) -> Answer<String> {
        match self.database(db)?.relation(name) {
            Some(Relation::Table(table)) => Ok(table.ddl_text(DdlText::Show, self.profile())),
            Some(Relation::View(view)) => Ok(view.ddl_text(self.profile())),
            None => Err(Refusal::analysis(format!("Unknown table '{name}'"))),
        }
    }
}

impl View {
    /// `CREATE VIEW ...;`. Column names are not quoted (as in Doris).
    pub fn ddl_text(&self, profile: &Profile) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(
                |(name, comment)| {
                    if comment.is_empty() { name.clone() } else { format!("{name} comment '{comment}'") }
                },
            )
            .collect();
        let comment = match self.comment.as_str() {
            "" if profile.ddl_engine_as_comment => " COMMENT 'VIEW'".to_owned(),
            "" => String::new(),
            comment => format!(" COMMENT '{comment}'"),
        };
        if !profile.ddl_view_columns {
            return format!("CREATE VIEW `{}`{comment} AS {};", self.name, self.definition);
        }
        format!("CREATE VIEW `{}`\n({})\n{comment} AS {};", self.name, columns.join(","), self.definition)
    }
}

impl Table {
    /// `CREATE TABLE ...;`
    pub fn ddl_text(&self, form: DdlText, profile: &Profile) -> String {
        let mut text = format!("CREATE TABLE `{}` (\n", self.name);
        let mut lines: Vec<String> = self.columns.iter().map(|column| column_text(column, profile)).collect();
        lines.extend(self.secondary_indexes.iter().map(|index| {
            let columns: Vec<String> = index.columns.iter().map(|c| format!("`{c}`")).collect();
            let mut line = format!("  INDEX {} ({}) USING {}", index.name, columns.join(", "), index.kind);
            if !index.properties.is_empty() {
                let pairs = index_properties(profile, &index.properties);
                let _ = write!(line, " PROPERTIES({})", pairs.join(", "));
            }
            if !profile.ddl_index_comments {
                let quoted = if index.comment.is_empty() { String::new() } else { format!("'{}'", index.comment) };
                let _ = write!(line, " COMMENT '{quoted}'");
            } else if !index.comment.is_empty() {
                let quote = comment_quote(profile);
                let _ = write!(line, " COMMENT {quote}{}{quote}", index.comment);
            }
            line
        }));
        let _ = writeln!(text, "{}\n) ENGINE=OLAP", lines.join(",\n"));
        let keys: Vec<String> = self.columns.iter().filter(|c| c.is_key).map(|c| format!("`{}`", c.name)).collect();
        if !keys.is_empty() {
            let _ = writeln!(text, "{}({})", self.keys.keyword(), keys.join(", "));
        }
        let mut cluster: Vec<(i32, &str)> =
            self.columns.iter().filter_map(|column| Some((column.cluster_key?, column.name.as_str()))).collect();
        cluster.sort_unstable();
        if !cluster.is_empty() {
            let names: Vec<String> = cluster.into_iter().map(|(_, name)| format!("`{name}`")).collect();
            let _ = writeln!(text, "CLUSTER BY ({})", names.join(", "));
        }
        if !self.comment.is_empty() {
            let mut comment = self.comment.replace('"', "\\\"");
            if !profile.ddl_doubled_apostrophes {
                comment = comment.replace("''", "'");
            }
            let _ = writeln!(text, "COMMENT '{comment}'");
        } else if profile.ddl_engine_as_comment {
            text.push_str("COMMENT 'OLAP'\n");
        }
        self.partition_text(&mut text, profile);
        self.distribution_text(&mut text);
        if form == DdlText::Synced && profile.ddl_rollups {
            self.rollup_text(&mut text);
        }
        let _ = write!(text, "PROPERTIES (\n{}\n);", self.property_lines(form, profile).join(",\n"));
        text
    }

    /// `CREATE MATERIALIZED VIEW ..` of an asynchronous one. Column names are not quoted (as in Doris).
    pub fn materialized_text(&self, profile: &Profile) -> Option<String> {
        let MaterializedQuery { refresh, definition } = self.materialized.as_deref()?;
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let keys: Vec<String> = self.columns.iter().filter(|c| c.is_key).map(|c| format!("`{}`", c.name)).collect();
        let mut text = format!("CREATE MATERIALIZED VIEW {}\n({})\n{refresh}\n", self.name, names.join(","));
        if !keys.is_empty() {
            let _ = writeln!(text, "{}({})", self.keys.keyword(), keys.join(", "));
        }
        if !self.comment.is_empty() {
            let _ = writeln!(text, "COMMENT '{}'", self.comment.replace('"', "\\\""));
        }
        self.distribution_text(&mut text);
        let lines = self.property_lines(DdlText::Show, profile).join(",\n");
        let _ = write!(text, "PROPERTIES (\n{lines}\n)\nAS {definition}");
        Some(text)
    }

    fn distribution_text(&self, text: &mut String) {
        let buckets = if self.distribution.auto { "AUTO".to_owned() } else { self.distribution.buckets.to_string() };
        if self.distribution.hash_columns.is_empty() {
            let _ = writeln!(text, "DISTRIBUTED BY RANDOM BUCKETS {buckets}");
        } else {
            let _ =
                writeln!(text, "DISTRIBUTED BY HASH({}) BUCKETS {buckets}", quoted(&self.distribution.hash_columns));
        }
    }

    fn partition_text(&self, text: &mut String, profile: &Profile) {
        let columns = quoted(&self.scheme.columns);
        let auto = self.scheme.auto.as_deref();
        match (self.scheme.kind, auto) {
            (PartitionKind::Unpartitioned, _) => return,
            (PartitionKind::Range, None) => {
                let _ = writeln!(text, "PARTITION BY RANGE({columns})");
            }
            (PartitionKind::List, None) => {
                let blank = if profile.ddl_list_blank { " " } else { "" };
                let _ = writeln!(text, "PARTITION BY LIST{blank}({columns})");
            }
            (kind, Some(expression)) => {
                let _ = writeln!(text, "AUTO PARTITION BY {} ({expression})", kind.name());
            }
        }
        let types = self.partition_types();
        let items: Vec<String> =
            self.listed_partitions(false).into_iter().map(|p| partition_item_text(p, &types)).collect();
        let _ = writeln!(text, "({})", items.join(",\n"));
    }

    fn rollup_text(&self, text: &mut String) {
        let rollups: Vec<String> = self
            .indexes
            .values()
            .filter(|index| index.id != self.base_index && !index.shadow)
            .map(|index| {
                let names: Vec<&str> = index.columns.iter().filter(|c| c.visible).map(|c| c.name.as_str()).collect();
                format!("{} ({})", index.name, names.join(", "))
            })
            .collect();
        if !rollups.is_empty() {
            let _ = writeln!(text, "ROLLUP (\n{}\n)", rollups.join(",\n"));
        }
    }

    fn property_lines(&self, form: DdlText, profile: &Profile) -> Vec<String> {
        let mut lines = Vec::new();
        let mut push = |key: &str, value: &str| lines.push(format!("\"{key}\" = \"{value}\""));
        for key in PRINT_ORDER {
            match *key {
                "dynamic_partition." if self.properties.contains_key("dynamic_partition.time_unit") => {
                    for (key, _) in DYNAMIC_PARTITION {
                        if let Some(value) = self.dynamic_partition_value(key) {
                            push(key, &value);
                        }
                    }
                }
                "dynamic_partition." => {}
                "is_being_synced" if form == DdlText::Synced => push(key, "true"),
                "_auto_bucket" if form == DdlText::Synced && self.distribution.auto => push(key, "true"),
                "_auto_bucket" => {}
                "store_row_column" if self.properties.contains_key("row_store_columns") => {}
                "enable_mow_light_delete" if !profile.mow_light_delete => {}
                "row_store_page_size" if !profile.row_store_pages => {}
                "function_column.sequence_type" if profile.ddl_capital_types => {
                    if let Some(ty) = self.properties.get(*key) {
                        push(key, &capital_type(ty));
                    }
                }
                "in_atomic_restore" if self.in_atomic_restore => push(key, "true"),
                "skip_write_index_on_load" if !self.flag(key) => {}
                "light_schema_change" | "enable_duplicate_without_keys_by_default" if !self.flag(key) => {}
                key => {
                    if let Some(value) = self.properties.get(key) {
                        push(key, value);
                    }
                }
            }
        }
        lines
    }
}

impl Table {
    /// What is printed of one key of the group, whether it was written or not.
    fn dynamic_partition_value(&self, key: &str) -> Option<String> {
        let unit = |wanted: &str| {
            self.properties.get("dynamic_partition.time_unit").is_some_and(|unit| unit.eq_ignore_ascii_case(wanted))
        };
        let absent = match key {
            "dynamic_partition.replication_allocation" => self.properties.get("replication_allocation").cloned(),
            "dynamic_partition.hot_partition_num" => Some("0".into()),
            "dynamic_partition.storage_policy" => Some(String::new()),
            "dynamic_partition.start_day_of_week" if unit("WEEK") => Some("1".into()),
            "dynamic_partition.start_day_of_month" if unit("MONTH") => Some("1".into()),
            "dynamic_partition.start_day_of_week" | "dynamic_partition.start_day_of_month" => return None,
            _ => None,
        };
        self.properties.get(key).cloned().or(absent)
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Properties of an index as they are shown.
pub(super) fn index_properties(profile: &Profile, properties: &BTreeMap<String, String>) -> Vec<String> {
    let pair = |key: &str, value: &str| format!("\"{key}\" = \"{value}\"");
    if profile.index_properties_sorted {
        return properties.iter().map(|(key, value)| pair(key, value)).collect();
    }
    let hashed = JavaMap::of_strings(properties.iter().map(|(key, value)| (key.clone(), value.clone())));
    hashed.iter().map(|(key, value)| pair(key, value)).collect()
}

/// What comments of columns and indexes are quoted with.
fn comment_quote(profile: &Profile) -> char {
    if profile.ddl_double_quotes { '"' } else { '\'' }
}

/// A type as SHOW CREATE TABLE and DESC show it.
pub(crate) fn shown_type(profile: &Profile, ty: &ColumnType) -> String {
    let ty = ty.to_string();
    if profile.ddl_capital_types { capital_type(&ty) } else { ty }
}

/// A type in capitals; names of a struct's fields stay as they are, and digits of a decimal get a blank.
fn capital_type(ty: &str) -> String {
    let mut text = String::new();
    for part in ty.split_inclusive([':', ',', '<', '>', '(', ')']) {
        if part.ends_with(':') {
            text.push_str(part);
        } else {
            let within_decimal = part.ends_with(',') && text.ends_with("DECIMAL(");
            text.push_str(&part.to_uppercase());
            if within_decimal {
                text.push(' ');
            }
        }
    }
    text
}

fn column_text(column: &Column, profile: &Profile) -> String {
    let ty = shown_type(profile, &column.ty);
    let mut text = format!("  `{}` {ty}", column.name);
    if let Some(aggregation) = column.aggregation {
        let _ = write!(text, " {aggregation}");
    }
    if let Some(generated) = &column.generated {
        let _ = write!(text, " AS ({})", generated.analyzed);
    }
    text.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    if let Some(start) = column.auto_increment {
        let _ = write!(text, " AUTO_INCREMENT({start})");
    }
    match &column.default {
        // NULL is not told from no clause.
        ColumnDefault::None | ColumnDefault::Null => {}
        // Its empty value cannot be printed.
        ColumnDefault::Literal { .. } if column.ty == ColumnType::Other("hll".into()) => {}
        ColumnDefault::Literal { text: literal, .. } => {
            let _ = write!(text, " DEFAULT \"{literal}\"");
        }
        ColumnDefault::Expression(expression) if expression == "BITMAP_EMPTY" && !profile.ddl_bitmap_defaults => {}
        ColumnDefault::Expression(expression) => {
            let _ = write!(text, " DEFAULT {expression}");
        }
    }
    if !column.comment.is_empty() {
        let quote = comment_quote(profile);
        let _ = write!(text, " COMMENT {quote}{}{quote}", column.comment.replace('"', "\\\""));
    }
    text
}

/// Bounds are quoted with `"`, dates with `'` (seen).
fn literal(value: &Value, ty: Option<&ColumnType>) -> String {
    match (value, ty) {
        (Value::Null, _) => "NULL".into(),
        (value, Some(ColumnType::Date | ColumnType::DateTime { .. })) => format!("'{value}'"),
        (value, _) => format!("\"{value}\""),
    }
}

fn partition_item_text(partition: &Partition, types: &[ColumnType]) -> String {
    let name = &partition.name;
    let bound = |values: &[BoundValue]| {
        let texts: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(n, value)| match value {
                BoundValue::Value(value) => literal(value, types.get(n)),
                BoundValue::MaxValue => "MAXVALUE".into(),
            })
            .collect();
        texts.join(", ")
    };
    match &partition.item {
        PartitionItem::All => format!("PARTITION {name}"),
        PartitionItem::Range { lower, upper } => {
            format!("PARTITION {name} VALUES [({}), ({}))", bound(lower), bound(upper))
        }
        PartitionItem::List(tuples) if tuples.is_empty() => format!("PARTITION {name}"),
        PartitionItem::List(tuples) => {
            let items: Vec<String> = tuples
                .iter()
                .map(|tuple| {
                    let values: Vec<String> = tuple.iter().enumerate().map(|(n, v)| literal(v, types.get(n))).collect();
                    if types.len() > 1 { format!("({})", values.join(", ")) } else { values.join(", ") }
                })
                .collect();
            format!("PARTITION {name} VALUES IN ({})", items.join(","))
        }
    }
}
