//! Session and global variables: SET, `@@name`, SHOW VARIABLES.

use std::{cmp::Reverse, collections::BTreeMap, sync::LazyLock};

use sqlparser::ast::Expr;

use super::{
    reply::Reply,
    scalar::{Binder, unquoted},
    session::Context,
};
use crate::{
    Session,
    model::{Answer, Model, Refusal},
    sql::statement::Assignment,
};

/// `name<TAB>default` of each variable, as SHOW VARIABLES shows them.
const FILE: &str = include_str!("variables.tsv");

/// Names and defaults.
static VARIABLES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// Variables of older versions that SET still accepts and that have no effect; they are not shown.
const FORMER: [&str; 4] =
    ["enable_agg_state", "enable_fallback_to_original_planner", "enable_nereids_planner", "enable_pipeline_engine"];

/// One variable as a session sees it.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) default: &'static str,
}

impl Variable {
    pub(super) fn is_changed(&self) -> bool {
        self.value != self.default
    }
}

/// Every variable: those that differ from their default first, each part by name (seen).
pub(super) fn variables(context: &Context<'_>) -> Vec<Variable> {
    let of = |(name, default): (&&'static str, &&'static str)| Variable {
        name,
        value: value(context.model, context.session, name).unwrap_or(default).to_owned(),
        default,
    };
    let mut all: Vec<Variable> = VARIABLES.iter().map(of).collect();
    all.sort_by_key(|variable| (Reverse(variable.is_changed()), variable.name));
    all
}

/// What was set, in the session or else for all.
fn value<'a>(model: &'a Model, session: &'a Session, name: &str) -> Option<&'a str> {
    session.variables.get(name).or_else(|| model.global_variables.get(name)).map(String::as_str)
}

/// The value of `@@name`.
pub(super) fn system_variable(context: &Context<'_>, name: &str) -> Option<String> {
    let default = VARIABLES.get(name).copied().or_else(|| FORMER.contains(&name).then_some("false"))?;
    let value = value(context.model, context.session, name).unwrap_or(default);
    // Truth values are numbers in a query.
    Some(match value {
        "true" => "1".into(),
        "false" => "0".into(),
        value => value.to_owned(),
    })
}

/// A number that was set, or its default.
pub(super) fn number(model: &Model, session: &Session, name: &str, absent: i64) -> i64 {
    let value = value(model, session, name).or_else(|| VARIABLES.get(name).copied());
    value.and_then(|value| value.parse().ok()).unwrap_or(absent)
}

/// SET.
pub(super) fn set(model: &mut Model, session: &mut Session, assignments: &[Assignment]) -> Answer<Reply> {
    for Assignment { name, global, value } in assignments {
        if name.starts_with('@') {
            continue;
        }
        let known = VARIABLES.get(name.as_str()).copied();
        let Some(default) = known.or_else(|| FORMER.contains(&name.as_str()).then_some("")) else {
            let similar: Vec<String> = similar(name).map(|name| format!("'{name}'")).collect();
            return Err(Refusal::analysis(format!(
                "Unknown system variable '{name}',the similar variables are {{{}}}",
                similar.join(", ")
            )));
        };
        let value = evaluated(model, session, value, default)?;
        if *global {
            model.global_variables.insert(name.clone(), value);
        } else {
            session.variables.insert(name.clone(), value);
        }
    }
    Ok(Reply::done())
}

fn evaluated(model: &Model, session: &Session, expr: &Expr, default: &str) -> Answer<String> {
    let value = match expr {
        Expr::Identifier(word) if word.value.eq_ignore_ascii_case("DEFAULT") => default.to_owned(),
        Expr::Identifier(word) if !word.value.starts_with('@') => unquoted(word),
        expr => {
            let context = Context::new(model, session);
            let binder = Binder { context: &context, scope: &[], grouped: None, clause: "SET" };
            binder.bind(expr)?.scalar.eval(&[]).to_string()
        }
    };
    Ok(match (default, value.to_ascii_lowercase().as_str()) {
        ("true" | "false", "1" | "on" | "true") => "true".to_owned(),
        ("true" | "false", "0" | "off" | "false") => "false".to_owned(),
        _ => value,
    })
}

/// The three variables whose names are most alike.
fn similar(name: &str) -> impl Iterator<Item = &'static str> {
    let mut all: Vec<(f64, &'static str)> = VARIABLES.keys().map(|known| (likeness(name, known), *known)).collect();
    all.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    all.into_iter().take(3).map(|(_, name)| name)
}

/// Jaro's likeness, raised by the length of the common beginning as Java's text library does.
fn likeness(a: &str, b: &str) -> f64 {
    let jaro = strsim::jaro(a, b);
    if jaro < 0.7 {
        return jaro;
    }
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let longest = a.chars().count().max(b.chars().count()).max(1);
    // Names are short: the numbers are exact.
    let (common, longest) = (common as f64, longest as f64);
    jaro + (1.0 / longest).min(0.1) * common * (1.0 - jaro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_those_of_a_real_frontend() {
        let of = |name| similar(name).collect::<Vec<_>>();
        assert_eq!(of("zz"), ["enable_fuzzy_blockable_task", "analyze_timeout", "auto_analyze_end_time"]);
        assert_eq!(
            of("enable_light_schema_change"),
            ["enable_hive_sql_cache", "enable_segment_cache", "enable_file_cache"]
        );
    }
}
