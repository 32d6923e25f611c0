//! The clusters that a recording was taken from, rebuilt of what it shows of them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use doris::net::Endpoint;
use doris_sim::{
    ClusterBuilder, Session, SimCluster, SimNet,
    model::{BackendPorts, Profile},
};
use serde_json::Value;

use crate::recording::{Recording, What};

/// Simulated clusters by the letter of the recording.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) net: SimNet,
    clusters: BTreeMap<char, SimCluster>,
    /// One SQL connection per frontend.
    sessions: BTreeMap<String, Session>,
}

/// Ids begin where no time of milliseconds lies.
const FIRST_ID: i64 = 5_000_000_000_000;

impl World {
    pub(crate) async fn of(recording: &Recording, start_ms: i64) -> Result<Self> {
        let net = SimNet::new();
        let mut frontends: BTreeMap<char, usize> = BTreeMap::new();
        for step in recording.steps.iter().filter(|step| !step.on.is_empty()) {
            let (letter, number) = name(&step.on)?;
            let count = frontends.entry(letter).or_default();
            *count = (*count).max(number);
        }
        // Followers may be shown without ever being asked.
        for (letter, shown) in rows_of(recording, "SHOW FRONTENDS") {
            let count = frontends.entry(letter).or_default();
            *count = (*count).max(shown.len());
        }
        let mut clusters: BTreeMap<char, SimCluster> = BTreeMap::new();
        for (index, (letter, count)) in frontends.into_iter().enumerate() {
            let builder = describe(recording, letter, index, count).in_process(&net).base_ms(start_ms);
            let cluster = builder.start().await.context("start a cluster")?;
            // The recorded clusters had no backends that hold rows.
            cluster.with(|model| {
                model.options.stand_in_backends = true;
                // Nobody knows in which phase the recorded collector was: here it is never far away.
                model.options.binlog_gc_interval_ms = 1000;
                model.options.tablet_report_interval_ms = 3000;
                // Seen: who came back was alive two seconds later.
                model.options.heartbeat_interval_ms = 2000;
            });
            clusters.insert(letter, cluster);
        }
        for (letter, rows) in rows_of(recording, "SHOW FRONTENDS") {
            let Some(cluster) = clusters.get(&letter) else { continue };
            cluster.with(|model| {
                for row in &rows {
                    let of = model.frontends.iter_mut().find(|fe| row[1] == fe.host.as_str());
                    if let (Some(fe), Some(name)) = (of, row[0].as_str()) {
                        // Their order is by these names.
                        fe.name = name.to_owned();
                    }
                }
            });
        }
        let world = Self { net, clusters, sessions: BTreeMap::new() };
        for cluster in world.clusters.values() {
            let mut session = Session { user: "root".to_owned(), ..Session::default() };
            // As the recorder did before it began.
            cluster.sql_service().execute(&mut session, "SET GLOBAL enable_auto_analyze = false").await;
        }
        Ok(world)
    }

    /// The cluster that a frontend belongs to, and the frontend's index.
    pub(crate) fn cluster(&self, on: &str) -> Result<(&SimCluster, usize)> {
        let (letter, number) = name(on)?;
        let cluster = self.clusters.get(&letter).with_context(|| format!("no cluster {letter}"))?;
        Ok((cluster, number - 1))
    }

    /// The current database of the connection to a frontend.
    pub(crate) fn current_db(&self, on: &str) -> Option<String> {
        self.sessions.get(on)?.db.clone()
    }

    /// Where a frontend answers Thrift calls.
    pub(crate) fn rpc(&self, on: &str) -> Result<Endpoint> {
        let (cluster, index) = self.cluster(on)?;
        Ok(cluster.frontends().get(index).with_context(|| format!("no frontend {on}"))?.rpc.clone())
    }

    /// Executes a statement on the one connection to a frontend.
    pub(crate) async fn sql(&mut self, on: &str, sql: &str) -> Result<doris::net::SqlReply> {
        let (cluster, index) = self.cluster(on)?;
        let service = std::sync::Arc::clone(cluster.sql_service());
        let host = "127.0.0.1".to_owned();
        let new = || Session { user: "root".to_owned(), host, fe: index, connection_id: 1, ..Session::default() };
        let session = self.sessions.entry(on.to_owned()).or_insert_with(new);
        Ok(service.execute(session, sql).await)
    }
}

