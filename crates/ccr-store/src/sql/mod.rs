//! What the SQL databases have in common: the operations, over statements that each database words in its own way.
//!
//! Every operation that decides something is one statement: see [`cluster`](crate::cluster).

pub(crate) mod bind;
mod server;
mod texts;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

pub use server::ServerAddress;
pub(crate) use texts::Texts;

use crate::rules::{self, Backend, Fence};
use crate::{ClusterView, JobRow, Lease, LeaseAnswer, Metastore, Result, StoreError, StoreErrorKind};

/// How long a statement about a job may take, waiting for a connection included.
const JOB_LIMIT: Duration = Duration::from_secs(30);
/// The same of a lease, which is of no use when it comes late.
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// Tries of a statement that the database refuses because of another one at the same time.
const TRIES: u32 = 20;

/// A bound value.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    Text(&'a str),
    Int(i64),
}

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// NULL is empty.
    Text,
    /// NULL is 0.
    Int,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Int(i64),
}

impl Value {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Int(number) => number.to_string(),
        }
    }

    fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Text(_) => 0,
        }
    }
}

/// Which connections serve a statement: leases never wait behind documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Jobs,
    Leases,
}

/// What an error of a database means.
#[derive(Clone, Debug)]
pub struct Meaning {
    pub kind: StoreErrorKind,
    /// Names no value.
    pub reason: Cow<'static, str>,
    /// Nothing happened, and the same statement may succeed at once: a deadlock.
    pub again: bool,
}

impl Meaning {
    pub(crate) fn new(kind: StoreErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into(), again: false }
    }
}

/// Most bytes that a column and the way to it take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub job: usize,
    /// Of the text as it is stored.
    pub progress: usize,
}

/// One kind of database.
pub trait Database: Clone + fmt::Debug + Send + Sync + 'static {
    /// The prefix of its error texts.
    const NAME: &'static str;
    /// Progress is stored in base64, as the Go program does here.
    const BASE64: bool;

    /// Its statements. Arguments are `$1` to `$9`, each of which may be used more than once.
    fn texts(&self) -> &'static Texts;

    /// Runs the statements one after the other, all with the same arguments; returns the rows that the first one changed.
    /// Each is complete by itself, and their order is one that is safe to stop in.
    fn execute<'a>(
        &'a self,
        lane: Lane,
        statements: &'a [&'static str],
        args: &'a [Arg<'a>],
    ) -> BoxFuture<'a, std::result::Result<u64, sqlx::Error>>;

    /// Runs a query.
    fn rows<'a>(
        &'a self,
        lane: Lane,
        query: &'static str,
        args: &'a [Arg<'a>],
        columns: &'a [Column],
    ) -> BoxFuture<'a, std::result::Result<Vec<Vec<Value>>, sqlx::Error>>;

    fn meaning(&self, error: &sqlx::Error) -> Meaning;

    fn limits(&self) -> Limits;

    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A metadata database that speaks SQL. Clones are the same handle.
#[derive(Clone, Debug)]
pub struct SqlStore<D> {
    pub(crate) database: D,
    fence: Arc<Fence>,
}

impl<D: Database> SqlStore<D> {
    const BACKEND: Backend = Backend(D::NAME);

    pub(crate) fn over(database: D) -> Self {
        Self { database, fence: Arc::default() }
    }

    fn failure(&self, doing: &str, meaning: Meaning) -> StoreError {
        StoreError { kind: meaning.kind, text: format!("{}: {doing} failed: {}", D::NAME, meaning.reason) }
    }

    fn too_large(&self, doing: &str, what: &str, size: usize, limit: usize) -> StoreError {
        let reason = format!("{what} has {size} bytes here, the database takes {limit}");
        self.failure(doing, Meaning::new(StoreErrorKind::TooLarge, reason))
    }

