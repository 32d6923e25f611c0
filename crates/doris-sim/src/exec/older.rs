//! What older versions say before a statement is executed at all: to syntax that they do not know, and to names.

use crate::{
    model::{Answer, DdlText, Profile, Refusal, Table},
    sql::{Mark, Newer, Statement, SyntaxError, parse, statement::CreateTable},
};

/// What is said to a text that cannot be parsed.
pub(super) fn syntax_refusal(profile: &Profile, sql: &str, error: &SyntaxError) -> Refusal {
    match profile.planner_parses {
        true => Refusal::analysis(error),
        false => Refusal::analysis(error.told_by_older_parser(sql, "")),
    }
}

/// Refuses constructs that this version does not have.
pub(super) fn check_syntax(profile: &Profile, sql: &str, statements: &[(Statement, Vec<Mark>)]) -> Answer<()> {
    let has = |what: Newer| match what {
        Newer::PartitionSteps => profile.sql_partition_steps,
        Newer::TruncateForce => profile.sql_truncate_force,
        Newer::GeneratedColumn => profile.sql_generated_columns,
        Newer::ViewComment => profile.sql_view_comment,
        Newer::OrReplaceView => profile.sql_or_replace_view,
    };
    match statements.iter().flat_map(|(_, marks)| marks).find(|mark| !has(mark.what)) {
        Some(mark) => Err(Refusal::analysis(mark.at.told_by_older_parser(sql, mark.what.expected()))),
        None => Ok(()),
    }
}

/// Names of a new table and its columns, where they are letters, digits and a few signs only.
pub(super) fn check_names(profile: &Profile, create: &CreateTable) -> Answer<()> {
    if profile.names_with_blanks {
        return Ok(());
    }
    let table = &create.name.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !table.starts_with(|c: char| c.is_ascii_alphabetic()) || !table.chars().all(plain) {
        return Err(Refusal::analysis(format!(
            "Incorrect table name '{table}'. Table name regex is '^[a-zA-Z][a-zA-Z0-9-_]*$'"
        )));
    }
    let first = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@');
    let other = |c: char| c.is_alphanumeric() || "._+,-/?@#$%^&*".contains(c);
    let fits = |name: &str| name.starts_with(first) && name.chars().all(other) && name.chars().count() <= 256;
    match create.columns.iter().find(|column| !fits(&column.name)) {
        Some(column) => Err(Refusal::analysis(format!(
            "Incorrect column name '{}'. Column regex is '^[_a-zA-Z@0-9\\p{{L}}][.a-zA-Z0-9_+-/?@#$%^&*\\p{{L}}]{{0,255}}$'",
            column.name
        ))),
        None => Ok(()),
    }
}

/// CREATE TABLE LIKE goes by the text of SHOW CREATE TABLE, which cannot always be parsed.
pub(super) fn check_like(profile: &Profile, like: &Table) -> Answer<()> {
    if !profile.like_reads_text {
        return Ok(());
    }
    let text = like.ddl_text(DdlText::Show, profile);
    parse(&text).map(|_| ()).map_err(|error| {
        let why = Refusal::analysis(error.told_by_older_parser(&text, "COMMA"));
        Refusal::analysis(format!("Failed to execute CREATE TABLE LIKE {}. Reason: {}", like.name, why.text))
    })
}
