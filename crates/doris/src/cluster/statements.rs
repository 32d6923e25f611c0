//! One method per question that is asked, or change that is made, in SQL.

use super::{Backend, Cluster};
use crate::{
    error::{ErrorKind, Result},
    ids::{Dest, Side, TxnId},
    net::{Endpoint, ResultSet},
    sql::{
        BackupObject, BackupRow, IndexColumnRow, IndexRow, PartitionRow, RestoreRow, Statement, TableRow, TxnRow,
        config_items, create_statement, database_names,
    },
};

impl<S: Side> Cluster<S> {
    /// Executes one statement that returns rows at any FE (`at_master`: at the master only). For questions: at any FE it is
    /// asked again of another one if an FE does not answer.
    pub async fn query(&self, statement: &Statement, at_master: bool) -> Result<ResultSet> {
        let deadline = self.pool.timeouts.sql;
        if at_master || !statement.is_read() {
            self.pool.ask_master(statement, deadline).await
        } else {
            self.pool.ask(statement, deadline).await
        }
    }

    /// Executes one statement at the master (DDL). `Unanswered` = look before you repeat.
    pub async fn execute(&self, statement: &Statement) -> Result<()> {
        self.pool.sql_master(statement, self.pool.timeouts.sql).await.map(|_| ())
    }

    /// Executes the text of one DDL statement at the master. `Unanswered` = look before you repeat.
    pub async fn execute_ddl(&self, sql: String) -> Result<()> {
        self.execute(&Statement::Ddl(sql)).await
    }

    /// `SHOW DATABASES`, compared exactly.
    pub async fn database_exists(&self, db: &str) -> Result<bool> {
        let statement = Statement::ShowDatabases;
        let set = self.query(&statement, true).await?;
        let names = self.pool.parsed(&statement, database_names(&set))?;
        Ok(names.iter().any(|name| name == db))
    }

    /// `SHOW FULL TABLES FROM db`, at the master.
    pub async fn tables(&self, db: &str) -> Result<Vec<TableRow>> {
        let statement = Statement::ShowFullTables { db: db.to_owned() };
        let set = self.query(&statement, true).await?;
        self.pool.parsed(&statement, TableRow::parse(&set))
    }

    /// Text of `SHOW CREATE DATABASE`.
    pub async fn create_database_text(&self, db: &str) -> Result<String> {
        self.create_text(&Statement::ShowCreateDatabase { db: db.to_owned() }).await
    }

    /// Text of `SHOW CREATE TABLE`; of a view too.
    pub async fn create_table_text(&self, db: &str, table: &str) -> Result<String> {
        self.create_text(&Statement::ShowCreateTable { db: db.to_owned(), table: table.to_owned() }).await
    }

    async fn create_text(&self, statement: &Statement) -> Result<String> {
        let set = self.query(statement, true).await?;
        let text = self.pool.parsed(statement, create_statement(&set))?;
        text.ok_or_else(|| self.pool.error(ErrorKind::Garbled, statement.name(), "an answer without a row"))
    }

    /// `SHOW FRONTEND CONFIG LIKE pattern`: key and value; empty where the FE has no such key. The pattern is a constant:
    /// `%` and `_` are wildcards in it.
    pub async fn frontend_config(&self, pattern: &'static str) -> Result<Vec<(String, String)>> {
        let statement = Statement::ShowFrontendConfig { pattern };
        let set = self.query(&statement, true).await?;
        self.pool.parsed(&statement, config_items(&set))
    }

    /// Value of one configuration item of one BE (`GET /api/show_config`).
    pub async fn backend_config(&self, backend: &Backend<S>, item: &str) -> Result<String> {
        let to = Endpoint::new(backend.host.clone(), backend.http_port);
        let path = format!("/api/show_config?conf_item={}", query_value(item));
        let reply = self.pool.http_get(&to, &path, self.pool.timeouts.rpc).await?;
        let unusable = |text: String| {
            crate::Error::new(ErrorKind::Garbled, self.pool.call_name("GET /api/show_config", &to), text)
        };
        if reply.status != 200 {
            let kind = if matches!(reply.status, 401 | 403) { ErrorKind::AccessDenied } else { ErrorKind::Garbled };
            return Err(crate::Error { kind, ..unusable(format!("HTTP status {}", reply.status)) });
        }
        // [["name", "type", "value", "is mutable"], ..]
        let items: Vec<Vec<String>> = serde_json::from_slice(&reply.body).map_err(|why| unusable(why.to_string()))?;
        let found = items.into_iter().find(|fields| fields.first().is_some_and(|name| name == item));
        let value = found.and_then(|fields| fields.into_iter().nth(2));
        value.ok_or_else(|| unusable(format!("the BE has no configuration item {item}")))
    }

    /// `SHOW PARTITIONS` at the master (followers answer from their own state).
    pub async fn partitions(&self, db: &str, table: &str) -> Result<Vec<PartitionRow<S>>> {
        let statement = Statement::ShowPartitions { db: db.to_owned(), table: table.to_owned() };
        let set = self.query(&statement, true).await?;
        self.pool.parsed(&statement, PartitionRow::parse(&set))
    }

