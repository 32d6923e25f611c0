//! `doris-sim`: a Doris cluster in memory on sockets, for trying things out.

use std::net::IpAddr;

use clap::Parser;
use doris::secret::Secret;
use doris_sim::{ClusterBuilder, Profile, SimCluster, clock::wall_clock_ms};

/// Starts an Apache Doris cluster in memory that speaks Doris's protocols: MySQL, Thrift and the HTTP of backends.
/// Nothing is stored: it is empty when it starts and gone when it ends.
#[derive(Debug, Parser)]
#[command(name = "doris-sim", version)]
struct Args {
    /// Number of frontends; the first is the master.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    frontends: u16,
    /// Number of backends.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    backends: u16,
    /// MySQL port of the first frontend, the others have the following ones; 0 = free ports.
    #[arg(long, default_value_t = 9030)]
    query_port: u16,
    /// Thrift port of the first frontend, the others have the following ones; 0 = free ports.
    #[arg(long, default_value_t = 9020)]
    rpc_port: u16,
    /// Address to listen on, and the one that the cluster tells its clients.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Version of Doris that the cluster behaves as: 2.1, 3.0 (both as of 2024-09) or 4.1.
    #[arg(long, default_value = "4.1", value_parser = profile)]
    doris: Profile,
    /// Milliseconds from the commit of a transaction until it is visible.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..))]
    publish_delay: i64,
    /// Milliseconds of one step of a backup or restore (a real Doris: 3000).
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(i64).range(0..))]
    snapshot_tick: i64,
    /// Decides ids, tokens and gaps in the journal: give two clusters two seeds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// HTTP port for faults and commands, see `curl http://<host>:<port>/`; none by default, 0 = a free port.
    #[arg(long)]
    control_port: Option<u16>,
    /// So many of the frontends, the last ones, are observers.
    #[arg(long, default_value_t = 0)]
    observers: u16,
    /// Milliseconds between two heartbeats: how soon a frontend notices that a backend died (a real Doris: 10000).
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(i64).range(1..))]
    heartbeat: i64,
    /// Milliseconds that a frontend needs to start, until it answers Thrift; twice as long until it answers SQL (a real
    /// Doris: 16000).
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(i64).range(0..))]
    frontend_start: i64,
    /// Password of root; none by default.
    #[arg(long, env = "DORIS_SIM_ROOT_PASSWORD", hide_env_values = true)]
    root_password: Option<String>,
}

fn profile(version: &str) -> Result<Profile, String> {
    Profile::of_version(version).ok_or_else(|| "known are 2.1, 3.0 and 4.1".to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing_subscriber::filter::LevelFilter::WARN.into())
                .from_env_lossy(),
        )
        .init();
    let args = Args::parse();
    let mut builder = ClusterBuilder::new("doris-sim")
        .doris(args.doris)
        .frontends(args.frontends.into())
        .backends(args.backends.into())
        .publish_delay_ms(args.publish_delay)
        .snapshot_tick_ms(args.snapshot_tick)
        .seed(args.seed)
        .root_password(Secret::new(args.root_password.unwrap_or_default()))
        .base_ms(wall_clock_ms())
        .observers(args.observers.into())
        .heartbeat_interval_ms(args.heartbeat)
        .frontend_start_ms(args.frontend_start)
        .sockets_at(args.host, args.query_port, args.rpc_port);
    if let Some(port) = args.control_port {
        builder = builder.control_port(port);
    }
    let cluster = builder.start().await?;
    announce(&cluster);
    tokio::signal::ctrl_c().await?;
    cluster.shutdown().await;
    Ok(())
}

/// Says where everything is.
#[allow(clippy::print_stdout, reason = "telling the endpoints is what the program prints for")]
fn announce(cluster: &SimCluster) {
    for (n, fe) in cluster.frontends().iter().enumerate() {
        let role = if n == 0 { "master" } else { "follower" };
        println!("frontend {} ({role}): MySQL {}, Thrift {}, HTTP {}", n + 1, fe.query, fe.rpc, fe.http);
    }
    let backends: Vec<String> = cluster.with(|model| {
        let backends = model.backends.values();
        backends
            .map(|be| format!("backend {}: {}, Thrift {}, HTTP {}", be.id, be.host, be.be_port, be.http_port))
            .collect()
    });
    for backend in backends {
        println!("{backend}");
    }
    if let Some(control) = cluster.control_endpoint() {
        println!("control: curl http://{control}/");
    }
    if let Some(fe) = cluster.frontends().first() {
        println!();
        println!("connect:  mysql -h {} -P {} -u root", fe.query.host, fe.query.port);
        println!("end:      Ctrl-C");
    }
}
