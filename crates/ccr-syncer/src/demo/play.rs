//! The play itself, from two empty clusters to the comparison of all rows.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Options, clusters,
    load::{self, Commit},
    measure::{Measure, percentile},
    orders::{CREATE_DATABASE, CREATE_TABLE, DATABASE, Orders, TABLE},
    screen::Screen,
    summary::Summary,
    table,
};
use crate::{
    api::Api,
    flags::Flags,
    manager::{Held, Manager},
    serve::Syncer,
    side::Side,
};

const JOB: &str = "demo";
/// Longest wait for a cluster, for the full sync, and for the destination to catch up at the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the job's state is asked for.
const ASK: Duration = Duration::from_millis(20);

/// Why there is no summary.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The user left.
    Left,
    Failed(anyhow::Error),
}

/// Plays until the time is over or `enough` is cancelled, and compares. `leave` ends it at once. Either way the syncer is
/// stopped cleanly.
pub(super) async fn play(
    options: &Options,
    flags: &Flags,
    screen: &Screen,
    enough: &CancellationToken,
    leave: &CancellationToken,
) -> Result<Summary, Stopped> {
    let stage = match Stage::set(options, flags, screen).await {
        Ok(stage) => stage,
        Err(error) => return Err(Stopped::Failed(error)),
    };
    let result = tokio::select! {
        biased;
        () = leave.cancelled() => Err(Stopped::Left),
        result = act(&stage, options, screen, enough) => result.map_err(Stopped::Failed),
    };
    stage.strike().await.map_err(Stopped::Failed)?;
    result
}

/// Clusters and syncer.
struct Stage {
    source: Side,
    dest: Side,
    api: Api,
    manager: Arc<Manager>,
    /// The simulated clusters live as long as this.
    _clusters: clusters::Clusters,
    syncer: JoinHandle<()>,
    stop: CancellationToken,
}

impl Stage {
    async fn set(options: &Options, flags: &Flags, screen: &Screen) -> anyhow::Result<Self> {
        let clusters = clusters::start(options.seed, options.tick).await.context("the simulated clusters")?;
        let (source, dest) = (clusters.source.clone(), clusters.dest.clone());
        let syncer = Syncer::open(flags).await?;
        let api = Api((std::net::Ipv4Addr::LOCALHOST, syncer.address().port()).into());
        let manager = Arc::clone(syncer.manager());
        let stop = CancellationToken::new();
        let syncer = tokio::spawn(syncer.run(stop.clone()));
        let mysql = |side: &Side| format!("mysql -h {} -P {} -u root", side.query().host, side.query().port);
        screen.note(&format!("source       {}", mysql(&source)));
        screen.note(&format!("destination  {}", mysql(&dest)));
        screen.note(&format!("syncer       curl -d '{{\"name\":\"{JOB}\"}}' http://{}/job_status", api.0));
        Ok(Self { source, dest, api, manager, _clusters: clusters, syncer, stop })
    }

    async fn strike(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(timeout(PATIENCE, self.syncer).await.context("the syncer did not stop")??)
    }
}