    /// A call with its deadline, again after a deadlock.
    async fn with_limit<'a, T>(
        &'a self,
        lane: Lane,
        doing: &str,
        mut call: impl FnMut() -> BoxFuture<'a, std::result::Result<T, sqlx::Error>>,
    ) -> Result<T> {
        let limit = match lane {
            Lane::Jobs => JOB_LIMIT,
            Lane::Leases => LEASE_LIMIT,
        };
        let calls = async {
            for _ in 1..TRIES {
                match call().await {
                    Err(error) if self.database.meaning(&error).again => tokio::task::yield_now().await,
                    result => return result,
                }
            }
            call().await
        };
        match tokio::time::timeout(limit, calls).await {
            Ok(result) => result.map_err(|error| self.failure(doing, self.database.meaning(&error))),
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs());
                Err(self.failure(doing, Meaning::new(StoreErrorKind::Unavailable, reason)))
            }
        }
    }

    async fn execute(&self, lane: Lane, doing: &str, statement: &'static str, args: &[Arg<'_>]) -> Result<u64> {
        self.execute_all(lane, doing, &[statement], args).await
    }

    async fn execute_all(&self, lane: Lane, doing: &str, statements: &[&'static str], args: &[Arg<'_>]) -> Result<u64> {
        self.with_limit(lane, doing, || self.database.execute(lane, statements, args)).await
    }

    async fn rows(
        &self,
        lane: Lane,
        doing: &str,
        query: &'static str,
        args: &[Arg<'_>],
        columns: &[Column],
    ) -> Result<Vec<Vec<Value>>> {
        self.with_limit(lane, doing, || self.database.rows(lane, query, args, columns)).await
    }

    /// Why a write in the name of `owner` changed nothing. `Ok`: by now it may go through.
    async fn refusal(&self, doing: &str, name: &str, owner: &str) -> Result<()> {
        let found = self.job(name).await?.map(|row| row.owner);
        Self::BACKEND.check_owner(doing, found.as_deref(), owner)?;
        let epoch = self.fence.epoch(owner);
        if epoch != 0 {
            let args = [Arg::Text(owner), Arg::Int(epoch)];
            if self.rows(Lane::Jobs, doing, self.database.texts().holds, &args, &[Column::Int]).await?.is_empty() {
                return Err(Self::BACKEND.lease_ended(doing, owner));
            }
        }
        Ok(())
    }

    /// A write that needs job and lease, tried until it went through or there is a reason why not.
    async fn owned_write(
        &self,
        doing: &str,
        statement: &'static str,
        name: &str,
        owner: &str,
        document: &str,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let epoch = self.fence.epoch(owner);
            let args = [Arg::Text(name), Arg::Text(owner), Arg::Text(document), Arg::Int(epoch)];
            if self.execute(Lane::Jobs, doing, statement, &args).await? > 0 {
                return Ok(());
            }
            self.refusal(doing, name, owner).await?;
        }
        Err(self.failure(doing, Meaning::new(StoreErrorKind::Unavailable, "the job's owner changes all the time")))
    }
}

