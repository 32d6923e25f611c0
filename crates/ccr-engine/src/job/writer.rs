//! Writes progress documents, one after the other.
//!
//! Whoever asks for a write may be cancelled while it is under way. Dropping the write then would not undo it: it could
//! reach the database after a later one. So writes are a task of their own, which finishes each before the next, and
//! which ends with the actor.

use ccr_store::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::env::Env;

/// One request: a document, or to be told when everything before is written.
type Request = (Option<String>, oneshot::Sender<Result<(), StoreError>>);

/// Where writes are asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
}

impl Writer {
    /// A writer and the task that has to run for it.
    pub(crate) fn new(env: Env, job: String) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (requests, mut inbox) = mpsc::channel::<Request>(16);
        let task = async move {
            while let Some((document, reply)) = inbox.recv().await {
                let result = match document {
                    Some(document) => env.store.save_progress(&job, &env.owner, &document).await,
                    None => Ok(()),
                };
                // Whoever asked may not wait any more.
                reply.send(result).unwrap_or_default();
            }
        };
        (Self { requests }, task)
    }

    /// Writes a document after everything that was asked for before.
    pub(crate) async fn save(&self, document: String) -> Result<(), StoreError> {
        self.ask(Some(document)).await
    }

    /// Returns when everything that was asked for before is written, or was refused.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.ask(None).await
    }

    async fn ask(&self, document: Option<String>) -> Result<(), StoreError> {
        let stopped =
            || StoreError { kind: ccr_store::StoreErrorKind::NotOwner, text: "the job was stopped".to_owned() };
        let (reply, answer) = oneshot::channel();
        self.requests.send((document, reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}
