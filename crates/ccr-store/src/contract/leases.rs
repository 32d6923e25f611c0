//! Leases, and who may write when.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::{OTHER, OWNER, Open, kind, row};
use crate::StoreErrorKind::{NotOwner, TooLarge};
use crate::{LeaseAnswer, Metastore};

const LONG: Duration = Duration::from_secs(30);
/// Long enough for a few statements, short enough to wait for.
const SHORT: Duration = Duration::from_millis(400);

pub(super) async fn run(open: &impl Open, first: usize) {
    one_process_per_identity(open, first).await;
    a_lease_ends_by_itself(open, first + 1).await;
    jobs_are_taken_from_the_dead_only(open, first + 2).await;
    jobs_are_given_by_their_owner_only(open, first + 3).await;
    stamps_are_for_others_and_prove_nothing(open, first + 4).await;
    one_of_many_acquires(open, first + 5).await;
    renewals_and_writes_do_not_wait_for_each_other(open, first + 6).await;
    for round in 0..3 {
        nothing_is_written_after_a_job_was_taken(open, first + 7 + round).await;
    }
}

#[track_caller]
fn granted(answer: LeaseAnswer) -> i64 {
    match answer {
        LeaseAnswer::Granted { epoch } => epoch,
        LeaseAnswer::Held(lease) => panic!("the lease is held: {lease:?}"),
    }
}

async fn acquire(store: &dyn Metastore, owner: &str, process: &str, ttl: Duration) -> i64 {
    granted(store.acquire_lease(owner, process, None, ttl).await.unwrap())
}