impl<D: Database> Metastore for SqlStore<D> {
    fn add_job<'a>(&'a self, row: &'a JobRow) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("insert job name {}", row.name);
            let limit = self.database.limits().job;
            if row.document.len() > limit {
                return Err(self.too_large(&doing, "its document", row.document.len(), limit));
            }
            let texts = self.database.texts();
            // While there is no job of that name nobody can write its progress.
            self.execute(Lane::Jobs, &doing, texts.clear_progress, &[Arg::Text(&row.name)]).await?;
            let args = [Arg::Text(&row.name), Arg::Text(&row.document), Arg::Text(&row.owner)];
            self.execute(Lane::Jobs, &doing, texts.add_job, &args).await.map(|_| ()).map_err(|error| match error.kind {
                StoreErrorKind::Exists => Self::BACKEND.exists(&row.name),
                _ => error,
            })
        }
        .boxed()
    }

    fn update_job<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("update job name {name}");
            let limit = self.database.limits().job;
            if document.len() > limit {
                return Err(self.too_large(&doing, "its document", document.len(), limit));
            }
            self.owned_write(&doing, self.database.texts().update_job, name, owner, document).await
        }
        .boxed()
    }

    fn remove_job<'a>(&'a self, name: &'a str, owner: Option<&'a str>) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("remove job, name: {name}");
            let texts = self.database.texts();
            let Some(owner) = owner else {
                self.execute_all(Lane::Jobs, &doing, texts.remove_any, &[Arg::Text(name)]).await?;
                return Ok(());
            };
            for _ in 0..TRIES {
                let args = [Arg::Text(name), Arg::Text(owner), Arg::Int(self.fence.epoch(owner))];
                if self.execute_all(Lane::Jobs, &doing, texts.remove_job, &args).await? > 0 {
                    return Ok(());
                }
                match self.refusal(&doing, name, owner).await {
                    Ok(()) => {}
                    Err(error) if error.kind == StoreErrorKind::NotFound => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            Err(self.failure(&doing, Meaning::new(StoreErrorKind::Unavailable, "the job's owner changes all the time")))
        }
        .boxed()
    }

    fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<JobRow>>> {
        async move {
            let doing = format!("get job, name: {name}");
            let args = [Arg::Text(name)];
            let rows = self.rows(Lane::Jobs, &doing, self.database.texts().job, &args, JOB_COLUMNS).await?;
            Ok(rows.into_iter().filter_map(job_row).next())
        }
        .boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Vec<JobRow>>> {
        async move {
            let texts = self.database.texts();
            let rows = self.rows(Lane::Jobs, "get jobs data", texts.jobs, &[], JOB_COLUMNS).await?;
            let mut jobs: Vec<JobRow> = rows.into_iter().filter_map(job_row).collect();
            // By bytes, whatever the database's collation says.
            jobs.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(jobs)
        }
        .boxed()
    }

    fn progress<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        async move {
            let doing = format!("query progress of job {name}");
            let args = [Arg::Text(name)];
            let rows = self.rows(Lane::Jobs, &doing, self.database.texts().progress, &args, &[Column::Text]).await?;
            let Some(stored) = rows.into_iter().flatten().next() else { return Ok(None) };
            rules::decode_progress(Self::BACKEND, name, stored.text()).map(Some)
        }
        .boxed()
    }

    fn save_progress<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("update progress of job {name}");
            let stored = if D::BASE64 { Cow::Owned(rules::encode_progress(document)) } else { Cow::Borrowed(document) };
            let limit = self.database.limits().progress;
            if stored.len() > limit {
                return Err(self.too_large(&doing, "the document", stored.len(), limit));
            }
            self.owned_write(&doing, self.database.texts().save_progress, name, owner, &stored).await
        }
        .boxed()
    }

    fn acquire_lease<'a>(
        &'a self,
        owner: &'a str,
        process: &'a str,
        ended: Option<&'a str>,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<LeaseAnswer>> {
        async move {
            let doing = format!("add syncer {owner}");
            Self::BACKEND.check_identity(owner)?;
            let texts = self.database.texts();
            self.execute(Lane::Leases, &doing, texts.purge_leases, &[]).await?;
            loop {
                self.execute(Lane::Leases, &doing, texts.ensure_lease, &[Arg::Text(owner)]).await?;
                let args =
                    [Arg::Text(owner), Arg::Text(process), Arg::Int(millis(ttl)), Arg::Text(ended.unwrap_or_default())];
                let granted = self.execute(Lane::Leases, &doing, texts.acquire_lease, &args).await? > 0;
                let mut leases = self.view_leases(&doing).await?.1;
                match leases.remove(owner) {
                    // Granted now, or held by this process before.
                    Some(lease) if lease.process == process && (granted || lease.is_alive()) => {
                        self.fence.set(owner, lease.epoch);
                        return Ok(LeaseAnswer::Granted { epoch: lease.epoch });
                    }
                    Some(lease) if lease.is_alive() => return Ok(LeaseAnswer::Held(lease)),
                    // It ended, or its row was purged, between two statements.
                    _ => {}
                }
            }
        }
        .boxed()
    }

    fn renew_lease(&self, ttl: Duration) -> BoxFuture<'_, Result<()>> {
        async move {
            let doing = "refresh syncer";
            let (owner, epoch) = self.fence.get().ok_or_else(|| Self::BACKEND.no_lease(doing))?;
            let args = [Arg::Text(&owner), Arg::Int(epoch), Arg::Int(millis(ttl))];
            let renewed = self.execute(Lane::Leases, doing, self.database.texts().renew_lease, &args).await?;
            if renewed > 0 { Ok(()) } else { Err(Self::BACKEND.lease_ended(doing, &owner)) }
        }
        .boxed()
    }

    fn stamp(&self, stamp_ns: i64) -> BoxFuture<'_, Result<()>> {
        async move {
            let doing = "refresh syncer";
            let (owner, epoch) = self.fence.get().ok_or_else(|| Self::BACKEND.no_lease(doing))?;
            let texts = self.database.texts();
            let args = [Arg::Text(&owner), Arg::Int(epoch), Arg::Int(stamp_ns)];
            if self.execute(Lane::Leases, doing, texts.stamp_lease, &args).await? == 0 {
                return Err(Self::BACKEND.lease_ended(doing, &owner));
            }
            self.execute(Lane::Leases, doing, texts.stamp_syncer, &[Arg::Text(&owner), Arg::Int(stamp_ns)]).await?;
            Ok(())
        }
        .boxed()
    }

    fn release_lease(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let doing = "remove syncer";
            let Some((owner, epoch)) = self.fence.get() else { return Ok(()) };
            let texts = self.database.texts();
            let args = [Arg::Text(&owner), Arg::Int(epoch)];
            if self.execute(Lane::Leases, doing, texts.release_lease, &args).await? > 0 {
                self.execute(Lane::Leases, doing, texts.release_syncer, &[Arg::Text(&owner)]).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn view(&self) -> BoxFuture<'_, Result<ClusterView>> {
        async move {
            let doing = "get jobs data";
            let texts = self.database.texts();
            let text_and = |second| [Column::Text, second];
            let (now_ms, leases) = self.view_leases(doing).await?;
            let syncers = self.rows(Lane::Leases, doing, texts.syncers, &[], &text_and(Column::Int)).await?;
            let owners = self.rows(Lane::Leases, doing, texts.owners, &[], &text_and(Column::Text)).await?;
            let pairs = |rows: Vec<Vec<Value>>| {
                rows.into_iter().filter_map(|row| {
                    let [first, second] = <[Value; 2]>::try_from(row).ok()?;
                    Some((first.text(), second))
                })
            };
            Ok(ClusterView {
                now_ms,
                owners: pairs(owners).map(|(name, owner)| (name, owner.text())).collect(),
                syncers: pairs(syncers).map(|(host, stamp)| (host, stamp.int())).collect(),
                leases,
            })
        }
        .boxed()
    }

    fn take_job<'a>(&'a self, name: &'a str, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            let doing = format!("move job {name} to {to}");
            let texts = self.database.texts();
            // A row to lock, so that `from` cannot begin meanwhile.
            self.execute(Lane::Leases, &doing, texts.ensure_lease, &[Arg::Text(from)]).await?;
            let args = [Arg::Text(name), Arg::Text(from), Arg::Text(to)];
            Ok(self.execute(Lane::Leases, &doing, texts.take_job, &args).await? > 0)
        }
        .boxed()
    }

    fn give_job<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            let doing = format!("move job {name} to {to}");
            let (owner, epoch) = self.fence.get().ok_or_else(|| Self::BACKEND.no_lease(&doing))?;
            let args = [Arg::Text(name), Arg::Text(&owner), Arg::Text(to), Arg::Int(epoch)];
            Ok(self.execute(Lane::Leases, &doing, self.database.texts().give_job, &args).await? > 0)
        }
        .boxed()
    }

    fn forget_syncer<'a>(&'a self, host: &'a str, stamp_ns: i64) -> BoxFuture<'a, Result<bool>> {
        async move {
            let doing = format!("remove syncer {host}");
            let args = [Arg::Text(host), Arg::Int(stamp_ns)];
            Ok(self.execute(Lane::Leases, &doing, self.database.texts().forget_syncer, &args).await? > 0)
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.database.close()
    }
}

