//! What goes wrong, besides single calls on the syncer's network.

use anyhow::anyhow;
use ccr_store::memory::Moment;
use doris_sim::{
    FaultRule, SimCluster,
    control::{Command, JobKind},
    serve::faults::{Channel, Effect, MasterHint},
};

use super::{desk::DB, plan::Profile, process::Process, process::StorePlan};
use crate::{clusters::Clusters, host::SeededRng};

macro_rules! mishaps {
    ($($name:ident $label:literal $steady:literal $failover:literal $outage:literal;)+) => {
        /// One kind of mishap.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mishap {
            $($name,)+
        }

        impl Mishap {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }

            /// Weights on days of a profile: usual days, failover, long outage.
            pub(super) fn weights(profile: Profile) -> Vec<(Self, u64)> {
                vec![$((Self::$name, match profile {
                    Profile::Failover => $failover,
                    Profile::LongOutage => $outage,
                    _ => $steady,
                }),)+]
            }
        }
    };
}

mishaps! {
    // name "label" usual failover outage
    NotMaster "not master, no address" 3 5 1;
    NotMasterNamed "not master, address" 3 5 1;
    NotMasterEmpty "not master, empty address" 3 5 1;
    Refusal "call refused" 4 2 1;
    CutReply "reply cut" 4 3 2;
    IngestFails "ingest fails" 5 3 2;
    IngestHangs "ingest hangs" 2 2 1;
    DownloadFails "download fails" 4 2 1;
    SourceFrontendDies "source frontend dies" 3 8 2;
    DestFrontendDies "destination frontend dies" 3 8 2;
    SourceMasterSwitch "source master switch" 2 6 1;
    DestMasterSwitch "destination master switch" 2 6 1;
    SourceElectionGap "source election gap" 2 5 2;
    DestElectionGap "destination election gap" 2 5 2;
    SourceBackendDies "source backend dies" 2 8 2;
    DestBackendDies "destination backend dies" 3 8 2;
    SlowBackend "slow backend" 2 2 1;
    SourcePublishHeld "source publish held" 1 1 1;
    DestPublishHeld "destination publish held" 3 2 2;
    RecordLate "record late in the stream" 1 1 1;
    LabelsEvicted "labels evicted" 4 3 6;
    BinlogsCollected "binlogs collected by their properties" 2 1 3;
    BinlogsDiscarded "binlogs discarded" 0 0 2;
    SnapshotExpired "snapshot expired" 1 1 2;
    BackupFails "backup fails" 3 2 2;
    RestoreFails "restore fails" 3 2 2;
    BackupCancelled "backup cancelled by hand" 1 1 1;
    RestoreCancelled "restore cancelled by hand" 1 1 1;
    ForeignBackup "foreign backup in the way" 2 1 1;
    StoreFailsBefore "store fails, nothing written" 3 3 3;
    StoreFailsAfter "store fails after the write" 3 3 3;
    Kill "process killed" 6 12 4;
    KillBeforePersist "process killed before a write of progress" 4 6 2;
    KillAfterPersist "process killed after a write of progress" 4 6 2;
    KillAtCall "process killed at a call" 5 8 2;
    Restart "process stopped and started" 2 2 2;
    SourceAway "source away" 1 2 8;
    DestAway "destination away" 1 2 8;
}

/// What ends a mishap.
#[derive(Debug)]
pub(super) enum Remedy {
    Source(Command),
    Dest(Command),
    Rule(u64),
}

/// What a mishap came to.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// Nothing was in a state for it.
    pub(super) not: bool,
    /// The process is to be killed now, or stopped.
    pub(super) kill: bool,
    pub(super) stop: bool,
    /// What is to be done so many milliseconds later.
    pub(super) later: Vec<(u64, Remedy)>,
}

/// Methods of frontends that a syncer calls.
const METHODS: [&str; 8] = [
    "beginTxn",
    "commitTxn",
    "rollbackTxn",
    "getBinlog",
    "getMeta",
    "getSnapshot",
    "restoreSnapshot",
    "getMasterToken",
];

