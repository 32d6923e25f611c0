//! Errors by the Go program's categories.

use std::collections::BTreeMap;

use ccr_engine::Code;

use super::family::Family;

/// The Go program's category of an error with this code.
pub(super) fn category(code: Code) -> &'static str {
    match code {
        Code::STORE | Code::DOCUMENT => "db",
        Code::UNREACHABLE | Code::UNANSWERED => "rpc",
        Code::METADATA | Code::TABLE_NOT_FOUND | Code::DB_NOT_FOUND => "meta",
        Code::ROWS_GONE => "be",
        Code::NO_MASTER | Code::ACCESS_DENIED | Code::NO_STREAM | Code::COMMIT | Code::SNAPSHOT | Code::REFUSED => "fe",
        _ => "normal",
    }
}

/// `ccr_error_total`.
pub(super) fn family(errors: &BTreeMap<(&'static str, &'static str), u64>) -> Family {
    let help = "Failures of jobs by category; recoverable: tried again, panic: the job waits for an operator";
    let mut family = Family::counter("ccr_error_total", help);
    for ((error, kind), count) in errors {
        family.add([("error", *error), ("type", *kind)], *count);
    }
    family
}
