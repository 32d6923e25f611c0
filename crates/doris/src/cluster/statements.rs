//! One method per question that is asked, or change that is made, in SQL.

use super::*;

impl<S: Side> Cluster<S> {
    /// `SHOW DATABASES`, compared exactly.
    pub async fn database_exists(&self, db: &str) -> Result<bool> {
        todo!()
    }
    /// `SHOW FULL TABLES FROM db`, at the master.
    pub async fn tables(&self, db: &str) -> Result<Vec<TableRow>> {
        todo!()
    }
    /// Text of `SHOW CREATE DATABASE`.
    pub async fn create_database_text(&self, db: &str) -> Result<String> {
        todo!()
    }
    /// Text of `SHOW CREATE TABLE`.
    pub async fn create_table_text(&self, db: &str, table: &str) -> Result<String> {
        todo!()
    }
    /// `SHOW FRONTEND CONFIG LIKE pattern`: key and value; empty where the FE has no such key.
    pub async fn frontend_config(&self, pattern: &str) -> Result<Vec<(String, String)>> {
        todo!()
    }
    /// Value of one configuration item of one BE (`GET /api/show_config`).
    pub async fn backend_config(&self, backend: &Backend<S>, item: &str) -> Result<String> {
        todo!()
    }
    /// `SHOW PARTITIONS` at the master (followers answer from their own state).
    pub async fn partitions(&self, db: &str, table: &str) -> Result<Vec<PartitionRow<S>>> {
        todo!()
    }
    /// All rows of `SHOW BACKUP` whose label is exactly `label`, oldest first.
    pub async fn backups(&self, db: &str, label: &str) -> Result<Vec<BackupRow>> {
        todo!()
    }
    /// All rows of `SHOW RESTORE` whose label is exactly `label`, oldest first.
    pub async fn restores(&self, db: &str, label: &str) -> Result<Vec<RestoreRow>> {
        todo!()
    }
    /// `BACKUP SNAPSHOT db.label TO __keep_on_local__ [ON (tables)]`; no tables = the whole database.
    pub async fn backup(&self, db: &str, label: &str, tables: &[&str]) -> Result<()> {
        todo!()
    }
    /// `CREATE DATABASE IF NOT EXISTS`.
    pub async fn create_database(&self, db: &str) -> Result<()> {
        todo!()
    }
    /// `DROP TABLE IF EXISTS [FORCE]`.
    pub async fn drop_table(&self, db: &str, table: &str, force: bool) -> Result<()> {
        todo!()
    }
    /// `ALTER TABLE origin REPLACE WITH TABLE new PROPERTIES ("swap" = ..)`.
    pub async fn replace_table(&self, db: &str, origin: &str, new: &str, swap: bool) -> Result<()> {
        todo!()
    }
    /// `ALTER TABLE old RENAME new`.
    pub async fn rename_table(&self, db: &str, old: &str, new: &str) -> Result<()> {
        todo!()
    }
}

impl Cluster<Dest> {
    /// `SHOW TRANSACTION FROM db WHERE ID = n` at the master; `None`: the FE does not know it (which proves nothing).
    pub async fn transaction(&self, db: &str, txn: TxnId<Dest>) -> Result<Option<TxnRow>> {
        todo!()
    }
    /// `SHOW TRANSACTION FROM db WHERE LABEL = ..` at the master, newest last.
    pub async fn transactions_by_label(&self, db: &str, label: &str) -> Result<Vec<TxnRow>> {
        todo!()
    }
}
