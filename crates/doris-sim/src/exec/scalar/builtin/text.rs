//! Functions of texts. Positions count characters, from 1.

use super::{Builtin, MANY, boolean, int, integer, of_count, size, strict, string};
use crate::model::{ColumnType, Value};

/// Longer texts are NULL.
const LONGEST: usize = 64 << 20;

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "concat_ws", arity: (2, MANY), ty: string, takes_null: true, call: concat_ws },
    strict("replace", (3, 3), string, replace),
    strict("left", (2, 2), string, left),
    strict("strleft", (2, 2), string, left),
    strict("right", (2, 2), string, right),
    strict("strright", (2, 2), string, right),
    strict("lpad", (3, 3), string, |a| pad(a, true)),
    strict("rpad", (3, 3), string, |a| pad(a, false)),
    strict("ltrim", (1, 1), string, |a| text(a[0].to_string().trim_start_matches(' '))),
    strict("rtrim", (1, 1), string, |a| text(a[0].to_string().trim_end_matches(' '))),
    strict("reverse", (1, 1), string, |a| text(a[0].to_string().chars().rev().collect::<String>())),
    strict("space", (1, 1), string, |a| text(" ".repeat(size(&a[0])?.min(LONGEST)))),
    strict("instr", (2, 2), int, |a| position(&a[1], &a[0], 1)),
    strict("locate", (2, 3), int, |a| position(&a[0], &a[1], a.get(2).map_or(Some(1), size)?)),
    strict("split_part", (3, 3), string, split_part),
    strict("substring_index", (3, 3), string, substring_index),
    strict("starts_with", (2, 2), boolean, |a| test(a, |text, part| text.starts_with(part))),
    strict("ends_with", (2, 2), boolean, |a| test(a, |text, part| text.ends_with(part))),
    strict("hex", (1, 1), string, hex),
    strict("ascii", (1, 1), int, |a| of_count(a[0].to_string().bytes().next().unwrap_or(0).into())),
    strict("strcmp", (2, 2), int_small, strcmp),
];

fn int_small(_: &[ColumnType]) -> ColumnType {
    ColumnType::TinyInt
}

fn text(value: impl Into<String>) -> Option<Value> {
    Some(Value::Text(value.into()))
}

fn test(arguments: &[Value], holds: fn(&str, &str) -> bool) -> Option<Value> {
    Some(Value::Bool(holds(&arguments[0].to_string(), &arguments[1].to_string())))
}

fn concat_ws(arguments: &[Value]) -> Option<Value> {
    let (separator, parts) = arguments.split_first().filter(|(separator, _)| !separator.is_null())?;
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_null()).map(Value::to_string).collect();
    text(parts.join(&separator.to_string()))
}

fn replace(arguments: &[Value]) -> Option<Value> {
    let (whole, old, new) = (arguments[0].to_string(), arguments[1].to_string(), arguments[2].to_string());
    text(if old.is_empty() { whole } else { whole.replace(&old, &new) })
}

fn left(arguments: &[Value]) -> Option<Value> {
    text(arguments[0].to_string().chars().take(size(&arguments[1])?).collect::<String>())
}

fn right(arguments: &[Value]) -> Option<Value> {
    let chars: Vec<char> = arguments[0].to_string().chars().collect();
    text(chars[chars.len().saturating_sub(size(&arguments[1])?)..].iter().collect::<String>())
}

fn pad(arguments: &[Value], before: bool) -> Option<Value> {
    let (whole, fill) = (arguments[0].to_string(), arguments[2].to_string());
    let width = size(&arguments[1]).filter(|width| *width <= LONGEST)?;
    let length = whole.chars().count();
    if length >= width {
        return text(whole.chars().take(width).collect::<String>());
    }
    if fill.is_empty() {
        return text("");
    }
    let padding: String = fill.chars().cycle().take(width - length).collect();
    text(if before { padding + &whole } else { whole + &padding })
}

fn position(part: &Value, whole: &Value, from: usize) -> Option<Value> {
    let (part, whole) = (part.to_string(), whole.to_string());
    let Some(skipped) = from.checked_sub(1) else { return Some(Value::Int(0)) };
    let start = whole.char_indices().map(|(at, _)| at).chain([whole.len()]).nth(skipped);
    let found = start.and_then(|start| whole[start..].find(&part).map(|at| start + at));
    found.map_or(Some(Value::Int(0)), |at| of_count(whole[..at].chars().count() + 1))
}

fn split_part(arguments: &[Value]) -> Option<Value> {
    let (whole, separator) = (arguments[0].to_string(), arguments[1].to_string());
    let parts: Vec<&str> = if separator.is_empty() { vec![&whole] } else { whole.split(&separator).collect() };
    let nth = integer(&arguments[2])?;
    let count = i128::try_from(parts.len()).ok()?;
    let index = if nth < 0 { count + nth } else { nth - 1 };
    text(*parts.get(usize::try_from(index).ok()?)?)
}

fn substring_index(arguments: &[Value]) -> Option<Value> {
    let (whole, separator) = (arguments[0].to_string(), arguments[1].to_string());
    let count = integer(&arguments[2])?;
    if separator.is_empty() || count == 0 {
        return text("");
    }
    let parts: Vec<&str> = whole.split(&separator).collect();
    let kept = usize::try_from(count.unsigned_abs()).ok()?.min(parts.len());
    let kept = if count > 0 { &parts[..kept] } else { &parts[parts.len() - kept..] };
    text(kept.join(&separator))
}

fn hex(arguments: &[Value]) -> Option<Value> {
    text(match &arguments[0] {
        Value::Int(v) => format!("{:X}", i64::try_from(*v).ok()?),
        other => other.to_string().bytes().map(|byte| format!("{byte:02X}")).collect(),
    })
}

fn strcmp(arguments: &[Value]) -> Option<Value> {
    let order = arguments[0].to_string().cmp(&arguments[1].to_string());
    Some(Value::Int(order as i8 as i128))
}
