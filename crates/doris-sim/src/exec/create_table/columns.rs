//! Columns of a new table.

use super::super::coerce::{Misfit, coerce};
use crate::{
    model::{Aggregation, Answer, Column, ColumnDefault, ColumnType, GeneratedColumn, KeysType, Refusal, Value},
    sql::statement::{ColumnDef, DefaultDef, KeysKind},
};

/// What a name of a column must match.
const NAME_RULE: &str = "^[.a-zA-Z0-9_+-/?@#$%^&*\"\\s,:]{1,256}$";

/// The column of a definition.
pub(in crate::exec) fn column(definition: ColumnDef, is_key: bool, kind: KeysKind) -> Answer<Column> {
    let name = definition.name;
    check_name(&name)?;
    let ty = definition.ty;
    let other = other_name(&ty);
    let never_null = matches!(other, Some("hll" | "bitmap" | "quantile_state"));
    let nullable = definition.nullable.unwrap_or(!never_null);
    if never_null {
        if is_key {
            return Err(Refusal::analysis(format!("Key column can not set complex type:{name}")));
        }
        if nullable {
            return Err(Refusal::analysis(format!("complex type column must be not nullable, column:{name}")));
        }
    }
    if is_key {
        check_key_type(&ty, &name)?;
    }
    if let Some(aggregation) = definition.aggregation {
        check_aggregation(aggregation, &ty, &name, is_key, nullable)?;
    } else if kind == KeysKind::Aggregate && !is_key {
        return Err(Refusal::analysis("should set aggregation type to non-key column in aggregate key table"));
    }
    check_default(&definition.default, &ty, &name, nullable)?;
    if definition.auto_increment.is_some() {
        check_auto_increment(&ty, &definition.default, nullable, kind, &name)?;
    }
    let mut default = match other {
        // A character that cannot be printed.
        Some("hll") => ColumnDefault::Literal { text: "\0".into(), value: Value::Text("\0".into()) },
        Some("bitmap") => ColumnDefault::Expression("BITMAP_EMPTY".into()),
        _ => default(definition.default, &ty, &name)?,
    };
    if let Some(on_update) = definition.on_update {
        let ColumnDefault::Expression(expression) = &mut default else {
            return Err(Refusal::analysis(format!(
                "You must set the default value of the column[{name}] to CURRENT_TIMESTAMP when using 'ON UPDATE \
                 CURRENT_TIMESTAMP'."
            )));
        };
        let written = on_update.precision.map_or("CURRENT_TIMESTAMP".into(), |n| format!("CURRENT_TIMESTAMP({n})"));
        if written != *expression {
            return Err(Refusal::analysis(format!(
                "The precision of the default value of column[{name}] should be the same with the precision in 'ON \
                 UPDATE CURRENT_TIMESTAMP'."
            )));
        }
        *expression = format!("{written} ON UPDATE {written}");
    }
    Ok(Column {
        is_key,
        aggregation: definition.aggregation,
        nullable,
        auto_increment: definition.auto_increment,
        // Analysed once all columns are known.
        generated: definition.generated.map(|written| GeneratedColumn { written, analyzed: String::new() }),
        default,
        comment: definition.comment.map_or_else(String::new, |comment| comment.column_comment()),
        ..Column::new(name, ty)
    })
}

/// Only rows of a merge-on-write table are updated. (A column that ALTER TABLE adds is not looked at; seen.)
pub(super) fn check_on_update(columns: &[Column], keys: KeysType) -> Answer<()> {
    let updated = |c: &Column| matches!(&c.default, ColumnDefault::Expression(text) if text.contains(" ON UPDATE "));
    if keys.is_merge_on_write() || !columns.iter().any(updated) {
        return Ok(());
    }
    Err(Refusal::analysis(
        "'ON UPDATE CURRENT_TIMESTAMP' is only supportted in unique table with merge-on-write enabled.",
    ))
}

fn check_name(name: &str) -> Answer<()> {
    if name.to_uppercase().starts_with("__DORIS_") {
        return Err(Refusal::analysis(format!(
            "Disable to create table column with name start with __DORIS_: {}",
            name.to_uppercase()
        )));
    }
    if name.is_empty() || name.chars().count() > 256 || name.ends_with(char::is_whitespace) {
        return Err(Refusal::analysis(format!("Incorrect column name '{name}'. Column regex is '{NAME_RULE}'")));
    }
    Ok(())
}

