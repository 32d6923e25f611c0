//! `/get_lag`: how far a job is behind, as the source's FE counts it. Any syncer answers for any job.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use doris::cluster::BinlogLag;
use serde::Serialize;
use time::{format_description::BorrowedFormatItem, macros::format_description};

use super::{
    Api,
    reply::{Common, json},
    request::name,
};
use crate::host;

const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// All keys of the older and the newer Go program, always present. Times are local; spans are seconds.
#[derive(Serialize)]
struct Reply {
    #[serde(flatten)]
    common: Common,
    lag: i64,
    first_commit_seq: i64,
    last_commit_seq: i64,
    first_binlog_timestamp: String,
    last_binlog_timestamp: String,
    /// Newest record minus oldest: what the source keeps.
    time_interval: i64,
    /// Newest record minus the first that is not done: the delay. 0 when caught up.
    time_interval_secs: i64,
    /// The first record that is not done; 0 when caught up.
    next_commit_seq: i64,
    next_binlog_timestamp: String,
}

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    let name = match name(request).await {
        Ok(name) => name,
        Err(response) => return response,
    };
    match api.manager.lag(&name).await {
        Ok(lag) => json(&Reply::from(lag)),
        Err(failure) => json(&Reply::failed(failure)),
    }
}

impl Reply {
    fn failed(why: impl ToString) -> Self {
        Self {
            common: Common::failed(why),
            lag: 0,
            first_commit_seq: 0,
            last_commit_seq: 0,
            first_binlog_timestamp: String::new(),
            last_binlog_timestamp: String::new(),
            time_interval: 0,
            time_interval_secs: 0,
            next_commit_seq: 0,
            next_binlog_timestamp: String::new(),
        }
    }
}

impl From<BinlogLag> for Reply {
    fn from(lag: BinlogLag) -> Self {
        Self {
            common: Common::ok(),
            lag: lag.lag,
            first_commit_seq: lag.first_commit_seq.unwrap_or_default(),
            last_commit_seq: lag.last_commit_seq.unwrap_or_default(),
            first_binlog_timestamp: stamp(lag.first_timestamp_ms),
            last_binlog_timestamp: stamp(lag.last_timestamp_ms),
            time_interval: span(lag.first_timestamp_ms, lag.last_timestamp_ms),
            time_interval_secs: delay_secs(&lag),
            next_commit_seq: lag.next_commit_seq.unwrap_or_default(),
            next_binlog_timestamp: stamp(lag.next_timestamp_ms),
        }
    }
}

/// Newest record minus the first that is not done, in seconds; 0 when caught up, or where the FE does not say.
pub(super) fn delay_secs(lag: &BinlogLag) -> i64 {
    let behind = lag.next_commit_seq.is_some_and(|seq| seq > 0);
    if behind { span(lag.next_timestamp_ms, lag.last_timestamp_ms) } else { 0 }
}

/// Local time, truncated to seconds. -1 is the Go program's fixed text; what an older FE does not send is the epoch.
fn stamp(unix_ms: Option<i64>) -> String {
    match unix_ms {
        Some(-1) => "1970-01-01 08:00:00".to_owned(),
        ms => host::local_time(ms.unwrap_or_default()).format(STAMP).unwrap_or_default(),
    }
}

/// Seconds from one time to another, each truncated; 0 where one is not known.
fn span(from: Option<i64>, to: Option<i64>) -> i64 {
    match (from, to) {
        (Some(from), Some(to)) if from > 0 && to > 0 => to / 1000 - from / 1000,
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ccr_store::documents::to_go_json;

    use super::*;

    #[test]
    fn keys_and_their_order_are_those_of_both_go_versions() {
        let lag = BinlogLag {
            lag: 3,
            first_commit_seq: Some(100),
            last_commit_seq: Some(103),
            first_timestamp_ms: Some(1_737_700_000_900),
            last_timestamp_ms: Some(1_737_703_600_100),
            next_commit_seq: Some(101),
            next_timestamp_ms: Some(1_737_703_540_000),
        };
        let (first, last, next) =
            (stamp(lag.first_timestamp_ms), stamp(lag.last_timestamp_ms), stamp(lag.next_timestamp_ms));
        assert_eq!(
            to_go_json(&Reply::from(lag)),
            format!(
                r#"{{"success":true,"lag":3,"first_commit_seq":100,"last_commit_seq":103,"first_binlog_timestamp":"{first}","last_binlog_timestamp":"{last}","time_interval":3600,"time_interval_secs":60,"next_commit_seq":101,"next_binlog_timestamp":"{next}"}}"#
            )
        );
        assert_eq!(first.len(), "2025-01-24 14:26:40".len());
        assert!(first.ends_with(":26:40"), "{first}");
        assert_eq!(stamp(Some(-1)), "1970-01-01 08:00:00");
    }

    #[test]
    fn a_job_that_caught_up_has_no_delay() {
        let lag = BinlogLag {
            last_timestamp_ms: Some(5000),
            next_commit_seq: Some(0),
            next_timestamp_ms: Some(0),
            ..BinlogLag::default()
        };
        let reply = Reply::from(lag);
        assert_eq!((reply.time_interval, reply.time_interval_secs, reply.next_commit_seq), (0, 0, 0));
    }
}
