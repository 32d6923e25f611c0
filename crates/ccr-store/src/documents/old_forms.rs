//! Forms of documents that older Go programs left behind.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{DocumentError, JobDocument, ProgressDocument, SubState, parse};

/// What was old about a progress document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldForm {
    /// Written before 2024-05-28 right after a full sync, which did not raise `prev_commit_seq`: taken as done.
    DoneAfterFullSync { commit_seq: i64 },
    /// Written before 2024-12-31 with two commit seqs: an interrupted binlog, or the end of a snapshot. Taken as interrupted,
    /// as the Go program does; binlogs after `prev_commit_seq` are handled again.
    InterruptedOrSnapshot { prev_commit_seq: i64, commit_seq: i64 },
}

impl fmt::Display for OldForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoneAfterFullSync { commit_seq } => {
                write!(
                    f,
                    "the progress was written by a version before 2024-05-28 after a full sync: done at commit seq {commit_seq}"
                )
            }
            Self::InterruptedOrSnapshot { prev_commit_seq, commit_seq } => write!(
                f,
                "the progress of an older version does not tell an interrupted binlog from the end of a snapshot: commit seqs after {prev_commit_seq} up to {commit_seq} are handled again"
            ),
        }
    }
}

/// December 2024 had `reuse_binlog_label` at the top level; later Go programs lose it there. `extra` wins.
pub(super) fn upgrade_job(document: &mut JobDocument, text: &str) -> Result<(), DocumentError> {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(default)]
        reuse_binlog_label: Option<bool>,
        #[serde(default)]
        extra: Option<Extra>,
    }
    #[derive(Deserialize)]
    struct Extra {
        #[serde(default)]
        reuse_binlog_label: Option<bool>,
    }
    let keys: Keys = parse("job document", text)?;
    if keys.extra.and_then(|extra| extra.reuse_binlog_label).is_none() {
        document.extra.reuse_binlog_label = keys.reuse_binlog_label.unwrap_or_default();
    }
    Ok(())
}

/// The transition "snapshot done" of versions before 2024-05-28 left `prev_commit_seq` behind. `last_commit_seq` is the
/// witness: it was added later, and every later version writes it.
pub(super) fn upgrade_progress(document: &mut ProgressDocument, text: &str) -> Result<Option<OldForm>, DocumentError> {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(default)]
        last_commit_seq: Option<IgnoredAny>,
    }
    let (prev_commit_seq, commit_seq) = (document.prev_commit_seq, document.commit_seq);
    if !document.sync_state.is_incremental()
        || document.sub_sync_state != SubState::Done
        || prev_commit_seq == commit_seq
        || parse::<Keys>("progress document", text)?.last_commit_seq.is_some()
    {
        return Ok(None);
    }
    if prev_commit_seq == 0 && commit_seq > 0 {
        document.prev_commit_seq = commit_seq;
        return Ok(Some(OldForm::DoneAfterFullSync { commit_seq }));
    }
    Ok(Some(OldForm::InterruptedOrSnapshot { prev_commit_seq, commit_seq }))
}