/// The name of a type that the model does not know further (`array`).
fn other_name(ty: &ColumnType) -> Option<&str> {
    match ty {
        ColumnType::Other(text) => text.split(['<', '(']).next(),
        _ => None,
    }
}

fn check_key_type(ty: &ColumnType, name: &str) -> Answer<()> {
    let text = match (ty, other_name(ty)) {
        (ColumnType::Float | ColumnType::Double, _) => {
            "Float or double can not used as a key, use decimal instead.".to_owned()
        }
        (ColumnType::String, _) => format!("String Type should not be used in key column[{name}]"),
        (ColumnType::Json, _) => format!("JsonType type should not be used in key column[{name}]."),
        (_, Some("array")) => {
            "Array can only be used in the non-key column of the duplicate table at present.".to_owned()
        }
        (_, Some("map")) => "Map can only be used in the non-key column of the duplicate table at present.".to_owned(),
        (_, Some("struct")) => {
            "Struct can only be used in the non-key column of the duplicate table at present.".to_owned()
        }
        (_, Some("variant")) => format!("Variant type should not be used in key column[{name}]."),
        (_, Some("agg_state")) => "AGG_STATE can only be used in the non-key column at present.".to_owned(),
        _ => return Ok(()),
    };
    Err(Refusal::analysis(text))
}

fn check_aggregation(
    aggregation: Aggregation,
    ty: &ColumnType,
    name: &str,
    is_key: bool,
    nullable: bool,
) -> Answer<()> {
    if is_key {
        return Err(Refusal::analysis(format!("Key column {name} can not set aggregation type")));
    }
    let number = matches!(
        ty,
        ColumnType::TinyInt
            | ColumnType::SmallInt
            | ColumnType::Int
            | ColumnType::BigInt
            | ColumnType::LargeInt
            | ColumnType::Float
            | ColumnType::Double
            | ColumnType::Decimal { .. }
    );
    let other = other_name(ty);
    let fits = match aggregation {
        Aggregation::Sum => number,
        Aggregation::Min | Aggregation::Max => {
            number
                || matches!(
                    ty,
                    ColumnType::Date
                        | ColumnType::DateTime { .. }
                        | ColumnType::Char { .. }
                        | ColumnType::Varchar { .. }
                        | ColumnType::String
                )
                || matches!(other, Some("ipv4" | "ipv6"))
        }
        Aggregation::Replace | Aggregation::ReplaceIfNotNull => true,
        Aggregation::HllUnion => other == Some("hll"),
        Aggregation::BitmapUnion => other == Some("bitmap"),
        Aggregation::QuantileUnion => other == Some("quantile_state"),
        Aggregation::Generic => other == Some("agg_state"),
    };
    if !fits {
        return Err(Refusal::analysis(format!(
            "Aggregate type {aggregation} is not compatible with primitive type {}",
            ty.to_string().to_uppercase()
        )));
    }
    if aggregation == Aggregation::ReplaceIfNotNull && !nullable {
        return Err(Refusal::analysis(format!(
            "REPLACE_IF_NOT_NULL column must be nullable, maybe should use REPLACE, column:{name}"
        )));
    }
    Ok(())
}

fn check_default(default: &DefaultDef, ty: &ColumnType, name: &str, nullable: bool) -> Answer<()> {
    let given = !matches!(default, DefaultDef::None | DefaultDef::Null);
    let text = match (other_name(ty), default) {
        (Some("hll"), DefaultDef::None) => return Ok(()),
        (Some("hll"), _) => "Hll type column can not set default value".to_owned(),
        (Some("bitmap"), DefaultDef::Expression(e)) if e == "BITMAP_EMPTY" => return Ok(()),
        (Some("bitmap"), _) if given => {
            "Bitmap type column default value only support DefaultValue{value=BITMAP_EMPTY}".to_owned()
        }
        (Some("array"), DefaultDef::Text(text)) if text == "[]" => return Ok(()),
        (Some("array"), _) if given => "Array type column default value only support null or []".to_owned(),
        (Some("map"), _) if given => "Map type column default value just support null".to_owned(),
        (Some("struct"), _) if given => "Struct type column default value just support null".to_owned(),
        (Some("variant"), _) if given => "Json or Variant type column default value just support null".to_owned(),
        _ if given && *ty == ColumnType::Json => {
            "Json or Variant type column default value just support null".to_owned()
        }
        (_, DefaultDef::Null) if !nullable => format!("Can not set null default value to non nullable column: {name}"),
        _ => return Ok(()),
    };
    Err(Refusal::analysis(text))
}

