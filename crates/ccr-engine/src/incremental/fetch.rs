//! Reads the binlog ahead of the planner. Caught up, it polls: often after activity, ever more seldom without.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use doris::{
    Error,
    cluster::{Binlog, BinlogPage},
    ids::CommitSeq,
};
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::Exit;
use crate::{
    job::{Cause, Context},
    policy::{Code, Failure},
};

/// The reading end of the pipeline.
pub(super) struct Fetch {
    context: Arc<Context>,
    /// Position of the last record read.
    after: CommitSeq,
    call: Option<BoxFuture<'static, Result<BinlogPage, Error>>>,
    queue: VecDeque<Binlog>,
    queued_bytes: usize,
    last_activity: Instant,
    /// The last answer was "nothing more".
    caught_up: bool,
    /// How often that was the answer.
    empty_answers: u64,
}

impl Fetch {
    pub(super) fn new(context: Arc<Context>, after: CommitSeq) -> Self {
        Self {
            context,
            after,
            call: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_activity: Instant::now(),
            caught_up: false,
            empty_answers: 0,
        }
    }

    /// The next record to plan, left in place.
    pub(super) fn head(&self) -> Option<&Binlog> {
        self.queue.front()
    }

    /// Takes the next record.
    pub(super) fn take(&mut self) -> Option<Binlog> {
        let record = self.queue.pop_front()?;
        self.queued_bytes -= record.data.len();
        Some(record)
    }

    /// Everything that the source has was read and taken.
    pub(super) fn drained(&self) -> bool {
        self.caught_up && self.queue.is_empty()
    }

    /// How often the source has answered that it has nothing more.
    pub(super) fn empty_answers(&self) -> u64 {
        self.empty_answers
    }

    /// Resolves when a page has been read and queued. Cancel-safe: the call in flight is kept.
    pub(super) async fn progress(&mut self) -> Result<(), Exit> {
        let settings = &self.context.env.settings;
        if self.call.is_none() {
            if self.queued_bytes >= settings.prefetch_bytes {
                // The planner makes room and then asks again.
                return std::future::pending().await;
            }
            let wait = if self.caught_up {
                (self.last_activity.elapsed() / 10).clamp(settings.poll_active, settings.poll_idle)
            } else {
                Duration::ZERO
            };
            let (context, after, batch) = (Arc::clone(&self.context), self.after, settings.binlog_batch);
            self.call = Some(Box::pin(async move {
                tokio::time::sleep(wait).await;
                context.source.get_binlog(&context.scope(), after, batch).await
            }));
        }
        let Some(call) = &mut self.call else { return std::future::pending().await };
        let page = call.await;
        self.call = None;
        self.accept(page?)
    }

    fn accept(&mut self, page: BinlogPage) -> Result<(), Exit> {
        match page {
            BinlogPage::CaughtUp => {
                self.caught_up = true;
                self.empty_answers += 1;
            }
            BinlogPage::Records(records) => {
                self.caught_up = false;
                self.last_activity = Instant::now();
                for record in records {
                    self.check(&record)?;
                    self.after = record.seq;
                    self.queued_bytes += record.data.len();
                    self.queue.push_back(record);
                }
            }
            // The DUMMY stands at the last record that was collected: proof that something after our position is gone.
            BinlogPage::TooOld { last_collected } if last_collected > self.after => {
                return Err(Exit::FullSync {
                    cause: Cause::BinlogCollected,
                    reason: format!(
                        "the source collected its binlog up to {last_collected}, the job stands at {}",
                        self.after
                    ),
                });
            }
            BinlogPage::TooOld { last_collected } => {
                return Err(Exit::retry(Failure::new(
                    Code::BAD_BINLOG,
                    format!(
                        "the source says that {} is too old but kept everything after {last_collected}",
                        self.after
                    ),
                    "",
                )));
            }
            BinlogPage::NoStream => {
                return Err(Exit::retry(Failure::new(
                    Code::NO_STREAM,
                    format!("the source has no binlog of {}", self.context.source_text()),
                    "check binlog.enable of the table and enable_feature_binlog of the FEs",
                )));
            }
        }
        Ok(())
    }

    /// A record must continue the stream, and belong to the database that the job copies: a database that was dropped and
    /// created again under its name serves its own records at our old position.
    fn check(&self, record: &Binlog) -> Result<(), Exit> {
        if record.seq <= self.after {
            return Err(Exit::retry(Failure::new(
                Code::BAD_BINLOG,
                format!("the source sent record {} after {}", record.seq, self.after),
                "",
            )));
        }
        let expected = self.context.ids().source_db;
        if record.db_id != expected {
            return Err(Exit::Halted(Failure::new(
                Code::DB_NOT_FOUND,
                format!(
                    "database {} was created again: its id is {} and the job copies {expected}",
                    self.context.source_db, record.db_id
                ),
                "delete the job and create it again",
            )));
        }
        Ok(())
    }
}