/// Waits until the database says that the lease of an identity has ended.
async fn ended(store: &dyn Metastore, owner: &str) {
    while store.view().await.unwrap().leases.get(owner).is_some_and(crate::Lease::is_alive) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn one_process_per_identity(open: &impl Open, n: usize) {
    let (a, b) = (open.open(n).await, open.open(n).await);
    assert_eq!(kind(a.renew_lease(LONG).await), NotOwner);
    assert_eq!(kind(a.stamp(1).await), NotOwner);
    a.release_lease().await.expect("without a lease there is nothing to release");
    let epoch = acquire(&*a, OWNER, "p1", LONG).await;
    a.add_job(&row("j", "{}")).await.unwrap();
    a.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    assert_eq!(acquire(&*a, OWNER, "p1", LONG).await, epoch, "it holds it already");
    for gone in [None, Some("p0")] {
        match b.acquire_lease(OWNER, "p2", gone, LONG).await.unwrap() {
            LeaseAnswer::Held(lease) => {
                assert!(lease.is_alive() && lease.epoch == epoch && lease.process == "p1", "{lease:?}");
            }
            LeaseAnswer::Granted { .. } => panic!("two processes hold one identity"),
        }
    }
    b.save_progress("j", OWNER, "{\"p\":2}").await.expect("a handle without a lease is not fenced");
    let next = granted(b.acquire_lease(OWNER, "p2", Some("p1"), LONG).await.unwrap());
    assert!(next > epoch);
    assert_eq!(kind(a.save_progress("j", OWNER, "{\"p\":3}").await), NotOwner);
    assert_eq!(kind(a.update_job("j", OWNER, "{\"v\":3}").await), NotOwner);
    assert_eq!(kind(a.remove_job("j", Some(OWNER)).await), NotOwner);
    assert_eq!(kind(a.renew_lease(LONG).await), NotOwner);
    assert_eq!(kind(a.stamp(3).await), NotOwner);
    assert!(!a.give_job("j", OWNER).await.unwrap());
    a.release_lease().await.expect("what it does not hold stays");
    b.renew_lease(LONG).await.unwrap();
    b.update_job("j", OWNER, "{\"v\":4}").await.unwrap();
    b.save_progress("j", OWNER, "{\"p\":4}").await.unwrap();
    assert_eq!(b.progress("j").await.unwrap().as_deref(), Some("{\"p\":4}"));
    b.remove_job("j", Some(OWNER)).await.unwrap();
    let long = "h".repeat(97);
    assert_eq!(kind(a.acquire_lease(&long, "p", None, LONG).await), TooLarge);
}

async fn a_lease_ends_by_itself(open: &impl Open, n: usize) {
    let store = open.open(n).await;
    let epoch = acquire(&*store, OWNER, "p1", LONG).await;
    store.add_job(&row("j", "{}")).await.unwrap();
    store.stamp(7).await.unwrap();
    // From now on it ends sooner than it did.
    store.renew_lease(SHORT).await.unwrap();
    ended(&*store, OWNER).await;
    assert_eq!(kind(store.save_progress("j", OWNER, "{\"p\":1}").await), NotOwner);
    assert_eq!(kind(store.renew_lease(LONG).await), NotOwner);
    assert_eq!(kind(store.stamp(8).await), NotOwner);
    assert_eq!(store.progress("j").await.unwrap(), None);
    let view = store.view().await.unwrap();
    assert_eq!((view.syncers.get(OWNER), view.leases[OWNER].stamp_ns), (Some(&7), 7));
    assert!(acquire(&*store, OWNER, "p1", LONG).await > epoch);
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
}

async fn jobs_are_taken_from_the_dead_only(open: &impl Open, n: usize) {
    let (a, b) = (open.open(n).await, open.open(n).await);
    acquire(&*a, OWNER, "p1", LONG).await;
    acquire(&*b, OTHER, "p2", LONG).await;
    for name in ["it's", "A", "a"] {
        a.add_job(&row(name, "{}")).await.unwrap();
    }
    a.save_progress("a", OWNER, "{\"p\":1}").await.unwrap();
    assert!(!b.take_job("a", OWNER, OTHER).await.unwrap(), "its owner lives");
    a.release_lease().await.unwrap();
    assert!(!b.take_job("a", OWNER, "10.0.0.3:9190").await.unwrap(), "nobody is there");
    assert!(!b.take_job("a", "10.0.0.4:9190", OTHER).await.unwrap(), "it is another one's");
    assert!(!b.take_job("b", OWNER, OTHER).await.unwrap(), "there is no such job");
    assert!(b.take_job("a", OWNER, OTHER).await.unwrap());
    assert!(!b.take_job("a", OWNER, OTHER).await.unwrap(), "once");
    assert_eq!(kind(a.save_progress("a", OWNER, "{\"p\":2}").await), NotOwner);
    b.save_progress("a", OTHER, "{\"p\":3}").await.unwrap();
    let view = b.view().await.unwrap();
    let owners: Vec<(&str, &str)> = view.owners.iter().map(|(job, owner)| (job.as_str(), owner.as_str())).collect();
    assert_eq!(owners, [("A", OWNER), ("a", OTHER), ("it's", OWNER)]);
    // Who comes back has its other jobs, and not the one that was taken.
    acquire(&*a, OWNER, "p1", LONG).await;
    assert_eq!(kind(a.save_progress("a", OWNER, "{\"p\":4}").await), NotOwner);
    a.save_progress("A", OWNER, "{\"p\":5}").await.unwrap();
    assert_eq!(b.progress("a").await.unwrap().as_deref(), Some("{\"p\":3}"));
}

async fn jobs_are_given_by_their_owner_only(open: &impl Open, n: usize) {
    let (a, b) = (open.open(n).await, open.open(n).await);
    acquire(&*a, OWNER, "p1", LONG).await;
    a.add_job(&row("j", "{}")).await.unwrap();
    assert!(!a.give_job("j", OTHER).await.unwrap(), "nobody is there");
    acquire(&*b, OTHER, "p2", LONG).await;
    assert!(!b.give_job("j", OTHER).await.unwrap(), "it is not b's");
    assert!(!a.give_job("k", OTHER).await.unwrap(), "there is no such job");
    assert!(a.give_job("j", OTHER).await.unwrap());
    assert_eq!(kind(a.save_progress("j", OWNER, "{}").await), NotOwner);
    b.save_progress("j", OTHER, "{}").await.unwrap();
    assert!(b.give_job("j", OWNER).await.unwrap());
    a.save_progress("j", OWNER, "{}").await.unwrap();
    let stranger = open.open(n).await;
    assert_eq!(kind(stranger.give_job("j", OTHER).await), NotOwner);
}

/// Clocks of syncers are off by any amount: rows of table `syncers` decide nothing.
async fn stamps_are_for_others_and_prove_nothing(open: &impl Open, n: usize) {
    let (a, b) = (open.open(n).await, open.open(n).await);
    acquire(&*a, OWNER, "p1", LONG).await;
    acquire(&*b, OTHER, "p2", LONG).await;
    a.add_job(&row("j", "{}")).await.unwrap();
    for stamp in [1, i64::MAX, -5, 3_600_000_000_000] {
        a.stamp(stamp).await.unwrap();
        let view = b.view().await.unwrap();
        assert_eq!((view.syncers[OWNER], view.leases[OWNER].stamp_ns), (stamp, stamp));
        assert!(view.leases[OWNER].is_alive());
        assert!(!b.take_job("j", OWNER, OTHER).await.unwrap());
        assert!(!b.forget_syncer(OWNER, stamp).await.unwrap(), "it lives");
        a.save_progress("j", OWNER, "{}").await.unwrap();
    }
    let began = b.view().await.unwrap().now_ms;
    assert!(began > 1_700_000_000_000, "the database's clock is in milliseconds since the epoch: {began}");
    a.release_lease().await.unwrap();
    let view = b.view().await.unwrap();
    assert_eq!((view.syncers[OWNER], view.leases[OWNER].stamp_ns), (0, 0));
    assert!(!view.leases[OWNER].is_alive());
    assert!(!b.forget_syncer(OWNER, 1).await.unwrap(), "it says something else by now");
    assert!(b.forget_syncer(OWNER, 0).await.unwrap());
    assert!(!b.forget_syncer(OWNER, 0).await.unwrap());
    assert_eq!(b.view().await.unwrap().syncers.keys().collect::<Vec<_>>(), Vec::<&String>::new());
}

async fn one_of_many_acquires(open: &impl Open, n: usize) {
    let stores = join_all((0..8).map(|_| open.open(n))).await;
    let tries = stores.iter().enumerate().map(|(at, store)| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.acquire_lease(OWNER, &format!("p{at}"), None, LONG).await.unwrap() })
    });
    let answers: Vec<LeaseAnswer> = join_all(tries).await.into_iter().map(|joined| joined.unwrap()).collect();
    let winners = answers.iter().filter(|answer| matches!(answer, LeaseAnswer::Granted { .. })).count();
    assert_eq!(winners, 1, "{answers:?}");
}

