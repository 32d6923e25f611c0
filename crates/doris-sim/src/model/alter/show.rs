//! SHOW ALTER TABLE COLUMN / ROLLUP / MATERIALIZED VIEW, SHOW BUILD INDEX: the rows.

use super::{AlterJob, AlterState, IndexJob};
use crate::model::{Model, Profile, SecondaryIndex, date_time_text, ids::*, show_create::index_properties};

pub const COLUMN_JOB_COLUMNS: [&str; 13] = [
    "JobId",
    "TableName",
    "CreateTime",
    "FinishTime",
    "IndexName",
    "IndexId",
    "OriginIndexId",
    "SchemaVersion",
    "TransactionId",
    "State",
    "Msg",
    "Progress",
    "Timeout",
];
pub const ROLLUP_JOB_COLUMNS: [&str; 12] = [
    "JobId",
    "TableName",
    "CreateTime",
    "FinishTime",
    "BaseIndexName",
    "RollupIndexName",
    "RollupId",
    "TransactionId",
    "State",
    "Msg",
    "Progress",
    "Timeout",
];
pub const BUILD_INDEX_COLUMNS: [&str; 10] = [
    "JobId",
    "TableName",
    "PartitionName",
    "AlterInvertedIndexes",
    "CreateTime",
    "FinishTime",
    "TransactionId",
    "State",
    "Msg",
    "Progress",
];

type Cells = Vec<Option<String>>;

impl Model {
    /// SHOW ALTER TABLE COLUMN: a row for each index of each job.
    pub fn column_job_rows(&self, db: DbId) -> Vec<Cells> {
        let mut rows = Vec::new();
        for job in self.alter_jobs.values().filter(|job| job.db == db && !job.is_rollup()) {
            let mut indexes: Vec<_> = job.indexes.iter().collect();
            indexes.sort_by(|a, b| a.name.cmp(&b.name));
            for index in indexes {
                let mut row = head(job, millis_text);
                row.extend([
                    cell(&index.name),
                    cell(index.id),
                    cell(index.origin),
                    cell(format!("{}:{}", index.schema_version, index.schema_hash)),
                ]);
                row.extend(self.tail(job));
                rows.push(row);
            }
        }
        rows
    }

    /// SHOW ALTER TABLE ROLLUP and MATERIALIZED VIEW.
    pub fn rollup_job_rows(&self, db: DbId) -> Vec<Cells> {
        let jobs = self.alter_jobs.values().filter(|job| job.db == db && job.is_rollup());
        jobs.filter_map(|job| {
            let index = job.indexes.first()?;
            let mut row = head(job, date_time_text);
            row.extend([cell(&job.table_name), cell(&index.name), cell(index.id)]);
            row.extend(self.tail(job));
            Some(row)
        })
        .collect()
    }

    fn tail(&self, job: &AlterJob) -> Cells {
        let progress = (job.state == AlterState::Running).then(|| {
            let table = self.databases.get(&job.db).and_then(|db| db.table_by_id(job.table));
            let tasks: usize = table.map_or(0, |table| {
                let tablets = table.all_partitions().flat_map(|p| p.tablets());
                let own = tablets.filter(|(id, _)| job.indexes.iter().any(|index| index.id == *id));
                own.map(|(_, tablet)| tablet.replicas.len()).sum()
            });
            format!("{tasks}/{tasks}")
        });
        vec![
            cell(job.watershed.map_or(-1, TxnId::get)),
            cell(job.state.name()),
            cell(&job.message),
            progress,
            cell(job.timeout_s),
        ]
    }

    /// SHOW BUILD INDEX.
    pub fn build_index_rows(&self, db: DbId) -> Vec<Cells> {
        self.index_jobs.values().filter(|job| job.db == db).map(|job| index_job_row(self.profile(), job)).collect()
    }
}

fn index_job_row(profile: &Profile, job: &IndexJob) -> Cells {
    let verb = if job.drop { "DROP" } else { "ADD" };
    let altered: String =
        job.altered.iter().map(|index| format!("[{verb} {}], ", index_text(profile, index, job.drop))).collect();
    let running = job.state == AlterState::Running;
    vec![
        cell(job.id),
        cell(&job.table_name),
        cell(&job.partition_name),
        cell(altered),
        cell(millis_text(job.created_ms)),
        job.finished_ms.map(millis_text),
        cell(job.watershed),
        cell(job.state.name()),
        cell(&job.message),
        running.then(|| format!("{0}/{0}", job.tasks)),
    ]
}

/// As in SHOW CREATE TABLE; older versions leave the comment of a new index out.
fn index_text(profile: &Profile, index: &SecondaryIndex, drop: bool) -> String {
    let columns: Vec<String> = index.columns.iter().map(|column| format!("`{column}`")).collect();
    let mut text = format!("INDEX {} ({}) USING {}", index.name, columns.join(", "), index.kind);
    if !index.properties.is_empty() {
        let pairs = index_properties(profile, &index.properties);
        text += &format!(" PROPERTIES({})", pairs.join(", "));
    }
    if !index.comment.is_empty() && (drop || profile.build_index_shows_comments) {
        let quote = if profile.ddl_double_quotes { '"' } else { '\'' };
        text += &format!(" COMMENT {quote}{}{quote}", index.comment);
    }
    text
}

fn head(job: &AlterJob, time: fn(i64) -> String) -> Cells {
    vec![cell(job.id), cell(&job.table_name), cell(time(job.created_ms)), job.finished_ms.map(time)]
}

fn cell(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

/// `YYYY-MM-DD hh:mm:ss.mmm`.
fn millis_text(ms: i64) -> String {
    format!("{}.{:03}", date_time_text(ms), ms.rem_euclid(1000))
}
