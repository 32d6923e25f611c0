//! Names of processes by which another one on the same machine sees that they are gone.

use std::io;

use ccr_engine::Rng;

use super::SystemRng;

/// A process as its lease names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessName {
    text: String,
    /// Boot of the machine, namespace of process ids, user: who may judge by `/proc`.
    place: Option<String>,
}

/// This process, different from every other one.
pub fn process_name() -> ProcessName {
    let place = place();
    let pid = std::process::id();
    let started = process_start(pid).ok().flatten().unwrap_or_default();
    let shown = place.as_deref().unwrap_or("unknown");
    ProcessName { text: format!("{shown} {pid} {started} {:016x}", SystemRng.next_u64()), place }
}

impl ProcessName {
    /// The whole name.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a process of this name ran where this one does and does not any more. `false` if that cannot be known.
    pub fn sees_gone(&self, name: &str) -> bool {
        let parsed = || {
            let mut parts = name.rsplitn(4, ' ').skip(1);
            let (started, pid) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u32>().ok()?);
            Some((parts.next()?, pid, started))
        };
        match (&self.place, parsed()) {
            (Some(place), Some((theirs, pid, started))) => {
                place == theirs && process_start(pid).is_ok_and(|found| found != Some(started))
            }
            _ => false,
        }
    }
}

/// What two processes have in common that see each other in `/proc`.
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").ok()?);
    Some(format!("{}/{}/{user}", boot.trim(), namespace.to_str()?))
}

/// When a process began, in ticks since the machine started; `None` if there is no such process, or only its exit code is left.
fn process_start(pid: u32) -> io::Result<Option<u64>> {
    let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        // The second is said of one that ends while it is read.
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
    // The second field is the program's name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(unreadable)?;
    let mut fields = fields.split_ascii_whitespace();
    if matches!(fields.next(), Some("Z" | "X" | "x")) {
        return Ok(None);
    }
    fields.nth(18).and_then(|ticks| ticks.parse().ok()).map(Some).ok_or_else(unreadable)
}

/// ESRCH.
const NO_SUCH_PROCESS: i32 = 3;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_gone_where_that_can_be_seen() {
        let (mine, other) = (process_name(), process_name());
        assert_ne!(mine, other);
        assert!(!mine.sees_gone(other.text()), "it is this very process");
        assert!(other.text().len() <= 255, "the column's width: {}", other.text());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let place = mine.place.clone().unwrap();
        let name = |place: &str, started: u64| format!("{place} {} {started} 0123456789abcdef", child.id());
        let started = process_start(child.id()).unwrap().unwrap();
        let (alive, older, elsewhere) = (name(&place, started), name(&place, started - 1), name("other", started - 1));
        assert!(!mine.sees_gone(&alive));
        assert!(mine.sees_gone(&older), "another process has its number by now");
        assert!(!mine.sees_gone(&elsewhere), "nothing is known of other machines");
        assert!(!mine.sees_gone("p1") && !mine.sees_gone(""));
        child.kill().unwrap();
        // Dead and not yet buried is dead.
        while !mine.sees_gone(&alive) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(mine.sees_gone(&alive));
    }
}
