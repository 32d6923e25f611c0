//! Clock and randomness of a simulated process.

use std::sync::{Mutex, PoisonError};

use ccr_engine::{Clock, Rng};
use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

/// Wall-clock time of the simulated world: a fixed beginning plus virtual time.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    start: Instant,
}

impl VirtualClock {
    /// 2026-01-01 00:00:00 UTC, in milliseconds since the epoch.
    pub const BEGIN_MS: i64 = 1_767_225_600_000;

    /// A clock whose beginning is now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        Self::BEGIN_MS + i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX - Self::BEGIN_MS)
    }
}

/// A stream of random numbers from a seed.
#[derive(Debug)]
pub struct SeededRng(Mutex<ChaCha8Rng>);

impl SeededRng {
    /// The stream `stream` of a seed: streams are independent of each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(Mutex::new(rng))
    }

    /// A number below `limit` (0 for a limit of 0).
    pub fn below(&self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next_u64() % limit }
    }

    /// True `permille` times in a thousand.
    pub fn chance(&self, permille: u64) -> bool {
        self.below(1000) < permille
    }
}

impl Rng for SeededRng {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}
