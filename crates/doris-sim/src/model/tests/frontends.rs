//! Elections and heartbeats.

use super::*;
use crate::model::{FrontendRole, MasterView};

fn three() -> Model {
    let mut model = Model::new(Options { name: "c".into(), ..Options::default() }, NOW);
    for host in ["10.99.0.11", "10.99.0.12", "10.99.0.13"] {
        model.add_frontend(host, 9030, 9020);
    }
    model
}

#[test]
fn a_killed_master_is_named_then_missed_then_replaced() {
    let mut model = three();
    model.kill_frontend(0).unwrap();
    model.elect(2).unwrap();
    let mut seen = Vec::new();
    for ms in (0..2000).step_by(50) {
        model.advance(NOW + ms);
        let views = (model.master_seen_by(1), model.master_seen_by(2));
        if seen.last() != Some(&views) {
            seen.push(views);
        }
    }
    let dead = |first| MasterView::Dead { master: 0, first };
    let gone = MasterView::Gone { former: Some(0) };
    assert_eq!(
        seen,
        [
            (dead(true), dead(true)),
            (dead(false), dead(false)),
            (gone, gone),
            (MasterView::NotReady(2), MasterView::Becoming),
            (MasterView::Other(2), MasterView::Itself),
        ]
    );
    assert!(!model.frontends[0].known_alive, "the new master asks at once");
}

#[test]
fn a_started_frontend_answers_thrift_first_and_sql_later() {
    let mut model = three();
    model.kill_frontend(0).unwrap();
    model.advance(NOW + 5_000);
    assert!(model.start_frontend(1).is_err(), "it runs");
    model.start_frontend(0).unwrap();
    assert!(model.start_frontend(0).is_err(), "it is starting");
    let start = model.options.frontend_start_ms;
    model.advance(NOW + 5_000 + start);
    assert!(model.frontends[0].alive && !model.serves_sql(0));
    model.advance(NOW + 5_000 + 2 * start);
    assert!(model.serves_sql(0));
    assert_ne!(model.master_seen_by(0), MasterView::Itself, "it came back as a follower");
}

#[test]
fn without_a_majority_of_the_followers_there_is_no_master() {
    let mut model = three();
    model.frontends[2].role = FrontendRole::Observer;
    model.kill_frontend(0).unwrap();
    model.advance(NOW + 60_000);
    assert_eq!(model.master, None, "one of two followers is no majority");
    assert!(model.elect(2).is_err(), "an observer");
    model.start_frontend(0).unwrap();
    model.advance(NOW + 120_000);
    assert!(model.master.is_some_and(|master| master < 2));
}

#[test]
fn a_single_frontend_is_its_own_successor() {
    let mut model = Model::new(Options::default(), NOW);
    model.add_frontend("fe", 9030, 9020);
    model.kill_frontend(0).unwrap();
    model.start_frontend(0).unwrap();
    model.advance(NOW + model.options.frontend_start_ms);
    assert_eq!(model.master_seen_by(0), MasterView::Dead { master: 0, first: true });
    model.advance(NOW + model.options.frontend_start_ms + model.options.election.ready_ms);
    assert_eq!(model.master, Some(0));
}

#[test]
fn the_frontend_notices_a_dead_backend_with_the_next_heartbeat() {
    let mut model = three();
    let id = model.add_backend("be", BackendPorts::default());
    model.kill_backend(id).unwrap();
    assert!(model.backends[&id].alive && !model.backends[&id].works());
    model.advance(NOW + model.options.heartbeat_interval_ms);
    assert!(!model.backends[&id].alive);
    assert_eq!(model.backends[&id].heartbeat_failures, 1);
    model.start_backend(id).unwrap();
    model.advance(NOW + 2 * model.options.heartbeat_interval_ms);
    assert!(model.backends[&id].works() && model.backends[&id].error.is_empty());
}
