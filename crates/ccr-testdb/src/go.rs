//! Metadata databases as the Go program writes them: its tables, its encodings, its statements.

use base64::{Engine, engine::general_purpose::STANDARD};

/// The Go program's databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoDatabase<'a> {
    Sqlite,
    /// In the database that the connection uses.
    MySql,
    /// In this schema.
    Postgres(&'a str),
}

/// A job as the Go program left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoJob {
    pub name: String,
    /// The job document.
    pub job: String,
    /// The progress document; `None`: the process ended before the first one.
    pub progress: Option<String>,
    /// Host info of the syncer that has it.
    pub owner: String,
}

impl GoDatabase<'_> {
    /// The statements that make the tables and fill them, and give a heartbeat of `stamp_ns` to every owner. They are texts
    /// with values in single quotes, not escaped: that is how the Go program does it.
    pub fn statements(self, jobs: &[GoJob], stamp_ns: i64) -> Vec<String> {
        let table = |name: &str| match self {
            Self::Postgres(schema) => format!("{schema}.{name}"),
            _ => name.to_owned(),
        };
        let (name, host, large, number) = match self {
            Self::Sqlite => ("TEXT", "TEXT", "TEXT", "INTEGER"),
            Self::MySql => ("VARCHAR(512)", "VARCHAR(96)", "LONGTEXT", "BIGINT"),
            Self::Postgres(_) => ("VARCHAR(512)", "VARCHAR(96)", "TEXT", "BIGINT"),
        };
        let mut statements = Vec::new();
        if let Self::Postgres(schema) = self {
            statements.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        }
        for (of, columns) in [
            ("jobs", format!("job_name {name} PRIMARY KEY, job_info TEXT, belong_to {host}")),
            ("progresses", format!("job_name {name} PRIMARY KEY, progress {large}")),
            ("syncers", format!("host_info {host} PRIMARY KEY, timestamp {number}")),
        ] {
            statements.push(format!("CREATE TABLE IF NOT EXISTS {} ({columns})", table(of)));
        }
        let mut owners = std::collections::BTreeSet::new();
        for GoJob { name, job, progress, owner } in jobs {
            statements.push(format!(
                "INSERT INTO {} (job_name, job_info, belong_to) VALUES ('{name}', '{job}', '{owner}')",
                table("jobs")
            ));
            if let Some(progress) = progress {
                let stored = self.encode(progress);
                statements.push(format!(
                    "INSERT INTO {} (job_name, progress) VALUES ('{name}', '{stored}')",
                    table("progresses")
                ));
            }
            owners.insert(owner);
        }
        for owner in owners {
            statements.push(format!(
                "INSERT INTO {} (host_info, timestamp) VALUES ('{owner}', {stamp_ns})",
                table("syncers")
            ));
        }
        statements
    }

    /// The query by which the Go program reads the progress of a job.
    pub fn progress_query(self, job: &str) -> String {
        let table = match self {
            Self::Postgres(schema) => format!("{schema}.progresses"),
            _ => "progresses".to_owned(),
        };
        format!("SELECT progress FROM {table} WHERE job_name = '{job}'")
    }

    /// A progress document as the column holds it.
    pub fn encode(self, progress: &str) -> String {
        match self {
            Self::Sqlite => progress.to_owned(),
            Self::MySql | Self::Postgres(_) => STANDARD.encode(progress),
        }
    }
}
