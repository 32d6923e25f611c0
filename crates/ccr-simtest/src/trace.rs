//! What happened in a run: lines that a person can read, and one hash that two runs of a seed must share.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The record of one run.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    hash: u64,
    lines: Vec<String>,
}

impl Trace {
    /// An empty trace that starts now. `keep`: the lines are kept, not only their hash.
    pub fn new() -> Self {
        Self { start: Instant::now(), state: Mutex::new(State { hash: 0xcbf2_9ce4_8422_2325, lines: Vec::new() }) }
    }

    /// Adds a line, with the virtual time in milliseconds before it.
    pub fn add(&self, line: &str) {
        let line = format!("{:>9} {line}", self.start.elapsed().as_millis());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // FNV-1a, with the end of the line.
        for byte in line.bytes().chain([b'\n']) {
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        state.lines.push(line);
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

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}
