//! The statements in PostgreSQL's words.
//!
//! A write locks its lease's row with `FOR KEY SHARE`, which lets the lease be renewed meanwhile and lets nobody take it: who
//! takes it locks the row with `FOR UPDATE`. Rows are locked in `WITH` queries, so that what follows - the clock, too - is read
//! when the lock is held; a plain condition would be evaluated before the wait.

use crate::sql::Texts;

macro_rules! now {
    () => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}

macro_rules! alive {
    ($lease:literal) => {
        concat!("(", $lease, ".expires_at > ", now!(), " AND ", $lease, ".expires_at <= ", now!(), " + 60000)")
    };
}

/// `lease`: the row of that owner and epoch, kept from being taken.
macro_rules! lease {
    ($owner:literal, $epoch:literal) => {
        concat!(
            "lease AS (SELECT expires_at FROM ccr_leases WHERE host_info = ",
            $owner,
            " AND epoch = ",
            $epoch,
            " FOR KEY SHARE)"
        )
    };
}

/// Whether `lease` is alive, or none is asked for.
macro_rules! fenced {
    ($epoch:literal) => {
        concat!("(", $epoch, " = 0 OR EXISTS (SELECT 1 FROM lease WHERE ", alive!("lease"), "))")
    };
}

/// `job`: the row of a job that is the owner's, kept from being moved.
macro_rules! job {
    ($name:literal, $owner:literal) => {
        concat!(
            "job AS (SELECT job_name FROM jobs WHERE job_name = ",
            $name,
            " AND belong_to = ",
            $owner,
            " FOR NO KEY UPDATE)"
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
        "WITH ",
        lease!("$2", "$4"),
        " UPDATE jobs SET job_info = $3 WHERE job_name = $1 AND belong_to = $2 AND ",
        fenced!("$4")
    ),
    save_progress: concat!(
        "WITH ",
        lease!("$2", "$4"),
        ", ",
        job!("$1", "$2"),
        " INSERT INTO progresses (job_name, progress) SELECT job_name, $3 FROM job WHERE ",
        fenced!("$4"),
        " ON CONFLICT (job_name) DO UPDATE SET progress = EXCLUDED.progress"
    ),
    remove_job: &[
        concat!(
            "WITH ",
            lease!("$2", "$3"),
            " DELETE FROM jobs WHERE job_name = $1 AND belong_to = $2 AND ",
            fenced!("$3")
        ),
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
        "WITH held AS (SELECT host_info FROM ccr_leases WHERE host_info = $1 FOR UPDATE) ",
        "UPDATE ccr_leases SET epoch = GREATEST(epoch + 1, ",
        now!(),
        "), process = $2, expires_at = ",
        now!(),
        " + $3 FROM held WHERE ccr_leases.host_info = held.host_info AND (NOT ",
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
                   ON CONFLICT (host_info) DO UPDATE SET timestamp = EXCLUDED.timestamp",
    leases: concat!(
        "SELECT l.host_info, l.epoch, l.process, l.expires_at, l.stamp, ",
        now!(),
        " FROM (SELECT 1) one LEFT JOIN ccr_leases l ON TRUE"
    ),
    syncers: "SELECT host_info, timestamp FROM syncers",
    owners: "SELECT job_name, belong_to FROM jobs",
    take_job: concat!(
        "WITH lease AS (SELECT expires_at FROM ccr_leases WHERE host_info = $2 FOR UPDATE) ",
        "UPDATE jobs SET belong_to = $3 WHERE job_name = $1 AND COALESCE(belong_to, '') = $2 ",
        "AND NOT EXISTS (SELECT 1 FROM lease WHERE ",
        alive!("lease"),
        ") AND ",
        has_living_lease!("$3")
    ),
    give_job: concat!(
        "WITH ",
        lease!("$2", "$4"),
        " UPDATE jobs SET belong_to = $3 WHERE job_name = $1 AND belong_to = $2 AND ",
        fenced!("$4"),
        " AND ",
        has_living_lease!("$3")
    ),
    forget_syncer: concat!(
        "WITH lease AS (SELECT expires_at FROM ccr_leases WHERE host_info = $1 FOR UPDATE) ",
        "DELETE FROM syncers WHERE host_info = $1 AND timestamp = $2 AND NOT EXISTS (SELECT 1 FROM lease WHERE ",
        alive!("lease"),
        ")"
    ),
};
