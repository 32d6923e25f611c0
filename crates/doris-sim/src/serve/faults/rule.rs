//! Rules: which calls, how many of them, and what happens to them.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{After, Before, CallInfo, MasterHint, Substitute};

/// The protocol of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Thrift,
    Sql,
    Http,
}

/// When a rule takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The call has not been executed.
    #[default]
    Before,
    /// The call has been executed, its reply has not been sent.
    After,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Milliseconds. The following rules apply, too.
    Delay(u64),
    /// The connection breaks.
    Lose,
    /// Nothing ever comes.
    Hang,
    /// No connection can be made (before).
    Unreachable,
    /// Executed twice (before).
    Duplicate,
    /// An FE says that it is not the master (before; Thrift).
    NotMaster(MasterHint),
    /// A status code of Thrift, an error code of MySQL or a status of HTTP, and a text.
    Fail { status: u16, text: String },
    /// The connection breaks after so many bytes of the reply (after).
    Cut(usize),
}

impl Effect {
    fn fits(&self, when: When) -> bool {
        match self {
            Self::Delay(_) | Self::Lose | Self::Hang | Self::Fail { .. } => true,
            Self::Unreachable | Self::Duplicate | Self::NotMaster(_) => when == When::Before,
            Self::Cut(_) => when == When::After,
        }
    }

    pub(super) fn before(self) -> Before {
        match self {
            Self::Lose => Before::Lose,
            Self::Hang => Before::Hang,
            Self::Unreachable => Before::Unreachable,
            Self::Duplicate => Before::Duplicate,
            Self::NotMaster(hint) => Before::Answer(Substitute::NotMaster(hint)),
            Self::Fail { status, text } => Before::Answer(Substitute::Refusal { status, text }),
            Self::Delay(_) | Self::Cut(_) => Before::Pass,
        }
    }

    pub(super) fn after(self) -> After {
        match self {
            Self::Lose => After::Lose,
            Self::Hang => After::Hang,
            Self::Fail { status, text } => After::Answer(Substitute::Refusal { status, text }),
            Self::Cut(bytes) => After::Cut(bytes),
            Self::Delay(_) | Self::Unreachable | Self::Duplicate | Self::NotMaster(_) => After::Pass,
        }
    }
}

/// Which calls meet a fault, and which one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Of this protocol; absent: of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The Thrift method, SQL text or `GET /path`, whole, letters of both cases being equal; `*` is any text. Absent:
    /// every call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// `host:port` of the service; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default)]
    pub when: When,
    /// So many fitting calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// Then so many meet the fault; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of those, this part does, by the seed.
    #[serde(default = "always")]
    pub probability: f64,
    pub effect: Effect,
}

fn always() -> f64 {
    1.0
}

impl FaultRule {
    /// Every call meets the fault before it is executed.
    pub fn new(effect: Effect) -> Self {
        Self { channel: None, call: None, to: None, when: When::Before, skip: 0, count: None, probability: 1.0, effect }
    }

    /// Only those calls, see [`Self::call`].
    pub fn of(mut self, call: impl Into<String>) -> Self {
        self.call = Some(call.into());
        self
    }

    /// Only so often.
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// After the call was executed.
    pub fn after(mut self) -> Self {
        self.when = When::After;
        self
    }

    fn fits(&self, when: When, call: CallInfo<'_>) -> bool {
        self.when == when
            && self.channel.is_none_or(|channel| channel == call.channel)
            && self.to.as_ref().is_none_or(|to| *to == call.to.to_string())
            && self.call.as_ref().is_none_or(|pattern| matches(pattern, call.what))
    }
}

/// Whether a text is the pattern, in which `*` stands for any text. Blanks of any kind and number are one blank.
fn matches(pattern: &str, text: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (pattern, text) = (plain(pattern), plain(text));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A rule at work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstalledRule {
    pub id: u64,
    pub rule: FaultRule,
    /// Calls that fitted.
    pub seen: u64,
    /// Calls that met the fault.
    pub done: u64,
}

#[derive(Default)]
pub(super) struct Rules {
    rules: Vec<InstalledRule>,
    last_id: u64,
}

impl Rules {
    pub(super) fn add(&mut self, rule: FaultRule) -> Result<u64, String> {
        if !rule.effect.fits(rule.when) {
            return Err(format!("the effect {:?} cannot happen {:?} a call", rule.effect, rule.when));
        }
        if !(0.0..=1.0).contains(&rule.probability) {
            return Err(format!("probability {} is not between 0 and 1", rule.probability));
        }
        self.last_id += 1;
        self.rules.push(InstalledRule { id: self.last_id, rule, seen: 0, done: 0 });
        Ok(self.last_id)
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn list(&self) -> Vec<InstalledRule> {
        self.rules.clone()
    }

    /// All delays that apply, and the first other effect.
    pub(super) fn decide(
        &mut self,
        when: When,
        call: CallInfo<'_>,
        rng: &mut ChaCha8Rng,
    ) -> (Duration, Option<Effect>) {
        let mut delay = Duration::ZERO;
        for installed in &mut self.rules {
            let rule = &installed.rule;
            if !rule.fits(when, call) {
                continue;
            }
            installed.seen += 1;
            let applies = installed.seen > rule.skip
                && rule.count.is_none_or(|count| installed.done < count)
                && (rule.probability >= 1.0 || rng.random_bool(rule.probability));
            if !applies {
                continue;
            }
            installed.done += 1;
            match &rule.effect {
                Effect::Delay(ms) => delay += Duration::from_millis(*ms),
                effect => return (delay, Some(effect.clone())),
            }
        }
        (delay, None)
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("getBinlog", "getBinlog", true),
            ("getBinlog", "getBinlogLag", false),
            ("get*", "getBinlogLag", true),
            ("BACKUP * TO *", "backup  snapshot a.b\nTO `r`", true),
            ("*lag*", "getBinlogLag", true),
            ("*x*", "getBinlogLag", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
