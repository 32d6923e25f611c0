//! The machine this program runs on: its clock and its random source. Nothing else in the program reads them.

mod process_name;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ccr_engine::{Clock, Rng};
use rand::{TryRng, rngs::SysRng};
use time::{OffsetDateTime, UtcOffset};

pub use process_name::{ProcessName, process_name};

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Nanoseconds since the epoch, as table `syncers` holds them; negative before 1970.
    pub fn now_ns(self) -> i64 {
        let saturated = |nanos: u128| i64::try_from(nanos).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => saturated(since.as_nanos()),
            Err(before) => -saturated(before.duration().as_nanos()),
        }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        self.now_ns().div_euclid(1_000_000)
    }
}

/// Time since the machine started, the time that it slept included. Never goes back.
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The system's source of random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn next_u64(&self) -> u64 {
        // Without randomness two incarnations of a job could share transaction labels: better not to run at all.
        SysRng.try_next_u64().expect("the operating system gives random numbers")
    }
}

/// Now, in the time zone of the process (`TZ`).
pub fn local_now() -> OffsetDateTime {
    local_time(SystemClock.now_ms())
}

/// A time in milliseconds since the epoch, in the time zone of the process. Times that no calendar holds are the epoch.
pub fn local_time(unix_ms: i64) -> OffsetDateTime {
    let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    match UtcOffset::local_offset_at(utc) {
        Ok(offset) => utc.to_offset(offset),
        // No time zone database: then UTC is the local time.
        Err(_) => utc,
    }
}

/// Where and as whom a syncer with these flags is known: `host:port`.
pub fn identity(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

/// Name of this machine, as the system has it.
pub fn name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// What this process uses, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    pub resident_bytes: Option<u64>,
    /// The part of it that is not of a file: heap and stacks.
    pub anonymous_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    /// `None`: no limit.
    pub virtual_max_bytes: Option<u64>,
    /// Reserved for data.
    pub data_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub cpu_seconds: Option<f64>,
    /// Start of the process, seconds since the epoch.
    pub start_seconds: Option<f64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

/// Reads `/proc/self`; on systems without it everything is `None`.
pub fn process_usage() -> ProcessUsage {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (status, stat, limits) = (read("/proc/self/status"), read("/proc/self/stat"), read("/proc/self/limits"));
    ProcessUsage {
        resident_bytes: status_bytes(&status, "VmRSS:"),
        anonymous_bytes: status_bytes(&status, "RssAnon:"),
        virtual_bytes: status_bytes(&status, "VmSize:"),
        virtual_max_bytes: soft_limit(&limits, "Max address space"),
        data_bytes: status_bytes(&status, "VmData:"),
        threads: status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok()),
        cpu_seconds: cpu_seconds(&stat),
        start_seconds: start_seconds(&stat, &read("/proc/stat")),
        open_fds: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
        max_fds: soft_limit(&limits, "Max open files"),
    }
}

/// `VmRSS:     1234 kB` of `/proc/self/status`.
fn status_bytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// `Max open files            1024                 524288               files` of `/proc/self/limits`.
fn soft_limit(limits: &str, key: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix(key)?.split_ascii_whitespace().next()?.parse().ok())
}

/// The boot time of `/proc/stat` and field 22 of `/proc/self/stat`, ticks since then.
fn start_seconds(stat: &str, system: &str) -> Option<f64> {
    let boot: u64 = system.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())?;
    let ticks: u64 = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some(boot as f64 + ticks as f64 / 100.0)
}

/// User and system time of `/proc/self/stat`, fields 14 and 15, in ticks of 1/100 s (USER_HZ is 100 on every Linux). The
/// second field is the program's name in parentheses and may hold spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / 100.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_understood() {
        assert_eq!(status_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads: 1\n", "VmRSS:"), Some(2048 * 1024));
        assert_eq!(status_bytes("Name:\tx\n", "VmRSS:"), None);
        let limits = "Max open files            1024                 524288               files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
        assert_eq!(soft_limit(limits, "Max address space"), None);
        let stat = "12 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("12 (a"), None);
        assert_eq!(
            start_seconds("12 (a b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 250 9", "cpu 1\nbtime 1000\n"),
            Some(1002.5)
        );
        let usage = process_usage();
        if cfg!(target_os = "linux") {
            assert!(usage.resident_bytes.unwrap() > 100_000, "{usage:?}");
            assert!(usage.cpu_seconds.is_some() && usage.open_fds.unwrap() > 0, "{usage:?}");
            assert!(usage.anonymous_bytes < usage.resident_bytes && usage.threads.unwrap() > 0, "{usage:?}");
            assert!(usage.start_seconds.unwrap() > 1_700_000_000.0 && usage.max_fds.unwrap() > 0, "{usage:?}");
        }
    }

    #[test]
    fn the_clock_is_this_century() {
        let now = SystemClock.now_ms();
        assert!(now > 1_700_000_000_000 && SystemClock.now_ns() / 1_000_000 >= now);
        assert!(local_now().year() >= 2023);
        assert_eq!(local_time(i64::MAX).unix_timestamp(), 0);
        assert_ne!(SystemRng.next_u64(), SystemRng.next_u64());
    }
}