async fn renewals_and_writes_do_not_wait_for_each_other(open: &impl Open, n: usize) {
    let store = open.open(n).await;
    acquire(&*store, OWNER, "p1", LONG).await;
    let writers = (0..4).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = format!("j{writer}");
            store.add_job(&row(&name, "{}")).await.unwrap();
            for n in 0..50 {
                store.save_progress(&name, OWNER, &format!("{{\"n\":{n}}}")).await.unwrap();
            }
        })
    });
    let writers = join_all(writers);
    let renewals = async {
        for _ in 0..50 {
            store.renew_lease(LONG).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    for joined in futures::future::join(writers, renewals).await.0 {
        joined.unwrap();
    }
}

/// A process that does not know that its lease has ended writes as fast as it can while its jobs are taken: what is there
/// at the moment of the taking is there ever after.
async fn nothing_is_written_after_a_job_was_taken(open: &impl Open, n: usize) {
    let (a, b) = (open.open(n).await, open.open(n).await);
    acquire(&*a, OWNER, "p1", LONG).await;
    acquire(&*b, OTHER, "p2", LONG).await;
    let names: Vec<String> = (0..4).map(|n| format!("j{n}")).collect();
    for name in &names {
        a.add_job(&row(name, "{}")).await.unwrap();
        a.save_progress(name, OWNER, "{\"n\":0}").await.unwrap();
    }
    let writers = names.iter().cloned().map(|name| {
        let a = Arc::clone(&a);
        tokio::spawn(async move {
            let mut last = 0_u32;
            loop {
                match a.save_progress(&name, OWNER, &format!("{{\"n\":{}}}", last + 1)).await {
                    Ok(()) => last += 1,
                    Err(error) => {
                        assert_eq!(error.kind, NotOwner, "{error}");
                        return last;
                    }
                }
                // A store in memory never waits, and its clock stands still meanwhile.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for name in &names {
        while b.progress(name).await.unwrap().as_deref() == Some("{\"n\":0}") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    a.renew_lease(SHORT).await.unwrap();
    let mut taken = Vec::new();
    for name in &names {
        while !b.take_job(name, OWNER, OTHER).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        taken.push(b.progress(name).await.unwrap().unwrap());
    }
    for (joined, taken) in join_all(writers).await.into_iter().zip(&taken) {
        let last = joined.unwrap();
        assert!(last > 0, "it wrote while its lease was alive");
        assert_eq!(&format!("{{\"n\":{last}}}"), taken);
    }
    for (name, taken) in names.iter().zip(&taken) {
        assert_eq!(b.progress(name).await.unwrap().as_ref(), Some(taken));
    }
}
