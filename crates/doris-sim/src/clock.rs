//! The only source of time of a simulated cluster.

use tokio::time::Instant;

/// A wall clock on top of the runtime's clock: it stands still while virtual time is paused.
#[derive(Clone, Copy, Debug)]
pub struct SimClock {
    base_ms: i64,
    start: Instant,
}

impl SimClock {
    /// A clock that shows `base_ms` (milliseconds since the epoch) now.
    pub fn starting_at(base_ms: i64) -> Self {
        Self { base_ms, start: Instant::now() }
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.base_ms.saturating_add(elapsed)
    }

    /// The instant at which the clock will show `ms`.
    pub fn instant_of(&self, ms: i64) -> Instant {
        let after = u64::try_from(ms.saturating_sub(self.base_ms)).unwrap_or(0);
        self.start + std::time::Duration::from_millis(after)
    }
}

/// Milliseconds since the epoch by the machine's clock: for a cluster that runs in real time, at its start only.
pub fn wall_clock_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
