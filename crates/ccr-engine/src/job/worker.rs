//! The worker: runs the phases of one job, one after the other, and waits between tries as the policy says.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ccr_store::{StoreErrorKind, documents::ProgressDocument};
use doris::{
    Source,
    ids::{CommitSeq, TableId},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Cause, Context, Control, fulfil};
use crate::{
    copy::CopyScope,
    failpoints,
    incremental::{self, Exit, Memory},
    phase::{Phase, Progress},
    policy::{Action, Code, Failure},
    snapshot_sync,
    tables::{Quarantine, Standing},
};

impl Context {
    /// Writes the progress.
    pub(crate) async fn save(&self, progress: &Progress) -> Result<(), Exit> {
        if self.env.settings.failpoints.fires(&self.name, progress.commit_seq) {
            return Err(Exit::retry(failpoints::failure()));
        }
        let document = self.encode(progress)?;
        let begun = tokio::time::Instant::now();
        self.writer.save(document).await?;
        self.status.persisted(begun.elapsed());
        Ok(())
    }

    /// Changes the progress, durably first: after a failed write nothing goes on from a state that may not be stored.
    pub(crate) async fn change(&self, progress: &mut Progress, change: impl FnOnce(&mut Progress)) -> Result<(), Exit> {
        let mut next = progress.clone();
        change(&mut next);
        self.save(&next).await?;
        *progress = next;
        Ok(())
    }
}

impl From<Failure> for Exit {
    /// Failures of our own making: only an operator can help.
    fn from(failure: Failure) -> Self {
        Self::Halted(failure)
    }
}

/// Full copies in a row that no record followed, before the job halts.
const FUTILE_COPIES: u32 = 3;

/// A phase that ran this long had recovered from what failed before.
const STEADY: Duration = Duration::from_secs(60);

/// Pauses between tries that fail one after the other.
#[derive(Default)]
struct BackOff {
    attempt: u32,
}

impl BackOff {
    /// The next pause: doubling from `first` to `most`, spread by up to a quarter so that jobs do not march in step.
    fn next(&mut self, first: Duration, most: Duration, random: u64) -> Duration {
        let doubled = first.saturating_mul(1 << self.attempt.min(16)).min(most);
        self.attempt += 1;
        doubled + doubled.mul_f64((random % 256) as f64 / 1024.0)
    }
}

/// Copies in a row that brought nothing.
#[derive(Default)]
struct Copies {
    /// Where the last full copy left off, and how many were not followed by a single record.
    full: Option<CommitSeq>,
    futile: u32,
    /// The same of each table.
    tables: BTreeMap<TableId<Source>, (CommitSeq, u32)>,
}

/// Runs until the token is cancelled or the job halts.
pub(super) async fn run(context: Arc<Context>, control: Control, cancel: CancellationToken) {
    let mut back_off = BackOff::default();
    let Some(mut progress) = load(&context, &cancel, &mut back_off).await else { return };
    let mut memory = Memory::default();
    let mut copies = Copies::default();
    loop {
        let asked = fulfil(&context, &mut progress, &mut memory, &control).await;
        context.status.entered(&progress);
        let position = progress.commit_seq;
        let (phase, begun) = (progress.sync_state(), tokio::time::Instant::now());
        let exit = match (asked, &progress.phase) {
            (Err(exit), _) => exit,
            (Ok(()), Phase::FullSync(_) | Phase::PartialSync(_)) => {
                snapshot_sync::run(&context, &mut progress, &control, &cancel).await
            }
            (Ok(()), Phase::Incremental) => {
                incremental::run(&context, &mut progress, &mut memory, &control, &cancel).await
            }
        };
        let moved = progress.commit_seq != position || progress.sync_state() != phase;
        if moved || begun.elapsed() > STEADY {
            back_off = BackOff::default();
        }
        if moved {
            context.status.moving();
        }
        let exit = match decide(&context, &mut progress, &mut copies, exit).await {
            Ok(None) => {
                memory.refresh();
                continue;
            }
            Ok(Some(exit)) => exit,
            Err(exit) => exit,
        };
        match exit {
            Exit::Done => {
                copies.full = Some(progress.commit_seq);
                memory = Memory::default();
            }
            Exit::Cancelled => {
                info!(job = context.name, commit_seq = %progress.commit_seq, "stopped");
                return;
            }
            Exit::Halted(failure) => {
                warn!(job = context.name, %failure, "halted");
                context.status.halted(failure);
                return;
            }
            Exit::Failed { failure, action } => {
                if let Action::RefreshAndRetry { .. } = action {
                    memory.refresh();
                }
                if !pause(&context, &cancel, &mut back_off, failure, action).await {
                    memory.roll_back_left_open().await;
                    return;
                }
            }
            // Handled above.
            Exit::FullSync { .. } | Exit::Resync { .. } | Exit::Quarantine { .. } => {}
        }
    }
}

