//! What SQL statements read of the model that is otherwise nobody's business.

use doris::secret::Secret;
use rand::RngExt as _;

use super::Model;

impl Model {
    /// The last id of the edit log (SHOW FRONTENDS `ReplayedJournalId`).
    pub fn journal_id(&self) -> i64 {
        self.journal_id
    }

    /// `ClusterId` of SHOW FRONTENDS: drawn when the cluster is founded.
    pub(crate) fn cluster_id(&self) -> u64 {
        // Any number that differs between clusters and stays: taken from the seed, so that nothing is drawn for it.
        1_000_000_000 + self.options.seed.wrapping_mul(2_654_435_761) % 1_000_000_000
    }

    /// The password of a user, which is empty if any will do; `None`: no such user.
    pub(crate) fn sql_password(&self, user: &str) -> Option<&Secret> {
        self.users.get(user)
    }

    /// The random bytes of a greeting: printable, as MySQL's are.
    pub(crate) fn login_salt(&mut self) -> [u8; 20] {
        std::array::from_fn(|_| self.rng.random_range(33..127))
    }
}
