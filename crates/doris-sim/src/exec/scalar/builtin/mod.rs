//! Functions of one row as a table: a name, how many arguments, the type of the result, and the value for arguments that
//! are not NULL. One file for each kind of value.

mod composite;
mod number;
mod sets;
mod text;
mod time;

use std::fmt;

use crate::model::{ColumnType, Value};

pub(in crate::exec) use sets::union as union_of_sets;

/// A function whose value depends on its arguments only.
pub(in crate::exec) struct Builtin {
    name: &'static str,
    /// How many arguments it takes, at least and at most.
    arity: (usize, usize),
    ty: fn(&[ColumnType]) -> ColumnType,
    /// Also called if an argument is NULL.
    takes_null: bool,
    /// `None` is NULL.
    call: fn(&[Value]) -> Option<Value>,
}

const MANY: usize = usize::MAX;

/// A function that is NULL if one of its arguments is.
const fn strict(
    name: &'static str,
    arity: (usize, usize),
    ty: fn(&[ColumnType]) -> ColumnType,
    call: fn(&[Value]) -> Option<Value>,
) -> Builtin {
    Builtin { name, arity, ty, takes_null: false, call }
}

impl Builtin {
    /// The function of this name, in lower case.
    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        let tables = [text::TABLE, number::TABLE, time::TABLE, sets::TABLE, composite::TABLE];
        tables.into_iter().flatten().find(|builtin| builtin.name == name)
    }

    pub(super) fn arity(&self) -> (usize, usize) {
        self.arity
    }

    pub(super) fn result_type(&self, arguments: &[ColumnType]) -> ColumnType {
        (self.ty)(arguments)
    }

    pub(super) fn call(&self, arguments: &[Value]) -> Option<Value> {
        if !self.takes_null && arguments.iter().any(Value::is_null) {
            return None;
        }
        (self.call)(arguments)
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Builtin {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Builtin {}

/// Functions that Doris has and the simulator has not, so that nobody takes them for misspelt.
pub(super) const UNMODELLED: &[&str] = &[
    "aes_decrypt",
    "aes_encrypt",
    "array_agg",
    "array_contains",
    "array_join",
    "array_size",
    "array_sort",
    "bit_length",
    "cardinality",
    "collect_list",
    "collect_set",
    "convert_tz",
    "crc32",
    "dense_rank",
    "element_at",
    "explode",
    "first_value",
    "from_base64",
    "get_json_int",
    "get_json_string",
    "group_bit_and",
    "json_array",
    "json_contains",
    "json_extract",
    "json_keys",
    "json_length",
    "json_object",
    "json_parse",
    "jsonb_extract",
    "lag",
    "last_value",
    "lead",
    "ln",
    "log",
    "log10",
    "log2",
    "map_keys",
    "map_values",
    "max_by",
    "min_by",
    "murmur_hash3_32",
    "ntile",
    "percentile",
    "percentile_approx",
    "quantile_union",
    "rand",
    "random",
    "rank",
    "regexp",
    "regexp_extract",
    "regexp_replace",
    "retention",
    "row_number",
    "sleep",
    "stddev",
    "struct_element",
    "topn",
    "to_base64",
    "to_json",
    "uuid",
    "variance",
    "window_funnel",
];

fn int(_: &[ColumnType]) -> ColumnType {
    ColumnType::Int
}

fn big_int(_: &[ColumnType]) -> ColumnType {
    ColumnType::BigInt
}

fn boolean(_: &[ColumnType]) -> ColumnType {
    ColumnType::Boolean
}

fn double(_: &[ColumnType]) -> ColumnType {
    ColumnType::Double
}

fn string(_: &[ColumnType]) -> ColumnType {
    ColumnType::String
}

fn first(arguments: &[ColumnType]) -> ColumnType {
    arguments.first().cloned().unwrap_or(ColumnType::String)
}

/// A whole number.
fn integer(value: &Value) -> Option<i128> {
    match super::coerce::number(value)? {
        Value::Int(v) => Some(v),
        _ => None,
    }
}

/// A number of characters.
fn size(value: &Value) -> Option<usize> {
    usize::try_from(integer(value)?.max(0)).ok()
}

fn of_count(count: usize) -> Option<Value> {
    i128::try_from(count).ok().map(Value::Int)
}