    /// `DESC table ALL` at the master: the columns of the base index and of each rollup.
    pub async fn index_columns(&self, db: &str, table: &str) -> Result<Vec<IndexColumnRow>> {
        let statement = Statement::DescribeAll { db: db.to_owned(), table: table.to_owned() };
        let set = self.query(&statement, true).await?;
        self.pool.parsed(&statement, IndexColumnRow::parse(&set))
    }

    /// `SHOW INDEX FROM table` at the master: inverted indexes and the like.
    pub async fn indexes(&self, db: &str, table: &str) -> Result<Vec<IndexRow>> {
        let statement = Statement::ShowIndex { db: db.to_owned(), table: table.to_owned() };
        let set = self.query(&statement, true).await?;
        self.pool.parsed(&statement, IndexRow::parse(&set))
    }

    /// All rows of `SHOW BACKUP` whose label is exactly `label`, oldest first.
    pub async fn backups(&self, db: &str, label: &str) -> Result<Vec<BackupRow>> {
        let statement = Statement::ShowBackup { db: db.to_owned(), label: Some(label.to_owned()) };
        let set = self.query(&statement, true).await?;
        let mut rows = self.pool.parsed(&statement, BackupRow::parse(&set))?;
        // Doris compares without regard to case.
        rows.retain(|row| row.label == label);
        Ok(rows)
    }

    /// All rows of `SHOW RESTORE` whose label is exactly `label`, oldest first.
    pub async fn restores(&self, db: &str, label: &str) -> Result<Vec<RestoreRow>> {
        let statement = Statement::ShowRestore { db: db.to_owned(), label: Some(label.to_owned()) };
        let set = self.query(&statement, true).await?;
        let mut rows = self.pool.parsed(&statement, RestoreRow::parse(&set))?;
        rows.retain(|row| row.label == label);
        Ok(rows)
    }

    /// `BACKUP SNAPSHOT db.label TO __keep_on_local__ [ON (tables)]`; no tables = the whole database.
    pub async fn backup(&self, db: &str, label: &str, tables: &[&str]) -> Result<()> {
        let object = |name: &&str| BackupObject { name: (*name).to_owned(), partitions: Vec::new() };
        self.backup_objects(db, label, tables.iter().map(object).collect()).await
    }

    /// `BACKUP SNAPSHOT .. ON (table [PARTITION (..)], ..)`.
    pub async fn backup_objects(&self, db: &str, label: &str, objects: Vec<BackupObject>) -> Result<()> {
        self.execute(&Statement::Backup { db: db.to_owned(), label: label.to_owned(), objects }).await
    }

    /// `CREATE DATABASE IF NOT EXISTS`.
    pub async fn create_database(&self, db: &str) -> Result<()> {
        self.execute(&Statement::CreateDatabase { db: db.to_owned() }).await
    }

    /// `DROP TABLE IF EXISTS [FORCE]`.
    pub async fn drop_table(&self, db: &str, table: &str, force: bool) -> Result<()> {
        self.execute(&Statement::DropTable { db: db.to_owned(), table: table.to_owned(), force }).await
    }

    /// `ALTER TABLE origin REPLACE WITH TABLE new PROPERTIES ("swap" = ..)`.
    pub async fn replace_table(&self, db: &str, origin: &str, new: &str, swap: bool) -> Result<()> {
        let (db, origin, new) = (db.to_owned(), origin.to_owned(), new.to_owned());
        self.execute(&Statement::ReplaceTable { db, origin, new, swap }).await
    }

    /// `ALTER TABLE old RENAME new`.
    pub async fn rename_table(&self, db: &str, old: &str, new: &str) -> Result<()> {
        self.execute(&Statement::RenameTable { db: db.to_owned(), old: old.to_owned(), new: new.to_owned() }).await
    }
}

impl Cluster<Dest> {
    /// `SHOW TRANSACTION FROM db WHERE ID = n` at the master; `None`: the FE does not know it (which proves nothing).
    pub async fn transaction(&self, db: &str, txn: TxnId<Dest>) -> Result<Option<TxnRow>> {
        let rows = self.txn_rows(&Statement::ShowTransactionById { db: db.to_owned(), id: txn.get() }).await?;
        Ok(rows.into_iter().find(|row| row.id == txn))
    }

    /// `SHOW TRANSACTION FROM db WHERE LABEL = ..` at the master, newest last.
    pub async fn transactions_by_label(&self, db: &str, label: &str) -> Result<Vec<TxnRow>> {
        let statement = Statement::ShowTransactionByLabel { db: db.to_owned(), label: label.to_owned() };
        let mut rows = self.txn_rows(&statement).await?;
        rows.retain(|row| row.label == label);
        // Ids only grow.
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    async fn txn_rows(&self, statement: &Statement) -> Result<Vec<TxnRow>> {
        match self.query(statement, true).await {
            Ok(set) => self.pool.parsed(statement, TxnRow::parse(&set)),
            // An unknown id or label is an error of Doris, not an empty set.
            Err(error) if error.kind == ErrorKind::TxnNotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// A value in the query part of a URL.
fn query_value(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