impl<D: Database> SqlStore<D> {
    /// The database's clock, and all leases.
    async fn view_leases(&self, doing: &str) -> Result<(i64, std::collections::BTreeMap<String, Lease>)> {
        let columns = [Column::Text, Column::Int, Column::Text, Column::Int, Column::Int, Column::Int];
        let rows = self.rows(Lane::Leases, doing, self.database.texts().leases, &[], &columns).await?;
        let mut now_ms = 0;
        let mut leases = std::collections::BTreeMap::new();
        for row in rows {
            let Ok([host, epoch, process, expires_ms, stamp, now]) = <[Value; 6]>::try_from(row) else { continue };
            now_ms = now.int();
            let lease = Lease {
                epoch: epoch.int(),
                process: process.text(),
                remaining_ms: expires_ms.int().saturating_sub(now_ms),
                stamp_ns: stamp.int(),
            };
            // One row is there for the clock alone; a row of epoch 0 was never granted.
            if lease.epoch > 0 {
                leases.insert(host.text(), lease);
            }
        }
        Ok((now_ms, leases))
    }
}

const JOB_COLUMNS: &[Column] = &[Column::Text, Column::Text, Column::Text];

fn job_row(row: Vec<Value>) -> Option<JobRow> {
    let [name, document, owner] = <[Value; 3]>::try_from(row).ok()?;
    Some(JobRow { name: name.text(), document: document.text(), owner: owner.text() })
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).min(crate::cluster::LONGEST_LEASE_MS)
}
