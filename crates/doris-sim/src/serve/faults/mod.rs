//! What happens to calls on their way: one mechanism for everything that is served, in process and on sockets.
//!
//! [`Faults`] is asked twice for each call: before it is executed ([`Faults::arrive`]) and before its reply is sent
//! ([`Faults::depart`]). It decides by rules, which are plain data ([`FaultRule`]: what the control port takes), and by
//! a plan of the test's own ([`FaultPlan`]).

mod rule;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use doris::net::Endpoint;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use rule::Rules;
pub use rule::{Channel, Effect, FaultRule, InstalledRule, When};

/// One call on its way.
#[derive(Clone, Copy, Debug)]
pub struct CallInfo<'a> {
    pub to: &'a Endpoint,
    pub channel: Channel,
    /// The Thrift method, the SQL text, or `GET` and the path without its query.
    pub what: &'a str,
}

/// How an FE that is not the master tells where the master is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterHint {
    /// Not at all: every method but getBinlog in 4.1.
    #[default]
    Absent,
    /// The address of the master.
    Named,
    /// Host `""` and port 0, as during an election.
    Empty,
}

/// An answer that is not the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Substitute {
    /// An FE answers that it is not the master (Thrift only; other calls are executed).
    NotMaster(MasterHint),
    /// A refusal: the status code of a Thrift service, the error code of MySQL, the status of HTTP.
    Refusal { status: u16, text: String },
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Pass,
    Delay(Duration),
    /// No connection: nothing was sent. On sockets the connection is closed unread.
    Unreachable,
    /// The connection breaks before the request arrives; the caller cannot know.
    Lose,
    /// Neither the request nor an answer ever arrives.
    Hang,
    /// It is not executed, and answered with this.
    Answer(Substitute),
    /// It arrives twice: executed twice, one after the other; the answer is that of the first.
    Duplicate,
}

/// What happens to a reply; the request was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    Pass,
    Delay(Duration),
    /// The connection breaks before the reply arrives.
    Lose,
    /// The reply never arrives.
    Hang,
    /// The reply is replaced.
    Answer(Substitute),
    /// The connection breaks after so many bytes of the reply.
    Cut(usize),
}

/// Decides about every call. Both methods are asked once a call.
pub trait FaultPlan: Send + Sync {
    fn before(&self, call: CallInfo<'_>) -> Before;
    fn after(&self, call: CallInfo<'_>) -> After;
}

/// What is to be done with a request; delays are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Execute,
    ExecuteTwice,
    Answer(Substitute),
    Unreachable,
    Lost,
}

/// What is to be done with a reply; delays are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    Send,
    Answer(Substitute),
    Cut(usize),
    Lost,
}

/// The faults of a cluster, or of a network that clusters share. Clones share everything.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    plan: Option<Arc<dyn FaultPlan>>,
    rules: Rules,
    rng: ChaCha8Rng,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("rules", &self.rules()).finish_non_exhaustive()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::seeded(1)
    }
}

impl Faults {
    /// None yet. The seed decides about rules with a probability.
    pub fn seeded(seed: u64) -> Self {
        let inner = Inner { plan: None, rules: Rules::default(), rng: ChaCha8Rng::seed_from_u64(seed) };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A plan that is asked about each call after the rules (`None`: no plan).
    pub fn set_plan(&self, plan: Option<Arc<dyn FaultPlan>>) {
        self.with(|inner| inner.plan = plan);
    }

    /// Installs a rule; answers its number.
    ///
    /// # Errors
    /// An effect that cannot happen at that time, or a probability outside of 0 to 1.
    pub fn add(&self, rule: FaultRule) -> Result<u64, String> {
        self.with(|inner| inner.rules.add(rule))
    }

    /// Whether there was such a rule.
    pub fn remove(&self, id: u64) -> bool {
        self.with(|inner| inner.rules.remove(id))
    }

    /// Removes all rules and the plan.
    pub fn clear(&self) {
        self.with(|inner| {
            inner.rules.clear();
            inner.plan = None;
        });
    }

    /// The rules in their order, with what they did so far.
    pub fn rules(&self) -> Vec<InstalledRule> {
        self.with(|inner| inner.rules.list())
    }

    /// What is to be done with a request, once its delays are over. Hanging ones never come back.
    pub(crate) async fn arrive(&self, call: CallInfo<'_>) -> Arrival {
        let (delay, rule, plan) = self.with(|inner| {
            let (delay, effect) = inner.rules.decide(When::Before, call, &mut inner.rng);
            (delay, effect, inner.plan.clone())
        });
        sleep(delay).await;
        let before = match rule {
            Some(effect) => effect.before(),
            None => plan.map_or(Before::Pass, |plan| plan.before(call)),
        };
        match before {
            Before::Pass => Arrival::Execute,
            Before::Delay(time) => {
                sleep(time).await;
                Arrival::Execute
            }
            Before::Unreachable => Arrival::Unreachable,
            Before::Lose => Arrival::Lost,
            Before::Hang => std::future::pending().await,
            Before::Answer(substitute) => Arrival::Answer(substitute),
            Before::Duplicate => Arrival::ExecuteTwice,
        }
    }

    /// What is to be done with a reply, once its delays are over. Hanging ones never come back.
    pub(crate) async fn depart(&self, call: CallInfo<'_>) -> Departure {
        let (delay, rule, plan) = self.with(|inner| {
            let (delay, effect) = inner.rules.decide(When::After, call, &mut inner.rng);
            (delay, effect, inner.plan.clone())
        });
        sleep(delay).await;
        let after = match rule {
            Some(effect) => effect.after(),
            None => plan.map_or(After::Pass, |plan| plan.after(call)),
        };
        match after {
            After::Pass => Departure::Send,
            After::Delay(time) => {
                sleep(time).await;
                Departure::Send
            }
            After::Lose => Departure::Lost,
            After::Hang => std::future::pending().await,
            After::Answer(substitute) => Departure::Answer(substitute),
            After::Cut(bytes) => Departure::Cut(bytes),
        }
    }
}

/// No time at all does not even yield.
async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
