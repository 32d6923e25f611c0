//! How Doris says no.

use std::fmt;

/// A refused request: the status code of the Thrift services, the error code of MySQL and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `TStatusCode`.
    pub status: i32,
    /// 1105 for nearly everything in Doris 4.1.
    pub mysql_code: u16,
    pub sql_state: &'static str,
    /// As a client sees it, with `errCode = N, detailMessage = ` where Doris prints it.
    pub text: String,
}

/// The result of asking the model for something.
pub type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// `errCode = 2, detailMessage = ...`: nearly every refusal.
    pub fn analysis(text: impl fmt::Display) -> Self {
        Self::plain(2, format!("errCode = 2, detailMessage = {text}"))
    }

    /// `errCode = 7, detailMessage = ...`: metadata not found.
    pub fn not_found(text: impl fmt::Display) -> Self {
        Self::plain(2, format!("errCode = 7, detailMessage = {text}"))
    }

    /// A text without prefix, under a status code of the Thrift services.
    pub fn plain(status: i32, text: impl Into<String>) -> Self {
        Self { status, mysql_code: 1105, sql_state: "HY000", text: text.into() }
    }

    /// With another MySQL error code (1049 unknown database, 1045 login).
    pub fn with_mysql(mut self, code: u16, state: &'static str) -> Self {
        self.mysql_code = code;
        self.sql_state = state;
        self
    }

    /// As the answer to a SQL statement.
    pub fn into_sql_reply(self) -> doris::net::SqlReply {
        doris::net::SqlReply::Error { code: self.mysql_code, state: self.sql_state.to_owned(), message: self.text }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}
