//! What SQL statements read of the model that is otherwise nobody's business.

use super::Model;

impl Model {
    /// The last id of the edit log (SHOW FRONTENDS `ReplayedJournalId`).
    pub fn journal_id(&self) -> i64 {
        self.journal_id
    }
}
