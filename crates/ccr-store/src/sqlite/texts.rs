//! The statements in SQLite's words. A writing statement holds the file's only write lock from its first row on.

use crate::sql::Texts;

macro_rules! now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}

macro_rules! alive {
    ($lease:literal) => {
        concat!("(", $lease, ".expires_at > ", now!(), " AND ", $lease, ".expires_at <= ", now!(), " + 60000)")
    };
}

/// Whether the lease of that owner and epoch is alive, or none is asked for.
macro_rules! fenced {
    ($owner:literal, $epoch:literal) => {
        concat!(
            "(",
            $epoch,
            " = 0 OR EXISTS (SELECT 1 FROM ccr_leases l WHERE l.host_info = ",
            $owner,
            " AND l.epoch = ",
            $epoch,
            " AND ",
            alive!("l"),
            "))"
        )
    };
}

macro_rules! has_living_lease {
    ($owner:literal) => {
        concat!("EXISTS (SELECT 1 FROM ccr_leases l WHERE l.host_info = ", $owner, " AND ", alive!("l"), ")")
    };
}

pub(super) const TEXTS: Texts = Texts {
    clear_progress: "DELETE FROM progresses WHERE job_name = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE job_name = $1)",
    add_job: "INSERT INTO jobs (job_name, job_info, belong_to) VALUES ($1, $2, $3)",
    update_job: concat!(
        "UPDATE jobs SET job_info = $3 WHERE job_name = $1 AND belong_to = $2 AND ",
        fenced!("$2", "$4")
    ),
    save_progress: concat!(
        "INSERT INTO progresses (job_name, progress) SELECT j.job_name, $3 FROM jobs j ",
        "WHERE j.job_name = $1 AND j.belong_to = $2 AND ",
        fenced!("$2", "$4"),
        " ON CONFLICT (job_name) DO UPDATE SET progress = excluded.progress"
    ),
    remove_job: &[
        concat!("DELETE FROM jobs WHERE job_name = $1 AND belong_to = $2 AND ", fenced!("$2", "$3")),
        "DELETE FROM progresses WHERE job_name = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE job_name = $1)",
    ],
    remove_any: &["DELETE FROM jobs WHERE job_name = $1", "DELETE FROM progresses WHERE job_name = $1"],
    job: "SELECT job_name, job_info, belong_to FROM jobs WHERE job_name = $1",
    jobs: "SELECT job_name, job_info, belong_to FROM jobs",
    progress: "SELECT progress FROM progresses WHERE job_name = $1",
    holds: concat!("SELECT l.epoch FROM ccr_leases l WHERE l.host_info = $1 AND l.epoch = $2 AND ", alive!("l")),
    purge_leases: concat!("DELETE FROM ccr_leases WHERE expires_at < ", now!(), " - 604800000"),
    ensure_lease: "INSERT INTO ccr_leases (host_info, epoch, process, expires_at, stamp) VALUES ($1, 0, '', 0, 0) \
                   ON CONFLICT (host_info) DO NOTHING",
    acquire_lease: concat!(
        "UPDATE ccr_leases SET epoch = MAX(epoch + 1, ",
        now!(),
        "), process = $2, expires_at = ",
        now!(),
        " + $3 WHERE host_info = $1 AND (NOT ",
        alive!("ccr_leases"),
        " OR process = $4)"
    ),
    renew_lease: concat!(
        "UPDATE ccr_leases SET expires_at = ",
        now!(),
        " + $3 WHERE host_info = $1 AND epoch = $2 AND ",
        alive!("ccr_leases")
    ),
    release_lease: "UPDATE ccr_leases SET expires_at = 0, stamp = 0 WHERE host_info = $1 AND epoch = $2",
    release_syncer: "UPDATE syncers SET timestamp = 0 WHERE host_info = $1",
    stamp_lease: concat!(
        "UPDATE ccr_leases SET stamp = $3 WHERE host_info = $1 AND epoch = $2 AND ",
        alive!("ccr_leases")
    ),
    stamp_syncer: "INSERT INTO syncers (host_info, timestamp) VALUES ($1, $2) \
                   ON CONFLICT (host_info) DO UPDATE SET timestamp = excluded.timestamp",
    leases: concat!(
        "SELECT l.host_info, l.epoch, l.process, l.expires_at, l.stamp, ",
        now!(),
        " FROM (SELECT 1) one LEFT JOIN ccr_leases l ON 1 = 1"
    ),
    syncers: "SELECT host_info, timestamp FROM syncers",
    owners: "SELECT job_name, belong_to FROM jobs",
    take_job: concat!(
        "UPDATE jobs SET belong_to = $3 WHERE job_name = $1 AND COALESCE(belong_to, '') = $2 AND NOT ",
        has_living_lease!("$2"),
        " AND ",
        has_living_lease!("$3")
    ),
    give_job: concat!(
        "UPDATE jobs SET belong_to = $3 WHERE job_name = $1 AND belong_to = $2 AND ",
        fenced!("$2", "$4"),
        " AND ",
        has_living_lease!("$3")
    ),
    forget_syncer: concat!(
        "DELETE FROM syncers WHERE host_info = $1 AND timestamp = $2 AND NOT ",
        has_living_lease!("$1")
    ),
};