/// Does it.
pub(super) fn happen(
    mishap: Mishap,
    clusters: &Clusters,
    process: &Process,
    store: &StorePlan,
    table: &str,
    rng: &SeededRng,
) -> Happened {
    let (source, dest) = (&clusters.source, &clusters.dest);
    let mut happened = Happened::default();
    let short = 200 + rng.below(3000);
    let long = 5_000 + rng.below(120_000);
    let done = match mishap {
        Mishap::NotMaster | Mishap::NotMasterNamed | Mishap::NotMasterEmpty => {
            let hint = match mishap {
                Mishap::NotMaster => MasterHint::Absent,
                Mishap::NotMasterNamed => MasterHint::Named,
                _ => MasterHint::Empty,
            };
            rule(
                clusters,
                FaultRule::new(Effect::NotMaster(hint)).of(method(rng)).times(1 + rng.below(4)),
                short,
                &mut happened,
            )
        }
        Mishap::Refusal => {
            let effect = Effect::Fail { status: 6, text: "internal error of the simulation".to_owned() };
            rule(clusters, FaultRule::new(effect).of(method(rng)).times(1 + rng.below(3)), short, &mut happened)
        }
        Mishap::CutReply => {
            let cut = Effect::Cut(rng.below(40) as usize);
            rule(clusters, FaultRule::new(cut).of(method(rng)).after().times(1 + rng.below(2)), short, &mut happened)
        }
        Mishap::IngestFails => {
            let effect = Effect::Fail { status: 6, text: "disk is full".to_owned() };
            rule(clusters, FaultRule::new(effect).of("ingest_binlog").times(1 + rng.below(6)), short, &mut happened)
        }
        Mishap::IngestHangs => {
            rule(clusters, FaultRule::new(Effect::Hang).of("ingest_binlog").times(1), short, &mut happened)
        }
        Mishap::DownloadFails => {
            let effect = Effect::Fail { status: 500, text: "no".to_owned() };
            let rule_of = FaultRule {
                channel: Some(Channel::Http),
                ..FaultRule::new(effect).of("GET /api/_binlog*").times(1 + rng.below(6))
            };
            rule(clusters, rule_of, short, &mut happened)
        }
        Mishap::SourceFrontendDies => frontend_dies(source, rng, short, Remedy::Source, &mut happened),
        Mishap::DestFrontendDies => frontend_dies(dest, rng, short, Remedy::Dest, &mut happened),
        Mishap::SourceMasterSwitch => switch(source, rng),
        Mishap::DestMasterSwitch => switch(dest, rng),
        Mishap::SourceElectionGap => gap(source, rng, short, Remedy::Source, &mut happened),
        Mishap::DestElectionGap => gap(dest, rng, short, Remedy::Dest, &mut happened),
        Mishap::SourceBackendDies => backend_dies(source, rng, short, Remedy::Source, &mut happened),
        Mishap::DestBackendDies => backend_dies(dest, rng, short, Remedy::Dest, &mut happened),
        Mishap::SlowBackend => {
            let backend = backend(dest, rng);
            happened.later.push((short, Remedy::Dest(Command::SlowBackend(backend, 0))));
            run(dest, Command::SlowBackend(backend, 20 + rng.below(400) as i64))
        }
        Mishap::SourcePublishHeld => {
            happened.later.push((short, Remedy::Source(Command::ReleasePublish)));
            run(source, Command::HoldPublish)
        }
        Mishap::DestPublishHeld => {
            happened.later.push((short, Remedy::Dest(Command::ReleasePublish)));
            run(dest, Command::HoldPublish)
        }
        Mishap::RecordLate => {
            source.with(|model| model.insert_next_upsert_late(50 + rng.below(1500) as i64));
            Ok(())
        }
        Mishap::LabelsEvicted => run(dest, Command::EvictLabels(DB.to_owned())),
        Mishap::BinlogsCollected => run(source, Command::CollectBinlogs),
        Mishap::BinlogsDiscarded => run(source, Command::DiscardBinlogs(DB.to_owned())),
        Mishap::SnapshotExpired => match newest_snapshot(source) {
            Some(label) => run(source, Command::ExpireSnapshot(label)),
            None => Err(anyhow!("no snapshot")),
        },
        Mishap::BackupFails => {
            let state = ["PENDING", "SNAPSHOTING"][rng.below(2) as usize];
            run(source, fail(JobKind::Backup, state))
        }
        Mishap::RestoreFails => {
            let state = ["PENDING", "SNAPSHOTING", "DOWNLOADING", "COMMITTING"][rng.below(4) as usize];
            run(dest, fail(JobKind::Restore, state))
        }
        Mishap::BackupCancelled => statement(source, &format!("CANCEL BACKUP FROM {DB}")),
        Mishap::RestoreCancelled => statement(dest, &format!("CANCEL RESTORE FROM {DB}")),
        Mishap::ForeignBackup => {
            let label = format!("nightly_{}", rng.below(1_000_000));
            statement(source, &format!("BACKUP SNAPSHOT {DB}.{label} TO `__keep_on_local__` ON ({table})"))
        }
        Mishap::StoreFailsBefore => {
            store.fail(Moment::Before, 1 + rng.below(4));
            Ok(())
        }
        Mishap::StoreFailsAfter => {
            store.fail(Moment::After, 1 + rng.below(2));
            Ok(())
        }
        Mishap::Kill => {
            happened.kill = true;
            Ok(())
        }
        Mishap::KillBeforePersist => {
            store.die_at_persist(1 + rng.below(6), Moment::Before);
            Ok(())
        }
        Mishap::KillAfterPersist => {
            store.die_at_persist(1 + rng.below(6), Moment::After);
            Ok(())
        }
        Mishap::KillAtCall => {
            process.gate.die_at_call(1 + rng.below(60) as i64, rng.chance(500));
            Ok(())
        }
        Mishap::Restart => {
            happened.stop = true;
            Ok(())
        }
        Mishap::SourceAway => away(clusters, source, long, &mut happened),
        Mishap::DestAway => away(clusters, dest, long, &mut happened),
    };
    happened.not = done.is_err();
    if happened.not {
        happened.later.clear();
    }
    happened
}