/// The letter of a cluster, and the number of a frontend counted from 1.
fn name(on: &str) -> Result<(char, usize)> {
    let mut chars = on.chars();
    let Some(letter) = chars.next() else { bail!("a step names no frontend") };
    match chars.as_str() {
        "" => Ok((letter, 1)),
        number => Ok((letter, number.parse().with_context(|| format!("{on} is no frontend's name"))?)),
    }
}

/// The `index`-th cluster: addresses as shown, or else as the recorder's by default.
fn describe(recording: &Recording, letter: char, index: usize, frontends: usize) -> ClusterBuilder {
    let offset = u16::try_from(index * 10_000).unwrap_or_default();
    let mut builder = ClusterBuilder::new(letter.to_string())
        .doris(version(&recording.doris, letter))
        .first_id(FIRST_ID)
        .snapshot_tick_ms(200)
        .frontend_config("backup_handler_update_interval_millis", "200")
        .frontend_config("enable_debug_points", "true")
        .frontend_config("tablet_create_timeout_second", "5");
    for number in 1..=frontends.max(1) {
        let host = if frontends > 1 { format!("10.99.0.{}", 10 + number) } else { "127.0.0.1".to_owned() };
        builder = builder.frontend_at(&host, 9030 + offset, 9020 + offset);
    }
    let shown = rows_of(recording, "SHOW BACKENDS").remove(&letter).unwrap_or_default();
    let text = |row: &Value, column: usize| row[column].as_str().unwrap_or_default().to_owned();
    let port = |row: &Value, column: usize| text(row, column).parse().unwrap_or_default();
    for row in &shown {
        let ports = BackendPorts { heartbeat: port(row, 2), be: port(row, 3), http: port(row, 4), brpc: port(row, 5) };
        builder = builder.backend_at(&text(row, 1), ports);
    }
    if shown.is_empty() {
        let BackendPorts { heartbeat, be, http, brpc } = BackendPorts::default();
        let ports =
            BackendPorts { heartbeat: heartbeat + offset, be: be + offset, http: http + offset, brpc: brpc + offset };
        let host = if frontends > 1 { "10.99.0.1" } else { "127.0.0.1" };
        builder = builder.backend_at(host, ports);
    }
    // The recorded clusters of one backend were told so.
    if shown.len() <= 1 {
        builder = builder.frontend_config("force_olap_table_replication_num", "1");
    }
    builder
}

/// The largest answer to a statement, by cluster.
fn rows_of(recording: &Recording, statement: &str) -> BTreeMap<char, Vec<Value>> {
    let mut found: BTreeMap<char, Vec<Value>> = BTreeMap::new();
    for step in &recording.steps {
        let What::Sql { sql, answer } = &step.what else { continue };
        let (Ok((letter, _)), Some(rows)) = (name(&step.on), answer["rows"].as_array()) else { continue };
        let known = found.get(&letter).map_or(0, Vec::len);
        if sql.eq_ignore_ascii_case(statement) && rows.len() > known {
            found.insert(letter, rows.clone());
        }
    }
    found
}

/// The version that a cluster had, by the words of the recording.
fn version(doris: &str, letter: char) -> Profile {
    let own = doris.split(',').map(str::trim).find(|part| part.starts_with(&format!("{letter} "))).unwrap_or(doris);
    if own.contains("2.1") {
        Profile::v2_1()
    } else if own.contains("3.0") {
        Profile::v3_0()
    } else {
        Profile::v4_1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontend_is_a_letter_and_a_number() {
        assert_eq!(name("A").ok(), Some(('A', 1)));
        assert_eq!(name("C3").ok(), Some(('C', 3)));
        assert!(name("").is_err());
    }

    #[test]
    fn a_pair_of_clusters_has_two_versions() {
        let pair = "A 2.1.7-rc01 (2024-09-23), B master 2026-01-19";
        assert_eq!((version(pair, 'A'), version(pair, 'B')), (Profile::v2_1(), Profile::v4_1()));
        assert_eq!(version("3.0-rc05 branch (2024-09-23)", 'A'), Profile::v3_0());
    }
}
