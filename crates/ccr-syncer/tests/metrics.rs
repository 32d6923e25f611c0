//! `/metrics` of the whole program, as Prometheus' own tools see it; the dashboard and the alert rules beside it.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use support::{Clusters, Syncer, root, tool, until};

/// Metric names in a text: words with our prefixes.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| ["ccr_", "process_", "go_memstats_", "promhttp_"].iter().any(|prefix| word.starts_with(prefix)))
        // The name of the scrape job.
        .filter(|word| *word != "ccr_syncer")
        .map(str::to_owned)
        .collect()
}

/// Names of what a page of metrics shows, histograms without their endings.
fn exported(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect()
}

fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn check_with_promtool(page: &str) {
    let Some(promtool) = tool("promtool") else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && text(&output).trim().is_empty(), "{}\n{page}", text(&output));
}

/// Expressions of a dashboard, wherever they stand.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_str() {
                    Some(text) if matches!(key.as_str(), "expr" | "query" | "definition") => {
                        found.push(text.to_owned())
                    }
                    _ => expressions(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Everything that is promised is there once jobs have done something; promtool finds nothing to complain about; what the
/// dashboard and the rules ask for exists.
///
/// Defects: SVC-E1, SVC-E2, SVC-E6.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_dashboard_and_rules_fit_together() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    for name in ["a-b", "a_b", "größe"] {
        let table = format!("t{}", name.len());
        clusters.create("other", &format!("{table}_{}", name.contains('-'))).await;
        let job = clusters.job(name, "other", &format!("{table}_{}", name.contains('-')));
        syncer.api().post("/create_ccr", &job).await.unwrap();
    }
    syncer.api().post("/create_ccr", &clusters.job("orders", "shop", "orders")).await.unwrap();
    syncer.incremental("orders").await;
    for id in 0..5 {
        clusters.source.execute(&format!("INSERT INTO shop.orders VALUES ({id}, 'x')")).await.unwrap();
    }
    clusters.equal("shop.orders").await;
    // A job that keeps failing: its table cannot be found any more.
    clusters.create("shop", "broken").await;
    syncer.api().post("/create_ccr", &clusters.job("broken", "shop", "broken")).await.unwrap();
    syncer.incremental("broken").await;
    clusters.dest.execute("DROP TABLE shop.broken FORCE").await.unwrap();
    clusters.source.execute("INSERT INTO shop.broken VALUES (1, 'x')").await.unwrap();
    until("everything is measured", async || {
        let page = syncer.get("/metrics").await;
        value(&page, "ccr_job_retention_left_seconds{name=\"orders\"}").is_some()
            && (page.contains("\nccr_job_retries_total{name=\"broken\"")
                || page.contains("\nccr_job_halts_total{name=\"broken\""))
            && page.contains("\nccr_error_total{")
    })
    .await;
    let page = syncer.get("/metrics").await;
    check_with_promtool(&page);

    // One series of each job, whatever its name.
    for name in ["a-b", "a_b", "größe"] {
        assert_eq!(
            value(&page, &format!("ccr_job_running_sync_state{{name=\"{name}\"}}")).map(|n| n as i64 / 500),
            Some(1)
        );
    }
    for (series, least, most) in [
        ("ccr_job_running_total", 4.0, 5.0),
        ("ccr_job_transactions_total{name=\"orders\"}", 5.0, 5.0),
        ("ccr_handle_binlog_duration_seconds_count{name=\"orders\"}", 5.0, 1000.0),
        ("ccr_job_txn_phase_duration_seconds_count{name=\"orders\",phase=\"begin\"}", 5.0, 5.0),
        ("ccr_job_txn_phase_duration_seconds_count{name=\"orders\",phase=\"ingest\"}", 5.0, 5.0),
        ("ccr_job_txn_phase_duration_seconds_count{name=\"orders\",phase=\"commit\"}", 5.0, 5.0),
        ("ccr_job_txn_phase_duration_seconds_count{name=\"orders\",phase=\"visible\"}", 5.0, 5.0),
        ("ccr_job_full_syncs_total{name=\"orders\",reason=\"new_job\"}", 1.0, 1.0),
        ("ccr_job_lag_commits{name=\"orders\"}", 0.0, 5.0),
        ("ccr_job_lag_seconds{name=\"orders\"}", 0.0, 600.0),
        ("ccr_job_retention_left_seconds{name=\"orders\"}", 80_000.0, 86_400.0),
    ] {
        let found = value(&page, series).unwrap_or_else(|| panic!("{series} is missing in\n{page}"));
        assert!((least..=most).contains(&found), "{series} is {found}");
    }
    let dest = clusters.dest.query();
    for series in [
        format!("ccr_endpoint_up{{addr=\"{dest}\",kind=\"fe_sql\"}}"),
        format!("ccr_sql_exec_total{{host=\"{dest}\",db=\"\"}}"),
        format!("ccr_fe_rpc_total{{method=\"BeginTransaction\",addr=\"{}:{}\"}}", dest.host, clusters.dest.rpc_port()),
    ] {
        assert!(value(&page, &series).is_some_and(|found| found >= 1.0), "{series} in\n{page}");
    }
    assert!(page.contains("\nccr_be_rpc_duration_seconds_bucket{method=\"IngestBinlog\",addr=\"127.0.0.1:"), "{page}");

    // The newer Go program's names, process and heap.
    let exported = exported(&page);
    for name in
        "ccr_job_running_total ccr_job_running_sync_state ccr_job_running_sub_sync_state ccr_job_running_lag_total \
        ccr_job_running_lag_seconds ccr_error_total ccr_fe_rpc_total ccr_fe_rpc_duration_seconds ccr_be_rpc_total \
        ccr_be_rpc_duration_seconds ccr_binlog_commit_seq ccr_handle_binlog_total ccr_handle_binlog_duration_seconds \
        ccr_job_progress_persist_total ccr_job_progress_persist_duration_seconds ccr_sql_exec_total \
        ccr_sql_exec_duration_seconds promhttp_metric_handler_errors_total process_cpu_seconds_total \
        process_resident_memory_bytes process_virtual_memory_bytes process_open_fds process_max_fds \
        process_start_time_seconds go_memstats_heap_alloc_bytes go_memstats_heap_inuse_bytes go_memstats_heap_sys_bytes"
            .split_whitespace()
    {
        assert!(exported.contains(name), "{name} is not exported");
    }

    let dashboard: Value = serde_json::from_str(&read("ops/grafana/ccr-dashboard.json")).unwrap();
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    asked.push(read("ops/prometheus/ccr-alerts.yml"));
    let used = names(&asked.join("\n"));
    assert!(used.len() > 20, "{used:?}");
    for name in used {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        // What only bad days show is declared without a sample.
        let rare = ["ccr_job_halts_total", "ccr_call_failures_total"].contains(&name.as_str());
        assert!(exported.contains(base) || exported.contains(&name) || rare, "{name} is asked for and not exported");
    }
    let status = syncer.api().post("/job_status", &json!({"name": "orders"})).await.unwrap();
    assert_eq!(status["status"]["state"], "running", "{status}");
}

#[test]
fn promtool_takes_the_rules() {
    let Some(promtool) = tool("promtool") else { return };
    let run = |arguments: &[&str]| Command::new(&promtool).args(arguments).current_dir(root()).output().unwrap();
    let checked = run(&["check", "rules", "ops/prometheus/ccr-alerts.yml"]);
    assert!(checked.status.success() && text(&checked).contains("SUCCESS"), "{}", text(&checked));
    let tested = run(&["test", "rules", "ops/prometheus/ccr-alerts-test.yml"]);
    assert!(tested.status.success(), "{}", text(&tested));
    assert!(Path::new(&root()).join("ops/README.md").exists());
}
