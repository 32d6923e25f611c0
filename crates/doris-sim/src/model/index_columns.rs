//! The columns of each index of a table, and rows as an index holds them.

use std::collections::BTreeMap;

use super::{
    Aggregation, Answer, Column, ColumnDefault, ColumnType, Condition, IndexSchema, KeysType, Refusal, RollupSpec, Row,
    Rowset, RowsetColumn, Table, Value, coerce::coerce, datetime::Moment, ids::*,
};

pub(crate) const DELETE_SIGN: &str = "__DORIS_DELETE_SIGN__";
pub(crate) const SEQUENCE_COLUMN: &str = "__DORIS_SEQUENCE_COL__";
const VERSION_COLUMN: &str = "__DORIS_VERSION_COL__";
const ROW_STORE_COLUMN: &str = "__DORIS_ROW_STORE_COL__";
const SKIP_BITMAP_COLUMN: &str = "__DORIS_SKIP_BITMAP_COL__";

/// The columns that the FE adds to a new table, in its order.
pub(crate) fn hidden_columns(keys: KeysType, properties: &BTreeMap<String, String>, visible: &[Column]) -> Vec<Column> {
    let flag = |key: &str| properties.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let unique = matches!(keys, KeysType::Unique { .. });
    let mut hidden = Vec::new();
    if unique {
        hidden.push(delete_sign());
    }
    if flag("store_row_column") || properties.contains_key("row_store_columns") {
        hidden.push(row_store_column());
    }
    if unique {
        hidden.push(zero_column(VERSION_COLUMN, ColumnType::BigInt, "doris version hidden column"));
    }
    if keys.is_merge_on_write() && flag("enable_unique_key_skip_bitmap_column") {
        hidden.push(hidden_column(
            SKIP_BITMAP_COLUMN,
            ColumnType::Other("bitmap".into()),
            "doris skip bitmap hidden column",
        ));
    }
    let of_column = properties.get("function_column.sequence_col").and_then(|name| find(visible, name));
    let of_type = properties.get("function_column.sequence_type").and_then(|ty| crate::sql::parse_type(ty).ok());
    if let Some(ty) = of_column.map(|column| column.ty.clone()).or(of_type) {
        hidden.push(sequence_column(ty));
    }
    hidden
}

/// `__DORIS_DELETE_SIGN__`.
pub(crate) fn delete_sign() -> Column {
    zero_column(DELETE_SIGN, ColumnType::TinyInt, "doris delete flag hidden column")
}

/// `__DORIS_SEQUENCE_COL__`.
pub(crate) fn sequence_column(ty: ColumnType) -> Column {
    Column { nullable: true, ..hidden_column(SEQUENCE_COLUMN, ty, "sequence column hidden column") }
}

/// `__DORIS_ROW_STORE_COL__`.
pub(crate) fn row_store_column() -> Column {
    Column {
        default: ColumnDefault::Literal { text: String::new(), value: Value::Text(String::new()) },
        ..hidden_column(ROW_STORE_COLUMN, ColumnType::String, "doris row store hidden column")
    }
}

fn zero_column(name: &str, ty: ColumnType, comment: &str) -> Column {
    Column {
        default: ColumnDefault::Literal { text: "0".into(), value: Value::Int(0) },
        ..hidden_column(name, ty, comment)
    }
}

fn hidden_column(name: &str, ty: ColumnType, comment: &str) -> Column {
    Column { visible: false, nullable: false, comment: comment.to_owned(), ..Column::new(name, ty) }
}

/// Gives unique ids from `first` on.
pub(crate) fn number(columns: &mut [Column], first: usize) {
    for (n, column) in columns.iter_mut().enumerate() {
        column.unique_id = i32::try_from(first + n).unwrap_or(i32::MAX);
    }
}

/// The defaults of a new table's columns: an expression stands for itself (`realDefaultValue`).
pub(crate) fn note_defaults(columns: &mut [Column]) {
    columns.iter_mut().for_each(|column| column.real_default = column.default_text());
}

