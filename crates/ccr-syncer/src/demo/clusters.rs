//! The two simulated clusters of the demo.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use ccr_engine::Clock;
use doris::net::{Net, tcp::TcpNet};
use doris_sim::{ClusterBuilder, SimCluster};

use crate::{host::SystemClock, side::Side};

/// Backends of each cluster.
const BACKENDS: usize = 3;

/// Both clusters; they end when dropped.
pub(super) struct Clusters {
    pub(super) source: Side,
    pub(super) dest: Side,
    _running: [SimCluster; 2],
}

/// Starts two clusters of one FE and three BEs on free ports of 127.0.0.1.
pub(super) async fn start(seed: u64, tick: Duration) -> anyhow::Result<Clusters> {
    let net = Arc::new(TcpNet::default());
    let tick_ms = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX);
    let builder = |name: &str, seed: u64| {
        ClusterBuilder::new(name)
            .seed(seed)
            .backends(BACKENDS)
            .snapshot_tick_ms(tick_ms)
            .base_ms(SystemClock.now_ms())
            .backend_net(Arc::clone(&net) as Arc<dyn Net>)
            .sockets(IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let source = builder("source", seed).start().await?;
    let dest = builder("dest", seed.wrapping_add(1)).start().await?;
    Ok(Clusters { source: Side::of(Arc::clone(&net), &source), dest: Side::of(net, &dest), _running: [source, dest] })
}
