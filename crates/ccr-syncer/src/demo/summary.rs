//! What the demo ends with.

use std::{io::Write, time::Duration};

use doris::net::ResultSet;
use serde::Serialize;

use super::measure::percentile;

/// The result. Times are milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    /// From the request that created the job to its first incremental moment.
    pub(super) full_sync_ms: u64,
    /// From the same request to the moment at which nothing committed meanwhile was missing on the destination.
    pub(super) caught_up_ms: Option<u64>,
    /// Transactions committed on the source after the job was created.
    pub(super) transactions: u64,
    pub(super) rows_source: usize,
    pub(super) rows_dest: usize,
    /// Whether both sides have the same rows.
    pub(super) equal: bool,
    /// Transactions whose lag was measured: those that were committed after the destination had caught up.
    pub(super) lag_samples: usize,
    pub(super) lag_ms_p50: Option<f64>,
    pub(super) lag_ms_p99: Option<f64>,
    pub(super) lag_ms_max: Option<f64>,
    /// The first row that differs, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) difference: Option<String>,
}

impl Summary {
    pub(super) fn new(
        full_sync: Duration,
        caught_up: Option<Duration>,
        (transactions, lags): (u64, &[Duration]),
        source: &ResultSet,
        dest: &ResultSet,
    ) -> Self {
        let lag = |percent| percentile(lags, percent).map(|lag| (lag.as_secs_f64() * 10_000.0).round() / 10.0);
        let difference = difference(source, dest);
        Self {
            full_sync_ms: millis(full_sync),
            caught_up_ms: caught_up.map(millis),
            transactions,
            rows_source: source.rows.len(),
            rows_dest: dest.rows.len(),
            equal: difference.is_none(),
            lag_samples: lags.len(),
            lag_ms_p50: lag(50),
            lag_ms_p99: lag(99),
            lag_ms_max: lag(100),
            difference,
        }
    }

    /// Writes it to stdout.
    pub(super) fn print(&self, json: bool) -> std::io::Result<()> {
        let text = if json { format!("{}\n", serde_json::to_string(self)?) } else { self.text() };
        std::io::stdout().write_all(text.as_bytes())
    }

    fn text(&self) -> String {
        let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value} ms"));
        let verdict = match &self.difference {
            None => "all rows are equal".to_owned(),
            Some(difference) => format!("THE ROWS DIFFER: {difference}"),
        };
        format!(
            "full sync     {} ms, caught up after {}\ntransactions  {}\nlag           p50 {}, p99 {}, max {} ({} measured)\nrows          {} on \
             the source, {} on the destination: {verdict}\n",
            self.full_sync_ms,
            self.caught_up_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            self.transactions,
            ms(self.lag_ms_p50),
            ms(self.lag_ms_p99),
            ms(self.lag_ms_max),
            self.lag_samples,
            self.rows_source,
            self.rows_dest,
        )
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The first difference of two results that are sorted by key.
fn difference(source: &ResultSet, dest: &ResultSet) -> Option<String> {
    if source.columns != dest.columns {
        return Some(format!("the columns are {:?} and {:?}", source.columns, dest.columns));
    }
    let shown = |row: &Vec<Option<String>>| {
        row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("|")
    };
    for (index, (left, right)) in source.rows.iter().zip(&dest.rows).enumerate() {
        if left != right {
            return Some(format!(
                "row {index} is {} on the source and {} on the destination",
                shown(left),
                shown(right)
            ));
        }
    }
    (source.rows.len() != dest.rows.len())
        .then(|| format!("{} rows on the source, {} on the destination", source.rows.len(), dest.rows.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rows(values: &[&str]) -> ResultSet {
        let rows = values.iter().map(|value| vec![Some((*value).to_owned()), None]).collect();
        ResultSet { columns: vec!["k".to_owned(), "v".to_owned()], rows }
    }

    #[test]
    fn every_difference_is_found() {
        let both = rows(&["1", "2"]);
        assert_eq!(difference(&both, &both), None);
        assert_eq!(difference(&both, &rows(&["1"])).unwrap(), "2 rows on the source, 1 on the destination");
        let changed = difference(&both, &rows(&["1", "3"])).unwrap();
        assert_eq!(changed, "row 1 is 2|NULL on the source and 3|NULL on the destination");
        let mut renamed = both.clone();
        renamed.columns[1] = "w".to_owned();
        assert!(difference(&both, &renamed).unwrap().starts_with("the columns are"));
    }

    #[test]
    fn json_has_the_promised_keys() {
        let lags = [Duration::from_micros(1250), Duration::from_millis(30)];
        let summary = Summary::new(
            Duration::from_millis(1500),
            Some(Duration::from_millis(1600)),
            (2, &lags),
            &rows(&["1"]),
            &rows(&["1"]),
        );
        assert_eq!(
            serde_json::to_string(&summary).unwrap(),
            r#"{"full_sync_ms":1500,"caught_up_ms":1600,"transactions":2,"rows_source":1,"rows_dest":1,"equal":true,"lag_samples":2,"lag_ms_p50":1.3,"lag_ms_p99":30.0,"lag_ms_max":30.0}"#
        );
        let text = Summary::new(Duration::ZERO, None, (0, &[]), &rows(&["1"]), &rows(&["2"])).text();
        assert!(text.contains("p50 -") && text.contains("THE ROWS DIFFER: row 0"), "{text}");
    }
}
