//! What every [`Metastore`] must do, as a suite of assertions.
//!
//! A store passes if [`run`] returns; it panics with the rule that is broken.

// A failed expectation is the suite's answer.
#![allow(clippy::unwrap_used)]

mod leases;

use std::sync::Arc;

use futures::future::join_all;

use crate::StoreErrorKind::{Exists, NotFound, NotOwner, TooLarge, Unavailable};
use crate::{JobRow, Metastore, Result, StoreErrorKind};

const OWNER: &str = "10.0.0.1:9190";
const OTHER: &str = "10.0.0.2:9190";

/// Opens databases: a number that was not used before is a new, empty one, the same number is another handle on it.
pub trait Open {
    fn open(&self, database: usize) -> impl Future<Output = Arc<dyn Metastore>>;
}

impl<F: AsyncFn(usize) -> Arc<dyn Metastore>> Open for F {
    async fn open(&self, database: usize) -> Arc<dyn Metastore> {
        self(database).await
    }
}

/// Runs every case, each on databases of its own.
pub async fn run(open: impl Open) {
    let mut database = 0;
    let mut make = || {
        database += 1;
        open.open(database)
    };
    empty_store(&*make().await).await;
    add_and_read_back(&*make().await).await;
    update_job(&*make().await).await;
    progress(&*make().await).await;
    remove(&*make().await).await;
    late_write_after_removal(&*make().await).await;
    only_the_owner_writes(&*make().await).await;
    names_are_only_names(&*make().await).await;
    large_document(&*make().await).await;
    one_of_many_adds_wins(make().await).await;
    concurrent_writers_lose_nothing(make().await).await;
    closed(&*make().await).await;
    leases::run(&open, database + 1).await;
}

fn row(name: &str, document: &str) -> JobRow {
    JobRow { name: name.to_owned(), document: document.to_owned(), owner: OWNER.to_owned() }
}

/// The kind of the error that `result` must be; its text must be a sentence.
#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T>) -> StoreErrorKind {
    let error = result.expect_err("the operation must fail");
    assert!(error.text.contains(": ") && !error.text.contains('\n'), "no sentence: {error}");
    error.kind
}

async fn empty_store(store: &dyn Metastore) {
    assert_eq!(store.jobs().await.unwrap(), []);
    assert_eq!(store.job("j").await.unwrap(), None);
    assert_eq!(store.progress("j").await.unwrap(), None);
    assert_eq!(kind(store.update_job("j", OWNER, "{}").await), NotFound);
    assert_eq!(kind(store.save_progress("j", OWNER, "{}").await), NotFound);
    assert_eq!(store.progress("j").await.unwrap(), None);
    store.remove_job("j", None).await.expect("absent rows are fine");
    store.remove_job("j", Some(OWNER)).await.expect("absent rows are fine for an owner too");
}

async fn add_and_read_back(store: &dyn Metastore) {
    for name in ["b", "a", "c"] {
        store.add_job(&row(name, "{\"v\":1}")).await.unwrap();
    }
    assert_eq!(kind(store.add_job(&row("b", "{\"v\":2}")).await), Exists);
    assert_eq!(store.job("b").await.unwrap(), Some(row("b", "{\"v\":1}")), "a refused insert changes nothing");
    let names: Vec<String> = store.jobs().await.unwrap().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["a", "b", "c"], "jobs come by name");
    assert_eq!(store.progress("b").await.unwrap(), None, "a new job has no progress");
}

async fn update_job(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    store.update_job("j", OWNER, "{\"v\":2}").await.unwrap();
    store.update_job("j", OWNER, "{\"v\":2}").await.expect("the same document again is no error");
    assert_eq!(store.job("j").await.unwrap(), Some(row("j", "{\"v\":2}")));
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"), "progress is not touched");
}

async fn progress(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.add_job(&row("k", "{}")).await.unwrap();
    for document in ["{\"p\":1}", "{\"p\":2}", "{\"p\":2}", " {\"text\":\"\\u0000 \\\\ ' \\\" 表 \"}\n"] {
        store.save_progress("j", OWNER, document).await.unwrap();
        assert_eq!(store.progress("j").await.unwrap().as_deref(), Some(document), "text comes back as it was given");
    }
    assert_eq!(store.progress("k").await.unwrap(), None, "rows are not mixed up");
}

async fn remove(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.add_job(&row("k", "{}")).await.unwrap();
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    store.save_progress("k", OWNER, "{\"p\":2}").await.unwrap();
    assert_eq!(kind(store.remove_job("j", Some(OTHER)).await), NotOwner);
    assert!(store.job("j").await.unwrap().is_some() && store.progress("j").await.unwrap().is_some());
    store.remove_job("j", Some(OWNER)).await.unwrap();
    assert_eq!(store.job("j").await.unwrap(), None);
    assert_eq!(store.progress("j").await.unwrap(), None, "progress goes with its job");
    assert_eq!(store.jobs().await.unwrap(), [row("k", "{}")]);
    assert_eq!(store.progress("k").await.unwrap().as_deref(), Some("{\"p\":2}"));
    store.remove_job("k", None).await.expect("without an owner, anybody's");
    assert_eq!(store.jobs().await.unwrap(), []);
}

