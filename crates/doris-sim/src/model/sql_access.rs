//! What SQL statements read of the model that is otherwise nobody's business.

use rand::RngExt as _;

use super::{DbId, Model, TableId, TxnId};

impl Model {
    /// Names of those tables that exist.
    pub(crate) fn table_names(&self, db: &str, ids: &[TableId]) -> Vec<String> {
        let db = self.find_database(db);
        let table = |id: &TableId| db.and_then(|db| db.table_by_id(*id)).map(|table| table.name.clone());
        ids.iter().filter_map(table).collect()
    }

    /// The database's name and the tables of a transaction.
    pub(crate) fn txn_tables(&self, db: DbId, id: TxnId) -> (String, Vec<String>) {
        let name = self.databases.get(&db).map(|db| db.name.clone()).unwrap_or_default();
        let tables = self.txns.get(&id).map(|txn| self.table_names(&name, &Vec::from_iter(txn.tables.iter().copied())));
        (name, tables.unwrap_or_default())
    }

    /// The last id of the edit log (SHOW FRONTENDS `ReplayedJournalId`).
    pub fn journal_id(&self) -> i64 {
        self.journal_id
    }

    /// `ClusterId` of SHOW FRONTENDS: drawn when the cluster is founded.
    pub(crate) fn cluster_id(&self) -> u64 {
        // Any number that differs between clusters and stays: taken from the seed, so that nothing is drawn for it.
        1_000_000_000 + self.options.seed.wrapping_mul(2_654_435_761) % 1_000_000_000
    }

    /// The random bytes of a greeting: printable, as MySQL's are.
    pub(crate) fn login_salt(&mut self) -> [u8; 20] {
        std::array::from_fn(|_| self.rng.random_range(33..127))
    }
}
