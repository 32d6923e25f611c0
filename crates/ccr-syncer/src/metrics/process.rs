//! This process, under the names that every Prometheus client uses.

use super::family::Family;
use crate::host::{self, ProcessUsage};

/// What the system tells; nothing where it tells nothing.
pub(super) fn families() -> Vec<Family> {
    let usage: ProcessUsage = host::process_usage();
    let mut all = Vec::new();
    if let Some(seconds) = usage.cpu_seconds {
        let help = "User and system CPU time spent in seconds";
        all.push(Family::counter("process_cpu_seconds_total", help).with([], seconds));
    }
    let gauges = [
        ("process_resident_memory_bytes", "Resident memory size in bytes", usage.resident_bytes),
        ("process_virtual_memory_bytes", "Virtual memory size in bytes", usage.virtual_bytes),
        (
            "process_virtual_memory_max_bytes",
            "Most virtual memory that the process may have, in bytes",
            usage.virtual_max_bytes,
        ),
        ("process_open_fds", "Number of open file descriptors", usage.open_fds),
        ("process_max_fds", "Most file descriptors that the process may have open", usage.max_fds),
        // The Go program's names, for its dashboard. There is no garbage collector, and the allocator is not asked.
        ("go_memstats_heap_alloc_bytes", "Resident memory that is not of a file, in bytes", usage.anonymous_bytes),
        ("go_memstats_heap_inuse_bytes", "Resident memory that is not of a file, in bytes", usage.anonymous_bytes),
        ("go_memstats_heap_sys_bytes", "Memory reserved for data, in bytes", usage.data_bytes),
        ("process_threads", "Number of threads", usage.threads),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            all.push(Family::gauge(name, help).with([], value));
        }
    }
    if let Some(start) = usage.start_seconds {
        let help = "Start of the process, in seconds since the epoch";
        all.push(Family::gauge("process_start_time_seconds", help).with([], start));
    }
    all
}
