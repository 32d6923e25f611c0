//! The statements that each database words in its own way.

/// Arguments are in the order of their numbers. "Alive" is a lease that ends after now and not more than
/// [`LONGEST_LEASE_MS`](crate::cluster::LONGEST_LEASE_MS) from now, by the database's clock read while the row is locked.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// (name): deletes a progress that has no job.
    pub(crate) clear_progress: &'static str,
    /// (name, document, owner)
    pub(crate) add_job: &'static str,
    /// (name, owner, document, epoch): where the job is the owner's, and its lease of that epoch is alive or the epoch is 0.
    pub(crate) update_job: &'static str,
    /// (name, owner, document, epoch): the same.
    pub(crate) save_progress: &'static str,
    /// (name, owner, epoch): the same; the first statement deletes the job.
    pub(crate) remove_job: &'static [&'static str],
    /// (name): whoever owns it.
    pub(crate) remove_any: &'static [&'static str],
    /// (name): name, document, owner
    pub(crate) job: &'static str,
    /// (): name, document, owner
    pub(crate) jobs: &'static str,
    /// (name): progress
    pub(crate) progress: &'static str,
    /// (owner, epoch): a row if that lease is alive.
    pub(crate) holds: &'static str,
    /// (): deletes leases that ended long ago.
    pub(crate) purge_leases: &'static str,
    /// (owner): inserts a lease that has ended, if there is no row.
    pub(crate) ensure_lease: &'static str,
    /// (owner, process, ttl ms, ended process): a new epoch where the lease is not alive or that process's; waits for every
    /// write that goes on under the old one.
    pub(crate) acquire_lease: &'static str,
    /// (owner, epoch, ttl ms): where it is alive.
    pub(crate) renew_lease: &'static str,
    /// (owner, epoch): it has ended, with stamp 0.
    pub(crate) release_lease: &'static str,
    /// (owner)
    pub(crate) release_syncer: &'static str,
    /// (owner, epoch, stamp): where it is alive.
    pub(crate) stamp_lease: &'static str,
    /// (owner, stamp)
    pub(crate) stamp_syncer: &'static str,
    /// (): owner, epoch, process, end in ms, stamp, now in ms; one row of an epoch that is no lease if there is none.
    pub(crate) leases: &'static str,
    /// (): host, stamp
    pub(crate) syncers: &'static str,
    /// (): job, owner
    pub(crate) owners: &'static str,
    /// (name, from, to): where the job is `from`'s, whose lease is not alive, and that of `to` is. Locks the lease of `from`.
    pub(crate) take_job: &'static str,
    /// (name, owner, to, epoch): where the job is the owner's, and both leases are alive.
    pub(crate) give_job: &'static str,
    /// (host, stamp): where it says so and has no living lease.
    pub(crate) forget_syncer: &'static str,
}
