//! What happened in a run: lines that a person can read, and one hash that two runs of a seed must share.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The record of one run.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    keep: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    hash: u64,
    lines: Vec<String>,
    /// Must never be seen in a line.
    secret: Option<String>,
    told: Option<String>,
}

impl Trace {
    /// An empty trace that starts now. `keep`: the lines are kept, not only their hash.
    pub fn new(keep: bool) -> Self {
        let state = State { hash: 0xcbf2_9ce4_8422_2325, lines: Vec::new(), secret: None, told: None };
        Self { start: Instant::now(), keep, state: Mutex::new(state) }
    }

    /// A text that no line may contain.
    pub fn watch_secret(&self, secret: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).secret = Some(secret.to_owned());
    }

    /// The first line that contained the secret.
    pub fn told_secret(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    /// Adds a line, with the virtual time in milliseconds before it.
    pub fn add(&self, line: &str) {
        self.add_parts(&[line]);
    }

    /// Adds a line of several parts.
    pub fn add_parts(&self, parts: &[&str]) {
        let ms = self.start.elapsed().as_millis() as u64;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // FNV-1a over the time, the parts and the end of the line.
        let bytes = parts.iter().flat_map(|part| part.bytes());
        for byte in ms.to_le_bytes().into_iter().chain(bytes).chain([b'\n']) {
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let tells = state.secret.as_ref().is_some_and(|secret| parts.iter().any(|part| part.contains(secret.as_str())));
        if self.keep || tells {
            let line = format!("{ms:>9} {}", parts.concat());
            if tells && state.told.is_none() {
                state.told = Some(line.clone());
            }
            if self.keep {
                state.lines.push(line);
            }
        }
    }

    /// The hash of all lines so far.
    pub fn hash(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).hash
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }
}
