//! The two simulated clusters of a world, in process.

use std::sync::Arc;

use anyhow::Context as _;
use doris::{
    net::{Net, SqlLogin},
    secret::Secret,
};
use doris_sim::{ClusterBuilder, SimCluster, serve::SimNet};

/// Source and destination on one network.
#[derive(Debug)]
pub struct Clusters {
    pub source: SimCluster,
    pub dest: SimCluster,
    net: SimNet,
}

impl Clusters {
    /// Starts both. Their ids and hash orders follow from the seed.
    pub async fn start(seed: u64) -> anyhow::Result<Self> {
        Self::with(seed, |_, builder| builder.backends(2).publish_delay_ms(15).snapshot_tick_ms(50)).await
    }

    /// As [`Self::start`], each built as `build` says, by its name `source` or `dest`.
    pub async fn with(seed: u64, build: impl Fn(&str, ClusterBuilder) -> ClusterBuilder) -> anyhow::Result<Self> {
        let net = SimNet::new();
        let builder = |name: &str, seed| build(name, ClusterBuilder::new(name).seed(seed).in_process(&net));
        let source = builder("source", seed.wrapping_mul(2)).start().await.context("the source")?;
        let dest = builder("dest", seed.wrapping_mul(2).wrapping_add(1)).start().await.context("the destination")?;
        Ok(Self { source, dest, net })
    }

    /// The network without faults.
    pub fn net(&self) -> Arc<dyn Net> {
        Arc::new(self.net.clone())
    }
}

/// Root at the first FE of a cluster.
pub fn login(cluster: &SimCluster) -> anyhow::Result<SqlLogin> {
    let frontend = cluster.frontends().first().context("a cluster without FEs")?;
    Ok(SqlLogin { endpoint: frontend.query.clone(), user: "root".to_owned(), password: Secret::default() })
}

/// Thrift port of the first FE.
pub fn rpc_port(cluster: &SimCluster) -> anyhow::Result<u16> {
    Ok(cluster.frontends().first().context("a cluster without FEs")?.rpc.port)
}