/// Undoes it.
pub(super) fn remedy(clusters: &Clusters, remedy: &Remedy) {
    // What ends a mishap may have come by itself: nothing depends on who did it.
    let _done = match remedy {
        Remedy::Source(command) => run(&clusters.source, command.clone()),
        Remedy::Dest(command) => run(&clusters.dest, command.clone()),
        Remedy::Rule(id) => {
            clusters.source.control().faults().remove(*id);
            Ok(())
        }
    };
}

fn run(cluster: &SimCluster, command: Command) -> anyhow::Result<()> {
    cluster.control().run(&command).map_err(|refusal| anyhow!("{refusal:?}"))
}

fn method(rng: &SeededRng) -> &'static str {
    METHODS[rng.below(METHODS.len() as u64) as usize]
}

/// Both clusters share the faults of their network.
fn rule(clusters: &Clusters, rule: FaultRule, ms: u64, happened: &mut Happened) -> anyhow::Result<()> {
    let id = clusters.source.control().faults().add(rule).map_err(|why| anyhow!(why))?;
    happened.later.push((ms, Remedy::Rule(id)));
    Ok(())
}

/// All calls to a cluster's frontends fail.
fn away(clusters: &Clusters, cluster: &SimCluster, ms: u64, happened: &mut Happened) -> anyhow::Result<()> {
    for frontend in cluster.frontends() {
        for port in [&frontend.query, &frontend.rpc] {
            let of = FaultRule { to: Some(port.to_string()), ..FaultRule::new(Effect::Unreachable) };
            rule(clusters, of, ms, happened)?;
        }
    }
    Ok(())
}

fn frontend_dies(
    cluster: &SimCluster,
    rng: &SeededRng,
    ms: u64,
    of: fn(Command) -> Remedy,
    happened: &mut Happened,
) -> anyhow::Result<()> {
    let n = 1 + rng.below(cluster.frontends().len() as u64) as usize;
    run(cluster, Command::KillFrontend(n))?;
    happened.later.push((ms, of(Command::StartFrontend(n))));
    Ok(())
}

fn switch(cluster: &SimCluster, rng: &SeededRng) -> anyhow::Result<()> {
    run(cluster, Command::SwitchMaster(1 + rng.below(cluster.frontends().len() as u64) as usize))
}

fn gap(
    cluster: &SimCluster,
    rng: &SeededRng,
    ms: u64,
    of: fn(Command) -> Remedy,
    happened: &mut Happened,
) -> anyhow::Result<()> {
    let n = 1 + rng.below(cluster.frontends().len() as u64) as usize;
    run(cluster, Command::LoseMaster)?;
    happened.later.push((ms, of(Command::SwitchMaster(n))));
    Ok(())
}

fn backend(cluster: &SimCluster, rng: &SeededRng) -> i64 {
    let backends = cluster.backends();
    backends.get(rng.below(backends.len() as u64) as usize).map_or(0, |id| id.get())
}

fn backend_dies(
    cluster: &SimCluster,
    rng: &SeededRng,
    ms: u64,
    of: fn(Command) -> Remedy,
    happened: &mut Happened,
) -> anyhow::Result<()> {
    let id = backend(cluster, rng);
    run(cluster, Command::KillBackend(id))?;
    happened.later.push((ms, of(Command::StartBackend(id))));
    Ok(())
}

fn fail(kind: JobKind, state: &str) -> Command {
    Command::FailJob { kind, label: "ccr".to_owned(), state: state.to_owned(), text: "the disk is full".to_owned() }
}

/// A statement of somebody else, now.
fn statement(cluster: &SimCluster, sql: &str) -> anyhow::Result<()> {
    use futures::FutureExt as _;
    let fe = cluster.sim().look(|model| model.master).ok_or_else(|| anyhow!("no master"))?;
    let mut session = doris_sim::Session { user: "root".to_owned(), fe, ..Default::default() };
    // BACKUP and CANCEL answer at once.
    match cluster.sql_service().execute(&mut session, sql).now_or_never() {
        Some(doris::net::SqlReply::Error { message, .. }) => Err(anyhow!(message)),
        Some(_) => Ok(()),
        None => Err(anyhow!("it did not answer at once")),
    }
}

fn newest_snapshot(cluster: &SimCluster) -> Option<String> {
    use futures::FutureExt as _;
    let mut session = doris_sim::Session { user: "root".to_owned(), ..Default::default() };
    let reply = cluster.sql_service().execute(&mut session, &format!("SHOW BACKUP FROM {DB}")).now_or_never()?;
    let doris::net::SqlReply::Rows(set) = reply else { return None };
    let at = set.columns.iter().position(|column| column == "SnapshotName")?;
    set.rows.iter().filter_map(|row| row.get(at)?.clone()).rfind(|label| label.starts_with("ccr"))
}
