//! The checks before a job exists. Each names what is wrong, where, and what to do.

use ccr_store::documents::{JobDocument, JobExtra, JobState, Spec, SyncType};
use doris::{Cluster, Dest, ErrorKind, Side, Source, cluster::Frontend};

use crate::{
    env::Env,
    job::cluster,
    policy::{Code, Failure},
};

/// What a user asks for.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub name: String,
    pub src: Spec,
    pub dest: Spec,
    /// The destination table may exist; it is replaced by the copy.
    pub allow_table_exists: bool,
    pub reuse_binlog_label: bool,
    /// Accepted for old clients, without effect.
    pub skip_error: bool,
}

/// Checks a new job against both clusters and returns its document. The only effect is `CREATE DATABASE IF NOT EXISTS` on
/// the destination, after every other check.
pub async fn check(env: &Env, request: NewJob) -> Result<JobDocument, Failure> {
    check_request(&request)?;
    let NewJob { name, mut src, mut dest, allow_table_exists, reuse_binlog_label, skip_error: _ } = request;
    src.frontends = None;
    dest.frontends = None;
    let source: Cluster<Source> = cluster(env, &src)?;
    let destination: Cluster<Dest> = cluster(env, &dest)?;
    src.frontends = Some(frontends(&source).await?);
    dest.frontends = Some(frontends(&destination).await?);
    check_features(&source).await?;
    check_features(&destination).await?;
    check_source(&source, &mut src).await?;
    check_dest(&destination, &mut dest, allow_table_exists).await?;
    Ok(JobDocument {
        name,
        id: None,
        sync_type: if src.table.is_empty() { SyncType::Database } else { SyncType::Table },
        src,
        dest,
        state: JobState::Running,
        extra: JobExtra { reuse_binlog_label, ..JobExtra::default() },
        replication_num: None,
    })
}

/// Checks that need no cluster.
fn check_request(request: &NewJob) -> Result<(), Failure> {
    let invalid = |what: String| Err(Failure::new(Code::INVALID_REQUEST, format!("job is invalid: {what}"), ""));
    if request.name.is_empty() {
        return invalid("[normal] name is empty".to_owned());
    }
    if request.name.len() > 255 {
        return invalid("[normal] name is longer than 255 bytes".to_owned());
    }
    for (side, spec) in [("src", &request.src), ("dest", &request.dest)] {
        let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
        let problem = if spec.host.is_empty() {
            "host is empty".to_owned()
        } else if !port(&spec.port) {
            format!("port is invalid: {}", spec.port)
        } else if !port(&spec.thrift_port) {
            format!("thrift_port is invalid: {}", spec.thrift_port)
        } else if spec.user.is_empty() {
            "user is empty".to_owned()
        } else if spec.database.is_empty() {
            "database is empty".to_owned()
        } else {
            continue;
        };
        return invalid(format!("{side} spec is invalid: [normal] {problem}"));
    }
    match (request.src.table.is_empty(), request.dest.table.is_empty()) {
        (false, false) | (true, true) => Ok(()),
        _ => invalid("[normal] src/dest are not both db or table sync".to_owned()),
    }
}

async fn frontends<S: Side>(cluster: &Cluster<S>) -> Result<Vec<ccr_store::documents::Frontend>, Failure> {
    let known = cluster.refresh_frontends().await.map_err(|e| on::<S>(e.into()))?;
    Ok(known
        .into_iter()
        .map(|Frontend { host, query_port, rpc_port, is_master, .. }| ccr_store::documents::Frontend {
            host,
            port: query_port.to_string(),
            thrift_port: rpc_port.to_string(),
            is_master,
        })
        .collect())
}

/// The binlog feature must be on in the FEs and in every BE.
async fn check_features<S: Side>(cluster: &Cluster<S>) -> Result<(), Failure> {
    let is_on = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "true" | "1");
    match cluster.frontend_config("%enable_feature_binlog%").await {
        Ok(rows) => {
            // The key carries the prefix `experimental_`; `force_enable_feature_binlog` is another switch.
            let value = rows.iter().find(|(key, _)| key.trim_start_matches("experimental_") == "enable_feature_binlog");
            if !value.is_some_and(|(_, value)| is_on(value)) {
                return Err(Failure::new(
                    Code::FEATURE_OFF,
                    format!("the FEs of the {} have enable_feature_binlog=false", S::NAME),
                    "set enable_feature_binlog=true in fe.conf and restart them",
                ));
            }
        }
        // Reading the configuration needs ADMIN, which copying does not: the first getBinlog tells.
        Err(error) if error.kind == ErrorKind::AccessDenied && !error.text.contains("Access denied for user") => {}
        Err(error) => return Err(on::<S>(error.into())),
    }
    let mut off = Vec::new();
    for backend in cluster.backends().await.map_err(|e| on::<S>(e.into()))? {
        if !backend.alive {
            continue;
        }
        let value = cluster.backend_config(&backend, "enable_feature_binlog").await.map_err(|e| on::<S>(e.into()))?;
        if !is_on(&value) {
            off.push(format!("{}:{}", backend.host, backend.http_port));
        }
    }
    if off.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::FEATURE_OFF,
        format!("backends of the {} have enable_feature_binlog=false: {}", S::NAME, off.join(", ")),
        "set enable_feature_binlog=true in be.conf and restart them",
    ))
}

