//! `/job_progress`: the stored progress document; its `data` is nobody's business. Where a record keeps the job from going on,
//! `commit_seq` and `last_commit_seq` are that record's.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_store::documents::{FullSyncInfo, ProgressDocument, SubState, SyncType};
use serde::Serialize;

use super::{
    Api,
    reply::{Common, json},
    request::named,
};

#[derive(Serialize)]
struct Reply {
    #[serde(flatten)]
    common: Common,
    job_progress: ProgressDocument,
}

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    let job = match named(&api, request).await {
        Ok(job) => job,
        Err(response) => return response,
    };
    let read = match api.manager.env().store.progress(&job.name).await {
        Ok(Some(text)) => ProgressDocument::parse(&text).map_err(|error| error.to_string()),
        Ok(None) => Err(format!("job {} has no progress yet", job.name)),
        Err(error) => Err(error.to_string()),
    };
    match read {
        Ok(progress) => json(&Reply { common: Common::ok(), job_progress: shown(&api, progress) }),
        Err(why) => json(&Reply { common: Common::failed(why), job_progress: zero() }),
    }
}

/// A stored progress as it is shown.
pub(super) fn shown(api: &Api, progress: ProgressDocument) -> ProgressDocument {
    let progress = ProgressDocument { data: String::new(), ..progress };
    let blocked = api.manager.job(&progress.job_name).ok().and_then(|job| job.status().blocked_seq);
    match blocked.filter(|seq| *seq > progress.prev_commit_seq) {
        // It stands in the way of everything after it: this is what an operator may skip.
        Some(seq) => ProgressDocument { commit_seq: seq, last_commit_seq: seq, ..progress },
        None => progress,
    }
}

/// Go's zero value.
fn zero() -> ProgressDocument {
    ProgressDocument {
        sub_sync_state: SubState::default(),
        full_sync_info: FullSyncInfo::default(),
        ..ProgressDocument::new("", SyncType::Database, 0)
    }
}
