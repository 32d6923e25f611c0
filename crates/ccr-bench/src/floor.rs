//! What the sockets and the simulated destination allow, measured with the syncer's own client in the same run.

use std::{sync::Arc, time::Duration};

use doris::{
    Cluster, Dest,
    cluster::{BeginTxn, Begun, ClusterSpec, RequestId, Timeouts},
    net::tcp::TcpNet,
    secret::Secret,
};
use tokio::time::Instant;

use crate::clusters::{Clusters, DB};

const ROUNDS: u32 = 300;

/// Mean time of one small statement.
pub(crate) async fn round_trip(clusters: &Clusters) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        clusters.dest.rows("SHOW DATABASES").await?;
    }
    Ok(begun.elapsed() / ROUNDS)
}

/// Transactions per second of a client that begins and commits one after the other, without any rows.
pub(crate) async fn empty_transactions(clusters: &Clusters) -> anyhow::Result<f64> {
    let spec = ClusterSpec {
        host: clusters.dest.query().host.clone(),
        query_port: clusters.dest.query().port,
        rpc_port: clusters.dest.rpc_port(),
        user: "root".to_owned(),
        password: Secret::default(),
        frontends: Vec::new(),
        host_mapping: std::collections::BTreeMap::new(),
        timeouts: Timeouts::default(),
    };
    let dest: Cluster<Dest> = Cluster::new(Arc::new(TcpNet::default()), spec);
    let begun = Instant::now();
    for n in 0..ROUNDS {
        let request = BeginTxn {
            label: format!("floor_{n}"),
            tables: Vec::new(),
            request_id: RequestId { hi: 1, lo: n.into() },
            backend: None,
            timeout: Duration::from_secs(60),
            sub_txns: 0,
        };
        let Begun::New { txn, .. } = dest.begin_txn(DB, &request).await? else {
            anyhow::bail!("label {} is taken", request.label)
        };
        dest.commit_txn(DB, txn, &[], true).await?;
    }
    Ok(f64::from(ROUNDS) / begun.elapsed().as_secs_f64())
}