async fn check_source(source: &Cluster<Source>, spec: &mut Spec) -> Result<(), Failure> {
    let db = spec.database.clone();
    if !source.database_exists(&db).await? {
        return Err(Failure::new(Code::DB_NOT_FOUND, format!("src database {db} not exists"), "check the name"));
    }
    if spec.table.is_empty() {
        check_source_database(source, spec).await
    } else {
        check_source_table(source, spec).await
    }
}

/// The database must record what is done in it; its tables have that of it when they are created.
async fn check_source_database(source: &Cluster<Source>, spec: &mut Spec) -> Result<(), Failure> {
    let db = spec.database.clone();
    if !source.create_database_text(&db).await?.contains(r#""binlog.enable" = "true""#) {
        return Err(Failure::new(
            Code::BINLOG_OFF,
            format!("src database {db} not enable binlog"),
            format!("run on the source: ALTER DATABASE `{db}` SET PROPERTIES (\"binlog.enable\" = \"true\")"),
        ));
    }
    // Tables that were there before the database recorded anything do not record by themselves.
    let mut off = Vec::new();
    for row in source.tables(&db).await?.into_iter().filter(|row| !row.is_view) {
        let text = source.create_table_text(&db, &row.name).await?;
        let recorded = text.contains(r#""binlog.enable" = "true""#);
        // Materialized views and external tables are not copied.
        if !recorded && text.contains("ENGINE=OLAP") && !text.trim_start().starts_with("CREATE MATERIALIZED VIEW") {
            off.push(row.name);
        }
    }
    if let Some(first) = off.first() {
        return Err(Failure::new(
            Code::BINLOG_OFF,
            format!("binlog is not enabled on tables of src database {db}: {}", off.join(", ")),
            format!("run on the source for each: ALTER TABLE `{db}`.`{first}` SET (\"binlog.enable\" = \"true\")"),
        ));
    }
    let meta = source.get_meta_by_name(&db, Some(&[])).await?.ok_or_else(|| {
        Failure::new(Code::DB_NOT_FOUND, format!("the source's FE gives no metadata of database {db}"), "try again")
    })?;
    (spec.db_id, spec.table_id) = (meta.id.get(), 0);
    Ok(())
}

async fn check_source_table(source: &Cluster<Source>, spec: &mut Spec) -> Result<(), Failure> {
    let (db, table) = (spec.database.clone(), spec.table.clone());
    let row = source.tables(&db).await?.into_iter().find(|row| row.name == table);
    match row {
        None => {
            return Err(Failure::new(
                Code::TABLE_NOT_FOUND,
                format!("src table {db}.{table} not exists"),
                "check the name, case included",
            ));
        }
        Some(row) if row.is_view => {
            return Err(Failure::new(
                Code::INVALID_REQUEST,
                format!("src table {db}.{table} is a view"),
                "views are copied by database jobs",
            ));
        }
        Some(_) => {}
    }
    let text = source.create_table_text(&db, &table).await?;
    if !text.contains(r#""binlog.enable" = "true""#) {
        return Err(Failure::new(
            Code::BINLOG_OFF,
            format!("binlog is not enabled on src table {db}.{table}"),
            format!("run on the source: ALTER TABLE `{db}`.`{table}` SET (\"binlog.enable\" = \"true\")"),
        ));
    }
    if !text.contains(r#""light_schema_change" = "true""#) {
        return Err(Failure::new(
            Code::BINLOG_OFF,
            format!("src table {db}.{table} does not have light_schema_change"),
            format!("run on the source: ALTER TABLE `{db}`.`{table}` SET (\"light_schema_change\" = \"true\")"),
        ));
    }
    let meta = source.get_meta_by_name(&db, Some(&[&table])).await?;
    let found = meta.and_then(|meta| Some((meta.id, meta.tables.iter().find(|t| t.name == table)?.id)));
    let (db_id, table_id) = found.ok_or_else(|| {
        Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("the source's FE gives no metadata of {db}.{table}"),
            "only OLAP tables can be copied",
        )
    })?;
    (spec.db_id, spec.table_id) = (db_id.get(), table_id.get());
    Ok(())
}

async fn check_dest(dest: &Cluster<Dest>, spec: &mut Spec, allow_table_exists: bool) -> Result<(), Failure> {
    let (db, table) = (spec.database.clone(), spec.table.clone());
    if !dest.database_exists(&db).await? {
        dest.create_database(&db).await?;
    } else if !table.is_empty() {
        // What a database has of the names of its copies gives way to them.
        let row = dest.tables(&db).await?.into_iter().find(|row| row.name == table);
        if let Some(row) = row {
            if row.is_view {
                return Err(Failure::new(
                    Code::DEST_EXISTS,
                    format!("dest table {db}.{table} already exists and is a view"),
                    "drop the view or choose another name",
                ));
            }
            if !allow_table_exists {
                return Err(Failure::new(
                    Code::DEST_EXISTS,
                    format!("dest table {db}.{table} already exists"),
                    "drop it, choose another name, or pass \"allow_table_exists\": true to have it replaced by the copy",
                ));
            }
        }
    }
    let meta = dest.get_meta_by_name(&db, Some(&[])).await?.ok_or_else(|| {
        Failure::new(Code::DB_NOT_FOUND, format!("dest database {db} was not found after it was created"), "try again")
    })?;
    (spec.db_id, spec.table_id) = (meta.id.get(), 0);
    Ok(())
}

/// Names the side in a failure of a call that both sides get.
fn on<S: Side>(mut failure: Failure) -> Failure {
    if !failure.message.contains(S::NAME) {
        failure.message = format!("{}: {}", S::NAME, failure.message);
    }
    failure
}
