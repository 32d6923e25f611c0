//! What a statement is answered with.

use doris::net::{ResultSet, SqlReply};

use crate::model::{ColumnType, Refusal};

/// The answer to one statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// No result set.
    Done {
        affected: u64,
        info: String,
    },
    Rows(Rows),
    Refused(Refusal),
}

/// A result set: texts, with the types that the MySQL protocol announces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<ResultColumn>,
    /// `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of a result set.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultColumn {
    pub name: String,
    pub ty: ColumnType,
}

impl Reply {
    /// A statement that changed no rows.
    pub fn done() -> Self {
        Self::Done { affected: 0, info: String::new() }
    }

    pub fn affected(affected: u64, info: impl Into<String>) -> Self {
        Self::Done { affected, info: info.into() }
    }
}

impl Rows {
    /// A result of texts, as all SHOW statements have.
    pub fn of_texts(columns: &[&str], rows: Vec<Vec<Option<String>>>) -> Self {
        let columns = columns
            .iter()
            .map(|name| ResultColumn { name: (*name).to_owned(), ty: ColumnType::Varchar { length: 65533 } })
            .collect();
        Self { columns, rows }
    }

    /// Position of a column by name, letters of both cases being equal.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl From<Rows> for Reply {
    fn from(rows: Rows) -> Self {
        Self::Rows(rows)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Result<Reply, Refusal>> for Reply {
    fn from(result: Result<Reply, Refusal>) -> Self {
        result.unwrap_or_else(Self::Refused)
    }
}

impl From<Reply> for SqlReply {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done { affected, info } => Self::Ok { affected, info },
            Reply::Rows(rows) => Self::Rows(ResultSet {
                columns: rows.columns.into_iter().map(|column| column.name).collect(),
                rows: rows.rows,
            }),
            Reply::Refused(refusal) => refusal.into_sql_reply(),
        }
    }
}

impl From<SqlReply> for Reply {
    fn from(reply: SqlReply) -> Self {
        match reply {
            SqlReply::Ok { affected, info } => Self::Done { affected, info },
            SqlReply::Rows(rows) => {
                let names: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
                Self::Rows(Rows::of_texts(&names, rows.rows))
            }
            SqlReply::Error { code, message, .. } => {
                Self::Refused(Refusal::plain(2, message).with_mysql(code, "HY000"))
            }
        }
    }
}