async fn act(stage: &Stage, options: &Options, screen: &Screen, enough: &CancellationToken) -> anyhow::Result<Summary> {
    let Stage { source, dest, api, manager, .. } = stage;
    let mut orders = Orders::new(options.seed);
    source.answers(PATIENCE).await?;
    dest.answers(PATIENCE).await?;
    source.execute(CREATE_DATABASE).await?;
    source.execute(CREATE_TABLE).await?;
    load::fill(source, &mut orders, options.rows).await?;
    screen.note(&format!("{} rows are in {DATABASE}.{TABLE} of the source; the copy begins", options.rows));

    let began = Instant::now();
    api.post("/create_ccr", &request(source, dest)).await?;
    let (commits, received) = mpsc::unbounded_channel::<Commit>();
    let (stop_loading, stop_measuring) = (enough.child_token(), CancellationToken::new());
    // Dropped on any way out, which ends both tasks.
    let _ends = (stop_loading.clone().drop_guard(), stop_measuring.clone().drop_guard());
    let rate = (options.rate, options.batch);
    let loading = tokio::spawn(load::keep_loading(source.clone(), orders, rate, commits, stop_loading.clone()));
    let measure = Measure::default();
    let measuring = tokio::spawn(measure.clone().run(dest.clone(), received, stop_measuring.clone()));

    let full_sync = wait_for_full_sync(*api, manager, screen, &measure, began).await?;
    screen.note(&format!("full sync done in {} ms; transactions follow", full_sync.as_millis()));

    let end = Instant::now() + options.duration;
    while Instant::now() < end && !enough.is_cancelled() && !loading.is_finished() {
        screen.progress(standing(source, dest, &measure).await?);
        tokio::select! {
            biased;
            () = enough.cancelled() => {}
            () = sleep(screen.period().min(end.saturating_duration_since(Instant::now()))) => {}
        }
        check_job(*api).await?;
    }
    stop_loading.cancel();
    let transactions = loaded(loading).await?;

    let target = table::version(source).await?;
    let waited = timeout(PATIENCE, async {
        while table::version(dest).await.ok().is_none_or(|version| version < target) {
            screen.progress(standing(source, dest, &measure).await?);
            check_job(*api).await?;
            sleep(ASK).await;
        }
        // The measuring task sees the last transaction a moment later.
        while measure.seen().visible < transactions {
            sleep(ASK).await;
        }
        anyhow::Ok(())
    })
    .await;
    match waited {
        Ok(result) => result?,
        Err(_) => screen.note(&format!("the destination did not catch up within {} s", PATIENCE.as_secs())),
    }
    stop_measuring.cancel();
    measuring.await?;
    let seen = measure.seen();
    let caught_up = seen.caught_up.map(|at| at.saturating_duration_since(began));
    Ok(Summary::new(
        full_sync,
        caught_up,
        (transactions, &seen.lags),
        &table::everything(source).await?,
        &table::everything(dest).await?,
    ))
}

fn request(source: &Side, dest: &Side) -> Value {
    json!({ "name": JOB, "src": source.job_spec(DATABASE, TABLE), "dest": dest.job_spec(DATABASE, TABLE) })
}

/// Asks until the job follows binlogs; shows each stage on the way.
async fn wait_for_full_sync(
    api: Api,
    manager: &Manager,
    screen: &Screen,
    measure: &Measure,
    began: Instant,
) -> anyhow::Result<Duration> {
    let mut shown = (String::new(), began);
    while began.elapsed() < PATIENCE {
        let state = check_job(api).await?;
        if state == "TableIncrementalSync" {
            return Ok(began.elapsed());
        }
        // The step within the state is not part of the API.
        let stage = match manager.held(JOB) {
            Some(Held::Job(job)) => job.status().sub_state.name().into_owned(),
            _ => String::new(),
        };
        if stage != shown.0 || shown.1.elapsed() >= screen.period() {
            let (at, waiting) = (began.elapsed().as_millis(), measure.seen().committed);
            screen.progress(format!("full sync: {stage} after {at} ms, {waiting} transactions wait"));
            shown = (stage, Instant::now());
        }
        sleep(ASK).await;
    }
    bail!("the full sync did not end within {} s", PATIENCE.as_secs())
}

/// The job's progress state.
///
/// # Errors
/// The job stopped by itself.
async fn check_job(api: Api) -> anyhow::Result<String> {
    let answer = api.post("/job_status", &json!({ "name": JOB })).await?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("state") == "paused" {
        return Err(anyhow!("the job stopped: {}", text("error")));
    }
    Ok(text("progress_state"))
}

async fn standing(source: &Side, dest: &Side, measure: &Measure) -> anyhow::Result<String> {
    let seen = measure.seen();
    let recent = seen.lags.get(seen.lags.len().saturating_sub(100)..).unwrap_or_default();
    let lag =
        percentile(recent, 50).map_or_else(|| "-".to_owned(), |lag| format!("{:.0} ms", lag.as_secs_f64() * 1000.0));
    // While the table is swapped in there may be none for a moment.
    let copied = table::count(dest).await.map_or_else(|_| "-".to_owned(), |rows| rows.to_string());
    Ok(format!(
        "{} transactions, {} visible | rows {} -> {copied} | lag {lag}",
        seen.committed,
        seen.visible,
        table::count(source).await?,
    ))
}

async fn loaded(loading: JoinHandle<anyhow::Result<u64>>) -> anyhow::Result<u64> {
    loading.await?.context("the load on the source failed")
}
