//! The two simulated clusters of a run, on sockets of this process.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use anyhow::{anyhow, ensure};
use ccr_syncer::side::Side;
use doris::net::tcp::TcpNet;
use doris_sim::{
    ClusterBuilder, SimCluster,
    model::{Value, Version},
};
use tokio::time::{Instant, sleep};

pub(crate) const DB: &str = "bench";
pub(crate) const TABLE: &str = "t";
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Clusters {
    source_cluster: SimCluster,
    dest_cluster: SimCluster,
    pub(crate) source: Side,
    pub(crate) dest: Side,
    next: std::sync::atomic::AtomicI64,
}

impl Clusters {
    /// Both clusters, and a table with 1,000 rows on the source. Backups and restores take no time.
    pub(crate) async fn start(publish_delay: i64) -> anyhow::Result<Self> {
        let start = async |name: &str, seed| {
            ClusterBuilder::new(name)
                .seed(seed)
                .sockets(IpAddr::V4(Ipv4Addr::LOCALHOST))
                .publish_delay_ms(publish_delay)
                .snapshot_tick_ms(0)
                .start()
                .await
        };
        let (source_cluster, dest_cluster) = (start("source", 1).await?, start("dest", 2).await?);
        let net = Arc::new(TcpNet::default());
        let source = Side::of(Arc::clone(&net), &source_cluster);
        let dest = Side::of(net, &dest_cluster);
        source.execute(&format!("CREATE DATABASE {DB}")).await?;
        source
            .execute(&format!(
                "CREATE TABLE {DB}.{TABLE} (id BIGINT NOT NULL, note VARCHAR(64)) DUPLICATE KEY (id) \
                 DISTRIBUTED BY HASH(id) BUCKETS 3 \
                 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")"
            ))
            .await?;
        let clusters = Self { source_cluster, dest_cluster, source, dest, next: 1.into() };
        let rows = (0..1000).map(|_| clusters.row()).collect();
        clusters.source_cluster.load(DB, TABLE, rows).await.map_err(refused)?;
        Ok(clusters)
    }

    fn row(&self) -> Vec<Value> {
        let id = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        vec![Value::Int(id.into()), Value::Text(format!("row {id}"))]
    }

    /// One transaction of one row, visible when it returns.
    pub(crate) async fn write_one(&self) -> anyhow::Result<()> {
        self.source_cluster.load(DB, TABLE, vec![self.row()]).await.map_err(refused)
    }

    /// Many transactions of one row, all visible when it returns.
    pub(crate) async fn write_backlog(&self, count: u32) -> anyhow::Result<()> {
        let mut last = None;
        for _ in 0..count {
            let row = self.row();
            last = Some(self.source_cluster.with(|model| model.load(DB, TABLE, vec![row])).map_err(refused)?);
        }
        let Some(last) = last else { return Ok(()) };
        let sim = self.source_cluster.sim();
        let deadline = sim.clock().now_ms().saturating_add(i64::try_from(PATIENCE.as_millis())?);
        ensure!(sim.wait_visible(last, deadline).await, "the backlog did not become visible");
        Ok(())
    }

    /// Waits until the destination has the source's version: each transaction raises it by one.
    pub(crate) async fn wait_equal_versions(&self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let (source, dest) = (version(&self.source_cluster), version(&self.dest_cluster));
            if source.is_some() && source == dest {
                return Ok(());
            }
            ensure!(Instant::now() < end, "the destination stands at version {dest:?}, the source at {source:?}");
            sleep(Duration::from_micros(500)).await;
        }
    }

    /// Number of rows, and whether both sides hold the same.
    pub(crate) fn compare(&self) -> anyhow::Result<(u64, bool)> {
        let source = self.source_cluster.rows(DB, TABLE).map_err(refused)?;
        let dest = self.dest_cluster.rows(DB, TABLE).map_err(refused)?;
        Ok((source.len() as u64, source == dest))
    }
}

/// Visible version of the table's one partition; `None` while there is no such table.
fn version(cluster: &SimCluster) -> Option<Version> {
    cluster.sim().look(|model| model.table(DB, TABLE).ok()?.partitions.first().map(|p| p.visible_version))
}

fn refused(refusal: doris_sim::Refusal) -> anyhow::Error {
    anyhow!("the simulated cluster refused: {refusal:?}")
}