/// What changes the phase, or a table's standing, durably. `None`: that was done; else the end that is left to handle.
async fn decide(
    context: &Context,
    progress: &mut Progress,
    copies: &mut Copies,
    exit: Exit,
) -> Result<Option<Exit>, Exit> {
    let clock = &*context.env.clock;
    match exit {
        Exit::FullSync { cause, reason } => {
            copies.futile = if copies.full == Some(progress.commit_seq) { copies.futile + 1 } else { 0 };
            if copies.futile >= FUTILE_COPIES {
                return Ok(Some(Exit::Halted(futile(copies.futile, &reason))));
            }
            warn!(job = context.name, reason, "a full copy is needed");
            context.change(progress, |p| p.start_full_sync(clock, &reason)).await?;
            context.status.copying(cause);
            Ok(None)
        }
        Exit::Resync { cause, mut tables, stands_for } => {
            let position = progress.commit_seq;
            let mut worn_out = None;
            for (id, reason) in &tables {
                let (at, futile) = copies.tables.entry(*id).or_insert((position, 0));
                *futile = if *at == position { *futile + 1 } else { 1 };
                *at = position;
                if *futile > FUTILE_COPIES {
                    worn_out = Some((*id, *futile - 1, reason.clone()));
                }
            }
            if let Some((id, times, reason)) = worn_out {
                copies.tables.remove(&id);
                return quarantine(context, progress, id, futile(times, &reason)).await;
            }
            for (id, reason) in &tables {
                warn!(job = context.name, table = %id, reason, "a table is copied again");
            }
            // A copy that was decided while another one waits joins it.
            if let Some(CopyScope::Tables(before)) = progress.own.copy.as_ref().map(|copy| copy.scope.clone()) {
                tables.extend(before);
            }
            let count = tables.len();
            context.change(progress, |p| p.start_partial_sync(clock, tables, stands_for)).await?;
            context.status.copying_tables(cause, count);
            Ok(None)
        }
        Exit::Quarantine { table, failure } => quarantine(context, progress, table, failure).await,
        exit => Ok(Some(exit)),
    }
}

fn futile(times: u32, reason: &str) -> Failure {
    Failure::new(
        Code::SNAPSHOT,
        format!("{times} copies in a row came to nothing: {reason}"),
        "if copies take longer than the binlog is kept, raise binlog.ttl_seconds of the source table; then /resume",
    )
}

/// Something is wrong with one table. A job of one table halts; in a database the others go on.
async fn quarantine(
    context: &Context,
    progress: &mut Progress,
    table: TableId<Source>,
    failure: Failure,
) -> Result<Option<Exit>, Exit> {
    if !context.is_database() || !progress.own.tables.contains_key(&table) {
        return Ok(Some(Exit::Halted(failure)));
    }
    warn!(job = context.name, %table, %failure, "a table is quarantined");
    context
        .change(progress, |p| {
            if let Some(state) = p.own.tables.get_mut(&table) {
                state.standing = Standing::Quarantined(Quarantine::new(&failure, p.commit_seq));
            }
        })
        .await?;
    context.status.entered(progress);
    Ok(None)
}

/// Waits before the next try; `false`: cancelled, or there is none.
async fn pause(
    context: &Context,
    cancel: &CancellationToken,
    back_off: &mut BackOff,
    failure: Failure,
    action: Action,
) -> bool {
    let (first, most) = match action {
        Action::Retry { first, most } | Action::RefreshAndRetry { first, most } => (first, most),
        Action::Halt => {
            context.status.halted(failure);
            return false;
        }
    };
    let wait = back_off.next(first, most, context.env.rng.next_u64());
    info!(job = context.name, %failure, wait_ms = wait.as_millis() as u64, attempt = back_off.attempt, "trying again");
    let at = context.env.clock.now_ms() + wait.as_millis() as i64;
    context.status.failed(failure, at, back_off.attempt);
    tokio::select! {
        biased;
        () = cancel.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}

/// Reads the stored progress, or begins one for a new job. Tries until it succeeds; `None`: cancelled or halted.
async fn load(context: &Context, cancel: &CancellationToken, back_off: &mut BackOff) -> Option<Progress> {
    loop {
        let exit = match load_once(context).await {
            Ok(progress) => return Some(progress),
            Err(exit) => exit,
        };
        match exit {
            Exit::Failed { failure, action } => {
                if !pause(context, cancel, back_off, failure, action).await {
                    return None;
                }
            }
            Exit::Halted(failure) => {
                warn!(job = context.name, %failure, "halted");
                context.status.halted(failure);
                return None;
            }
            Exit::Cancelled | Exit::Done | Exit::FullSync { .. } | Exit::Resync { .. } | Exit::Quarantine { .. } => {
                return None;
            }
        }
    }
}

async fn load_once(context: &Context) -> Result<Progress, Exit> {
    let env = &context.env;
    // What a predecessor in this process still writes comes first.
    context.writer.flush().await?;
    let progress = match env.store.progress(&context.name).await? {
        None => {
            let kind = if context.is_database() { "db_sync" } else { "table_sync" };
            let reason = format!("new job, job: {}, sync type: {kind}", context.name);
            context.status.copying(Cause::NewJob);
            Progress::new(context.kind, &*env.clock, &*env.rng, &reason)
        }
        Some(text) => {
            let (document, note) = ProgressDocument::parse_noting(&text).map_err(|error| {
                Exit::from(ccr_store::StoreError { kind: StoreErrorKind::Corrupt, text: error.to_string() })
            })?;
            if let Some(note) = note {
                warn!(job = context.name, ?note, "the stored progress has an old form");
            }
            Progress::from_document(&document, (context.kind, context.job_table()), &*env.clock, &*env.rng)?
        }
    };
    // Whatever is new in it (a position, an incarnation) is durable before it is used.
    context.save(&progress).await?;
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_spread_a_little() {
        let mut back_off = BackOff::default();
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(3));
        let pauses: Vec<u128> = (0..8).map(|_| back_off.next(first, most, 0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3000, 3000, 3000]);
        assert!(back_off.next(first, most, 255) <= most.mul_f64(1.25));
    }
}
