#![allow(clippy::unwrap_used)]

use doris::net::Endpoint;

use super::{Arrival, CallInfo, Channel, Departure, Effect, FaultRule, Faults, Substitute};

async fn arrive(faults: &Faults, what: &str) -> Arrival {
    let to = Endpoint::new("fe", 9020);
    faults.arrive(CallInfo { to: &to, channel: Channel::Thrift, what }).await
}

#[tokio::test(start_paused = true)]
async fn rules_skip_count_and_name_their_calls() {
    let faults = Faults::default();
    let rule = FaultRule { skip: 1, ..FaultRule::new(Effect::Lose).of("begin*").times(2) };
    faults.add(rule).unwrap();
    let mut seen = Vec::new();
    for what in ["beginTxn", "beginTxn", "commitTxn", "beginTxn", "beginTxn"] {
        seen.push(arrive(&faults, what).await == Arrival::Lost);
    }
    assert_eq!(seen, [false, true, false, true, false]);
    let rules = faults.rules();
    assert_eq!((rules[0].seen, rules[0].done), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_other_effects_end_the_search() {
    let faults = Faults::default();
    for effect in [Effect::Delay(100), Effect::Delay(50), Effect::Fail { status: 6, text: "no".into() }, Effect::Lose] {
        faults.add(FaultRule::new(effect)).unwrap();
    }
    let start = tokio::time::Instant::now();
    let arrival = arrive(&faults, "getMeta").await;
    assert_eq!(arrival, Arrival::Answer(Substitute::Refusal { status: 6, text: "no".into() }));
    assert_eq!(start.elapsed().as_millis(), 150);
    let to = Endpoint::new("fe", 9020);
    let call = CallInfo { to: &to, channel: Channel::Thrift, what: "getMeta" };
    assert_eq!(faults.depart(call).await, Departure::Send, "they are all before the call");
}

#[tokio::test]
async fn the_same_seed_fails_the_same_calls() {
    let run = async |seed| {
        let faults = Faults::seeded(seed);
        faults.add(FaultRule { probability: 0.5, ..FaultRule::new(Effect::Lose) }).unwrap();
        let mut seen = Vec::new();
        for _ in 0..64 {
            seen.push(arrive(&faults, "x").await == Arrival::Lost);
        }
        seen
    };
    let first = run(7).await;
    assert!(first.contains(&true) && first.contains(&false));
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
}

#[test]
fn an_effect_at_the_wrong_time_is_refused() {
    let faults = Faults::default();
    assert!(faults.add(FaultRule::new(Effect::Cut(3))).is_err());
    assert!(faults.add(FaultRule::new(Effect::Duplicate).after()).is_err());
    let rule: FaultRule =
        serde_json::from_str(r#"{"call": "commitTxn", "when": "after", "count": 1, "effect": {"cut": 3}}"#).unwrap();
    assert!(faults.add(rule).is_ok());
    let typo = serde_json::from_str::<FaultRule>(r#"{"method": "commitTxn", "effect": "lose"}"#);
    assert!(typo.is_err(), "a rule with a misspelt field would hit every call");
}
