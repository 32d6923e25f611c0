//! SHOW FRONTEND CONFIG, SHOW VARIABLES.

use super::{
    super::{
        reply::Rows,
        scalar::LikePattern,
        session::{self, Context},
    },
    cell, filtered,
};
use crate::{
    model::{Answer, IMMUTABLE_CONFIG},
    sql::statement::Filter,
};

/// Configuration items by key. `enable_feature_binlog` is experimental and shown as such; a forced copy of it exists.
pub(super) fn frontend_config(context: &Context<'_>, pattern: Option<&str>) -> Answer<Rows> {
    let pattern = pattern.map(|pattern| LikePattern::new(pattern, false));
    let mut items: Vec<(String, String)> = Vec::new();
    for (key, value) in &context.model.config {
        match key.as_str() {
            "enable_feature_binlog" => {
                items.push((format!("experimental_{key}"), value.clone()));
                items.push((format!("force_{key}"), "false".into()));
            }
            key => items.push((key.to_owned(), value.clone())),
        }
    }
    items.retain(|(key, _)| pattern.as_ref().is_none_or(|pattern| pattern.matches(key)));
    items.sort();
    let rows = items.into_iter().map(|(key, value)| {
        let ty = match value.as_str() {
            "true" | "false" => "boolean",
            text if text.parse::<i64>().is_ok() => "int",
            _ => "String",
        };
        let mutable = !IMMUTABLE_CONFIG.contains(&key.as_str());
        vec![Some(key), Some(value), cell(ty), cell(mutable), cell(mutable), cell("")]
    });
    Ok(Rows::of_texts(&["Key", "Value", "Type", "IsMutable", "MasterOnly", "Comment"], rows.collect()))
}

pub(super) fn variables(context: &Context<'_>, filter: &Filter) -> Answer<Rows> {
    let rows = session::variables(context.session).map(|(name, value, default)| {
        let changed = i32::from(value != default);
        vec![cell(name), Some(value), cell(default), cell(changed)]
    });
    filtered(context, Rows::of_texts(&["Variable_name", "Value", "Default_Value", "Changed"], rows.collect()), filter)
}