/// Evaluates the defaults of columns that are added to a table.
pub(crate) fn evaluate_defaults(columns: &mut [Column], now_ms: i64) {
    note_defaults(columns);
    for column in columns {
        let ColumnDefault::Expression(name) = &column.default else { continue };
        let now = Moment::of_ms(now_ms);
        column.real_default = match name.as_str() {
            name if name.starts_with("CURRENT_TIMESTAMP") => Some(format!("{}000", now.text(6))),
            name if name.starts_with("CURRENT_DATE") => Some(now.date_text()),
            "PI" => Some(std::f64::consts::PI.to_string()),
            "E" => Some(std::f64::consts::E.to_string()),
            _ => continue,
        };
    }
}

/// A column by its name.
pub(crate) fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// Columns and bytes of a rollup's key that nobody declared.
const SHORT_KEY_COLUMNS: usize = 3;
const SHORT_KEY_BYTES: u32 = 36;

/// The schema of a rollup: its columns are copies, numbered on their own.
pub(crate) fn rollup_columns(
    rollup: &RollupSpec,
    keys: KeysType,
    columns: &[Column],
    hidden: &[Column],
) -> Answer<Vec<Column>> {
    let in_base = if keys == KeysType::Duplicate { " in base index" } else { "" };
    let mut schema = rollup
        .columns
        .iter()
        .map(|name| {
            let missing = || Refusal::analysis(format!("Column[{name}] does not exist{in_base}"));
            Ok(Column { copied: true, ..find(columns, name).ok_or_else(missing)?.clone() })
        })
        .collect::<Answer<Vec<Column>>>()?;
    match keys {
        KeysType::Duplicate => choose_rollup_key(rollup, &mut schema)?,
        _ => check_rollup_key(keys, columns, &schema)?,
    }
    if matches!(keys, KeysType::Unique { .. }) {
        let kept = hidden.iter().filter(|c| c.name == DELETE_SIGN || c.name == SEQUENCE_COLUMN);
        schema.extend(kept.map(|c| Column { copied: true, ..c.clone() }));
    }
    number(&mut schema, 0);
    Ok(schema)
}

/// The key of a rollup of a DUPLICATE table: declared, or its first few columns.
fn choose_rollup_key(rollup: &RollupSpec, schema: &mut [Column]) -> Answer<()> {
    let declared = &rollup.duplicate_keys;
    let key_columns = if declared.is_empty() {
        short_key(schema)?
    } else {
        if declared.len() > schema.len() {
            return Err(Refusal::analysis("Num of duplicate keys should less than or equal to num of rollup columns."));
        }
        if declared.iter().zip(schema.iter()).any(|(key, column)| !key.eq_ignore_ascii_case(&column.name)) {
            return Err(Refusal::analysis("Duplicate keys should be the prefix of rollup columns"));
        }
        declared.len()
    };
    for (n, column) in schema.iter_mut().enumerate() {
        column.is_key = n < key_columns;
    }
    Ok(())
}

/// How many columns the short key takes.
pub(crate) fn short_key(schema: &[Column]) -> Answer<usize> {
    match short_key_columns(&schema.iter().map(|column| &column.ty).collect::<Vec<_>>()) {
        0 => Err(Refusal::analysis("The first column could not be float or double")),
        count => Ok(count),
    }
}

/// How many columns of these types a key has that nobody declared.
pub(crate) fn short_key_columns(types: &[&ColumnType]) -> usize {
    let mut bytes = 0;
    let mut count = 0;
    for ty in types {
        bytes += index_size(ty);
        let text = matches!(ty, ColumnType::Varchar { .. } | ColumnType::Char { .. });
        if count == SHORT_KEY_COLUMNS || bytes > SHORT_KEY_BYTES {
            count += usize::from(count == 0 && text);
            break;
        }
        if !can_be_key(ty) {
            break;
        }
        count += 1;
        if matches!(ty, ColumnType::Varchar { .. }) {
            break;
        }
    }
    count
}

/// Whether values of the type may be compared as a key.
pub(crate) fn can_be_key(ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Float | ColumnType::Double | ColumnType::String | ColumnType::Json => false,
        ColumnType::Other(text) => matches!(text.as_str(), "ipv4" | "ipv6"),
        _ => true,
    }
}

/// Bytes of a value in the short key index.
fn index_size(ty: &ColumnType) -> u32 {
    match ty {
        ColumnType::Boolean | ColumnType::TinyInt => 1,
        ColumnType::SmallInt => 2,
        ColumnType::Int | ColumnType::Float | ColumnType::Date => 4,
        ColumnType::BigInt | ColumnType::Double | ColumnType::DateTime { .. } => 8,
        ColumnType::LargeInt => 16,
        ColumnType::Decimal { precision: 0..=9, .. } => 4,
        ColumnType::Decimal { precision: 10..=18, .. } => 8,
        ColumnType::Decimal { .. } => 16,
        ColumnType::Char { length } => *length,
        ColumnType::Varchar { .. } | ColumnType::String | ColumnType::Json | ColumnType::Other(_) => 20,
    }
}

