//! Refusals as older versions tell them.
//!
//! Everywhere else a refusal is made as the newest version makes it; here, and nowhere else, its text and code become
//! those of an older one, by the switches of the [`Profile`].

use super::{Profile, Refusal};

/// What kind of statement was refused: older versions answer them through different code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// DROP TABLE, DROP VIEW.
    Drop,
    /// CREATE TABLE, CREATE VIEW, ALTER VIEW.
    Create,
    /// SELECT.
    Query,
    Other,
}

/// What nearly every text begins with.
const PREFIX: &str = "errCode = 2, detailMessage = ";

/// Texts of Doris's own `ErrorCode` by what they begin with, with MySQL's number for it.
const MYSQL_CODES: &[(&str, u16)] = &[
    ("Can't create database '", 1007),
    ("Can't drop database '", 1008),
    ("Unknown database '", 1049),
    ("unknown table, tableName=", 1051),
    ("table not found, tableName=", 1051),
    ("Duplicate partition name ", 1517),
    ("Error in list of partitions to ", 1507),
    ("Unknown column '", 1054),
    ("Unknown system variable '", 1228),
    ("Unknown thread id: ", 1094),
    ("Incorrect table name '", 1103),
    ("Incorrect column name '", 1166),
    ("Unsupported system variable: ", 1193),
    // Backup and restore: one code for everything.
    ("Can only run one backup or restore job", 5064),
    ("Unknown partition ", 5064),
    ("Repository ", 5064),
    ("Failed to cancel job: ", 5064),
];

impl Refusal {
    /// As a cluster of this profile says it, by SQL and Thrift.
    pub(crate) fn told_by(mut self, profile: &Profile) -> Self {
        let text = &mut self.text;
        if !profile.missing_table_is_not_found {
            *text = text
                .replacen("detailMessage = table not found, tableName=", "detailMessage = unknown table, tableName=", 1)
                .replacen("detailMessage = table not found, tableId=", "detailMessage = unknown table, tableId=", 1);
        }
        if !profile.busy_refusal_names_jobs
            && text.contains("Can only run one backup or restore job")
            && let Some((head, _)) = text.split_once(" , current running")
        {
            *text = head.to_owned();
        }
        if !profile.label_refusal_names_state
            && text.contains(" has already been used, relate to txn [")
            && let Some((head, _)) = text.split_once("], status [")
        {
            *text = format!("{head}]");
        }
        if !profile.index_refusal_joins_columns
            && let Some((head, rest)) = text.split_once(" index for columns (")
            && let Some((columns, tail)) = rest.split_once(") already exist")
        {
            let columns: String = columns.split(',').map(|column| format!("{column} ")).collect();
            *text = format!("{head} index for columns ({columns}) already exist{tail}");
        }
        if !profile.unicode_labels {
            *text = text.replacen(r"regex: ^[\-_A-Za-z0-9:\p{L}]{1,128}$", "regex: ^[-_A-Za-z0-9:]{1,128}$", 1);
        }
        if !profile.quorum_refusal_advises {
            *text = text.replacen(", please check BE log for details;", ";", 1).replacen(
                ". Please try again later.",
                "",
                1,
            );
        }
        if !profile.not_found_wrapped && text.starts_with("errCode = 2, detailMessage = errCode = 7, ") {
            text.drain(..PREFIX.len());
        }
        if !profile.paimon_tables {
            *text = text.replacen(", PAIMON_EXTERNAL_TABLE]", "]", 1);
        }
        self
    }

    /// As the answer to a statement of a cluster of this profile.
    pub(crate) fn answered_by(self, profile: &Profile, what: Refused) -> Self {
        let mut refusal = self.told_by(profile);
        refusal.plan_text(profile, what);
        // The planner of newer versions answers one code, whatever was wrong.
        let planned = matches!(what, Refused::Query | Refused::Create) && profile.planner_answers_one_code;
        let detail = refusal.text.rsplit_once("detailMessage = ").map_or("", |(_, detail)| detail);
        if let (1105, false, false, Some(code)) =
            (refusal.mysql_code, planned, profile.one_mysql_code, mysql_code(detail))
        {
            refusal.mysql_code = code;
        }
        let twice = match what {
            Refused::Drop => !profile.drop_refused_once && !detail.starts_with("Unknown database"),
            Refused::Create => !profile.create_refused_once && !is_about_the_query(detail),
            _ => false,
        };
        if twice && refusal.text.starts_with(PREFIX) {
            refusal.text.insert_str(0, PREFIX);
        }
        if what == Refused::Drop && !profile.drop_refusal_names_database {
            refusal.unqualify_advice();
        }
        refusal
    }

    /// What the planner says about missing tables and columns.
    fn plan_text(&mut self, profile: &Profile, what: Refused) {
        if !profile.planner_names_positions
            && let Some((head, tail)) = self.text.rsplit_once("(line ")
            && tail.ends_with(')')
            && tail.contains(", pos ")
        {
            self.text = head.to_owned();
        }
        if profile.planner_texts || !matches!(what, Refused::Query | Refused::Create) {
            return;
        }
        let Some(detail) = self.text.strip_prefix(PREFIX) else { return };
        let plain = if let Some(rest) = detail.strip_prefix("Table [") {
            rest.split_once("] does not exist in database").map(|(table, _)| format!("Unknown table '{table}'"))
        } else if let Some(rest) = detail.strip_prefix("Database [") {
            rest.split_once("] does not exist").map(|(db, _)| format!("Unknown database '{db}'"))
        } else {
            detail.split_once(" in 'table list'").map(|(column, _)| format!("{column} in 'table list'"))
        };
        if let Some(plain) = plain {
            self.text = format!("{PREFIX}{plain}");
        }
    }

    /// `'d.t' is not VIEW. Use 'DROP TABLE d.t'.` as `... Use 'DROP TABLE t.` (seen).
    fn unqualify_advice(&mut self) {
        if let Some((head, advice)) = self.text.split_once(" Use 'DROP ")
            && let Some((word, name)) = advice.split_once(' ')
            && let Some(name) = name.strip_suffix("'.")
        {
            let name = name.rsplit('.').next().unwrap_or(name);
            self.text = format!("{head} Use 'DROP {word} {name}.");
        }
    }
}

/// The planner's own complaints are not wrapped a second time.
fn is_about_the_query(detail: &str) -> bool {
    ["Table [", "Database [", "Unknown column '"].iter().any(|start| detail.starts_with(start))
        || detail.starts_with("Unknown database")
        || detail.contains("does not model")
}

/// MySQL's number for a text, where Doris has one.
fn mysql_code(detail: &str) -> Option<u16> {
    if let Some(rest) = detail.strip_prefix("Unknown table '") {
        // Where a database is named it is the text of another error; RECOVER has one of its own.
        return match rest.split_once('\'') {
            Some((_, "")) => Some(1051),
            Some((_, tail)) if tail.starts_with(" in ") => Some(1109),
            _ => None,
        };
    }
    if detail.starts_with("Table '") && detail.ends_with("' already exists") {
        return Some(1050);
    }
    if detail.contains(" is not VIEW. Use '") || detail.contains(" is not TABLE. Use '") {
        return Some(1347);
    }
    MYSQL_CODES.iter().find(|(start, _)| detail.starts_with(start)).map(|(_, code)| *code)
}