fn check_auto_increment(
    ty: &ColumnType,
    default: &DefaultDef,
    nullable: bool,
    kind: KeysKind,
    name: &str,
) -> Answer<()> {
    let text = if kind == KeysKind::Aggregate {
        "the auto increment is only supported in duplicate table and unique table.".to_owned()
    } else if *ty != ColumnType::BigInt {
        format!("the auto increment must be BIGINT type. Column: {name}")
    } else if nullable {
        format!("the auto_increment column must be NOT NULL. Column: {name}")
    } else if *default != DefaultDef::None {
        format!("the auto_increment column can't have default value. Column: {name}")
    } else {
        return Ok(());
    };
    Err(Refusal::analysis(text))
}

fn default(definition: DefaultDef, ty: &ColumnType, column: &str) -> Answer<ColumnDefault> {
    Ok(match definition {
        DefaultDef::None => ColumnDefault::None,
        DefaultDef::Null => ColumnDefault::Null,
        DefaultDef::Expression(expression) => {
            check_expression(&expression, ty, column)?;
            ColumnDefault::Expression(expression)
        }
        DefaultDef::Text(text) => match coerce(&Value::Text(text.clone()), ty) {
            Ok(value) => ColumnDefault::Literal { text, value },
            Err(misfit) => return Err(Refusal::analysis(misfit_text(&text, ty, &misfit))),
        },
    })
}

/// What Doris says of a default that is no value of the type.
fn misfit_text(text: &str, ty: &ColumnType, misfit: &Misfit) -> String {
    let numeric = text.trim().parse::<i128>().is_ok();
    match ty {
        ColumnType::Char { .. } | ColumnType::Varchar { .. } => format!("Default value is too long: {text}"),
        ColumnType::Boolean => format!("Invalid BOOLEAN literal: {text}"),
        ColumnType::TinyInt | ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt if numeric => {
            format!("Number out of range[{text}]. type: {ty}")
        }
        ColumnType::TinyInt | ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt | ColumnType::LargeInt => {
            format!("Invalid number format: {text}")
        }
        ColumnType::Date | ColumnType::DateTime { .. } => {
            let word = if *ty == ColumnType::Date { "date" } else { "datetime" };
            format!("{word} literal [{text}] is invalid")
        }
        _ => misfit.0.clone(),
    }
}

fn check_expression(expression: &str, ty: &ColumnType, column: &str) -> Answer<()> {
    let (name, digits) = match expression.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end_matches(')').parse::<u8>().ok()),
        None => (expression, None),
    };
    let (allowed, types, word) = match name {
        "CURRENT_TIMESTAMP" => {
            (matches!(ty, ColumnType::DateTime { .. }), "DATETIME and DATETIMEV2", "current_timestamp")
        }
        "CURRENT_DATE" => (*ty == ColumnType::Date, "DATE and DATEV2", "current_date"),
        "PI" => (*ty == ColumnType::Double, "DOUBLE", "pi"),
        "E" => (*ty == ColumnType::Double, "DOUBLE", "e"),
        _ => (false, "BITMAP", "bitmap_empty"),
    };
    if !allowed {
        return Err(Refusal::analysis(format!("Types other than {types} cannot use {word} as the default value")));
    }
    if let (Some(digits), ColumnType::DateTime { scale }) = (digits, ty)
        && digits > *scale
    {
        return Err(Refusal::analysis(format!(
            "default value precision: {digits} is greater than type precision: {scale} of column {column}"
        )));
    }
    Ok(())
}