fn check_rollup_key(keys: KeysType, columns: &[Column], schema: &[Column]) -> Answer<()> {
    if schema.windows(2).any(|pair| pair[1].is_key && !pair[0].is_key) {
        return Err(Refusal::analysis("Invalid column order. value should be after key"));
    }
    let key_columns = schema.iter().filter(|c| c.is_key).count();
    if key_columns == 0 {
        return Err(Refusal::analysis("No key column is found"));
    }
    let unique = matches!(keys, KeysType::Unique { .. });
    let replaces = schema.iter().any(|c| is_replace(c.aggregation));
    if (unique || replaces) && key_columns != columns.iter().filter(|c| c.is_key).count() {
        return Err(Refusal::analysis(match unique {
            true => "Rollup should contains all unique keys in basetable",
            false => "Rollup should contains all keys if there is a REPLACE value",
        }));
    }
    Ok(())
}

/// REPLACE and REPLACE_IF_NOT_NULL.
pub(crate) fn is_replace(aggregation: Option<Aggregation>) -> bool {
    matches!(aggregation, Some(Aggregation::Replace | Aggregation::ReplaceIfNotNull))
}

/// Where a column of an index finds its values in a row of the table.
enum Origin {
    Column(usize),
    /// As the column has it, converted to another type.
    Converted(usize, ColumnType),
    Constant(Value),
}

impl Table {
    /// The columns that rows of one index have.
    pub(crate) fn rowset_columns(&self, index: &IndexSchema) -> Vec<RowsetColumn> {
        self.index_columns(index)
            .into_iter()
            .filter(|c| c.visible)
            .map(|c| RowsetColumn { unique_id: c.unique_id, name: c.name.clone(), ty: c.ty.clone(), is_key: c.is_key })
            .collect()
    }

    /// Rows in the table's column order as a rowset of one index.
    pub(crate) fn rowset(&self, index: IndexId, rows: &[Row], delete: Option<&[Condition]>) -> Rowset {
        let Some(index) = self.indexes.get(&index) else { return Rowset::default() };
        let origins: Vec<Origin> =
            self.index_columns(index).into_iter().filter(|c| c.visible).map(|c| self.origin(c)).collect();
        let project = |row: &Row| Row {
            values: origins.iter().map(|origin| origin.value(row)).collect(),
            ..row.without_values()
        };
        Rowset {
            columns: self.rowset_columns(index),
            rows: rows.iter().map(project).collect(),
            delete_predicate: delete.and_then(|conditions| self.conditions_of(index, conditions)),
        }
    }

    fn origin(&self, column: &Column) -> Origin {
        let name = column.source.as_ref().unwrap_or(&column.name);
        let at = self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        match at {
            None => Origin::Constant(column.value_of_old_rows()),
            Some(at) if self.columns[at].ty == column.ty => Origin::Column(at),
            Some(at) => Origin::Converted(at, column.ty.clone()),
        }
    }

    /// A delete predicate in the columns of an index; `None` where the index does not have all of them.
    fn conditions_of(&self, index: &IndexSchema, conditions: &[Condition]) -> Option<Vec<Condition>> {
        let columns = self.index_columns(index);
        conditions
            .iter()
            .map(|condition| {
                let base = self.column_by_unique_id(condition.column)?;
                let column = columns.iter().find(|c| c.name.eq_ignore_ascii_case(&base.name))?;
                let values = condition.values.iter().map(|value| coerce(value, &column.ty).unwrap_or(Value::Null));
                Some(Condition { column: column.unique_id, op: condition.op, values: values.collect() })
            })
            .collect()
    }
}

impl Origin {
    fn value(&self, row: &Row) -> Value {
        let at = |n: &usize| row.values.get(*n).cloned().unwrap_or(Value::Null);
        match self {
            Self::Column(n) => at(n),
            Self::Converted(n, ty) => coerce(&at(n), ty).unwrap_or(Value::Null),
            Self::Constant(value) => value.clone(),
        }
    }
}