/// A worker that outlived its job brings nothing back, and a new job of that name starts from nothing.
async fn late_write_after_removal(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    store.remove_job("j", None).await.unwrap();
    assert_eq!(kind(store.save_progress("j", OWNER, "{\"p\":2}").await), NotFound);
    assert_eq!(kind(store.update_job("j", OWNER, "{}").await), NotFound);
    assert_eq!((store.job("j").await.unwrap(), store.progress("j").await.unwrap()), (None, None));
    store.add_job(&JobRow { owner: OTHER.to_owned(), ..row("j", "{}") }).await.unwrap();
    assert_eq!(store.progress("j").await.unwrap(), None);
    assert_eq!(kind(store.save_progress("j", OWNER, "{\"p\":3}").await), NotOwner);
    assert_eq!(store.progress("j").await.unwrap(), None);
}

async fn only_the_owner_writes(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    for stranger in [OTHER, "", "10.0.0.1:919", "10.0.0.1:9190 "] {
        assert_eq!(kind(store.save_progress("j", stranger, "{\"p\":2}").await), NotOwner, "{stranger:?}");
        assert_eq!(kind(store.update_job("j", stranger, "{\"v\":2}").await), NotOwner, "{stranger:?}");
    }
    assert_eq!(store.job("j").await.unwrap(), Some(row("j", "{}")));
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"));
}

/// Names and documents are data: no quoting, no pattern, no case folding.
async fn names_are_only_names(store: &dyn Metastore) {
    let names =
        ["it's", "a\"b", "a`b", "%", "_", "a\\'b", "x'; DROP TABLE jobs; --", "作业 ü", "A", "a", "a ", "", "?1", "$1"];
    for name in names {
        store.add_job(&row(name, &format!("{{\"name\":{name:?}}}"))).await.unwrap();
    }
    for name in names {
        let document = format!("{{\"of\":{name:?}}}");
        store.save_progress(name, OWNER, &document).await.unwrap();
        assert_eq!(store.job(name).await.unwrap().map(|job| job.name).as_deref(), Some(name));
    }
    assert_eq!(store.jobs().await.unwrap().len(), names.len());
    store.remove_job("%", Some(OWNER)).await.unwrap();
    store.remove_job("_", None).await.unwrap();
    for name in names.into_iter().filter(|name| !matches!(*name, "%" | "_")) {
        assert_eq!(store.progress(name).await.unwrap(), Some(format!("{{\"of\":{name:?}}}")), "{name:?}");
    }
}

async fn large_document(store: &dyn Metastore) {
    let document = format!("{{\"data\":\"{}\"}}", "0123456789abcde\u{8868}".repeat(5 << 20 >> 4));
    match store.add_job(&row("j", &document)).await {
        Ok(()) => assert!(store.job("j").await.unwrap().is_some_and(|found| found.document == document)),
        // The Go program's column takes 64 KiB on MySQL.
        Err(error) => {
            assert_eq!(error.kind, TooLarge, "{error}");
            assert_eq!(store.jobs().await.unwrap(), [], "a refused document has no effect");
            store.add_job(&row("j", &format!("{{\"data\":\"{}\"}}", "x".repeat(60_000)))).await.unwrap();
            let before = store.job("j").await.unwrap();
            assert_eq!(kind(store.update_job("j", OWNER, &document).await), TooLarge);
            assert_eq!(store.job("j").await.unwrap(), before);
        }
    }
    store.save_progress("j", OWNER, &document).await.unwrap();
    assert!(store.progress("j").await.unwrap().is_some_and(|found| found == document));
}

async fn one_of_many_adds_wins(store: Arc<dyn Metastore>) {
    let adds = (0..8).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.add_job(&row("j", &format!("{{\"n\":{n}}}"))).await })
    });
    let results: Vec<Result<()>> = join_all(adds).await.into_iter().map(|joined| joined.unwrap()).collect();
    let winner = results.iter().position(Result::is_ok).expect("one insert succeeds");
    for (n, result) in results.into_iter().enumerate() {
        if n != winner {
            assert_eq!(kind(result), Exists);
        }
    }
    assert_eq!(store.job("j").await.unwrap(), Some(row("j", &format!("{{\"n\":{winner}}}"))));
}

/// Four jobs count to fifty at the same time: no write fails and none is lost.
async fn concurrent_writers_lose_nothing(store: Arc<dyn Metastore>) {
    let count = |text: Option<String>| -> u32 {
        text.map_or(0, |text| text.trim_start_matches("{\"n\":").trim_end_matches('}').parse().unwrap())
    };
    let writers = (0..4).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = format!("j{writer}");
            store.add_job(&row(&name, "{}")).await.unwrap();
            for _ in 0..50 {
                let n = count(store.progress(&name).await.unwrap());
                store.save_progress(&name, OWNER, &format!("{{\"n\":{}}}", n + 1)).await.unwrap();
            }
        })
    });
    for joined in join_all(writers).await {
        joined.unwrap();
    }
    for writer in 0..4 {
        assert_eq!(count(store.progress(&format!("j{writer}")).await.unwrap()), 50);
    }
}

async fn closed(store: &dyn Metastore) {
    store.add_job(&row("j", "{}")).await.unwrap();
    store.close().await;
    store.close().await;
    assert_eq!(kind(store.jobs().await), Unavailable);
    assert_eq!(kind(store.job("j").await), Unavailable);
    assert_eq!(kind(store.progress("j").await), Unavailable);
    assert_eq!(kind(store.add_job(&row("k", "{}")).await), Unavailable);
    assert_eq!(kind(store.update_job("j", OWNER, "{}").await), Unavailable);
    assert_eq!(kind(store.save_progress("j", OWNER, "{}").await), Unavailable);
    assert_eq!(kind(store.remove_job("j", None).await), Unavailable);
    assert_eq!(kind(store.view().await), Unavailable);
    assert_eq!(kind(store.acquire_lease(OWNER, "p", None, std::time::Duration::from_secs(1)).await), Unavailable);
}
