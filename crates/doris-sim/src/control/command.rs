//! The commands.

use crate::model::{Answer, BackendId, JobFault, JobState, Model, Refusal};

/// Which job a failure is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    Backup,
    Restore,
}

/// One thing to do to a cluster. Frontends are counted from 1, backends named by their id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// SIGKILL. A master's place is taken by another one after an election.
    KillFrontend(usize),
    /// Starts a process that was killed; it answers after a while.
    StartFrontend(usize),
    /// Decides the running election.
    ElectFrontend(usize),
    /// Hands the master role over at once, as a planned switch; to the master itself: it restarts in no time.
    SwitchMaster(usize),
    /// No master until `SwitchMaster`: an election that does not end.
    LoseMaster,
    /// SIGKILL. The FE notices with the next heartbeat.
    KillBackend(i64),
    StartBackend(i64),
    /// So many milliseconds more for each answer of a BE; 0: as fast as ever.
    SlowBackend(i64, i64),
    /// COMMITTED transactions become VISIBLE no more.
    HoldPublish,
    ReleasePublish,
    /// The snapshot of this label expires.
    ExpireSnapshot(String),
    /// One round of the binlog collection, by the properties.
    CollectBinlogs,
    /// Every record of this database goes, whatever the properties say.
    DiscardBinlogs(String),
    /// Finished transactions of this database and their labels are forgotten.
    EvictLabels(String),
    /// The next job whose label begins so fails when it is to leave the state.
    FailJob {
        kind: JobKind,
        label: String,
        state: String,
        text: String,
    },
}

impl Command {
    pub(super) fn apply(&self, model: &mut Model) -> Answer<()> {
        match self {
            Self::KillFrontend(n) => model.kill_frontend(index(*n)?),
            Self::StartFrontend(n) => model.start_frontend(index(*n)?),
            Self::ElectFrontend(n) => model.elect(index(*n)?),
            Self::SwitchMaster(n) => {
                let index = index(*n)?;
                if model.frontends.get(index).is_none_or(|fe| !fe.alive) {
                    return Err(refusal(format!("frontend {n} does not live")));
                }
                model.set_master(Some(index));
                Ok(())
            }
            Self::LoseMaster => {
                model.set_master(None);
                Ok(())
            }
            Self::KillBackend(id) => model.kill_backend(BackendId::new(*id)),
            Self::StartBackend(id) => model.start_backend(BackendId::new(*id)),
            Self::SlowBackend(id, ms) => {
                model.backend_mut(BackendId::new(*id))?.response_delay_ms = *ms;
                Ok(())
            }
            Self::HoldPublish => {
                model.hold_publish(true);
                Ok(())
            }
            Self::ReleasePublish => {
                model.hold_publish(false);
                Ok(())
            }
            Self::ExpireSnapshot(label) => {
                model.local_snapshot(label)?;
                model.expire_snapshot(label);
                Ok(())
            }
            Self::CollectBinlogs => {
                model.collect_binlogs();
                Ok(())
            }
            Self::DiscardBinlogs(db) => {
                let db = model.database(db)?.id;
                model.discard_binlogs(db);
                Ok(())
            }
            Self::EvictLabels(db) => {
                let db = model.database(db)?.id;
                model.clean_label(db, None);
                Ok(())
            }
            Self::FailJob { kind, label, state, text } => {
                let found = JobState::of_name(state).filter(|state| !state.is_final());
                let state = found.ok_or_else(|| refusal(format!("{state} is no state that a job leaves")))?;
                let (label, text) = (label.clone(), text.clone());
                model.fail_job(JobFault { restore: *kind == JobKind::Restore, label, state, text });
                Ok(())
            }
        }
    }
}

/// Frontends are counted from 1 outside of the model.
fn index(n: usize) -> Answer<usize> {
    n.checked_sub(1).ok_or_else(|| refusal("frontends are counted from 1".to_owned()))
}

fn refusal(text: String) -> Refusal {
    Refusal::plain(2, text)
}
