//! What every part of one job's worker needs: the two clusters, the names, the ids, the status.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use ccr_store::documents::{JobDocument, Spec, SyncType};
use doris::{
    Cluster, Dest, Side, Source,
    cluster::{BinlogScope, ClusterSpec, Frontend},
    ids::{DbId, TableId},
    secret::Secret,
};

use super::{OpenTxns, Request, status::StatusCell, writer::Writer};
use crate::{
    env::{Env, Settings},
    phase::{JobTable, Progress},
    policy::{Code, Failure},
};

/// Ids of the objects that a job copies. That of the table (table jobs) changes when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) source_db: DbId<Source>,
    pub(crate) source_table: TableId<Source>,
    pub(crate) dest_db: DbId<Dest>,
}

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) env: Env,
    pub(crate) name: String,
    pub(crate) kind: SyncType,
    pub(crate) source: Cluster<Source>,
    pub(crate) dest: Cluster<Dest>,
    pub(crate) source_db: String,
    pub(crate) dest_db: String,
    /// What the copy of a table job is called; empty in a database job, whose copies are called as their tables.
    pub(crate) dest_table: String,
    pub(crate) status: StatusCell,
    pub(crate) writer: Writer,
    /// What an operator asked for when this worker began.
    pub(crate) skip: Option<Request>,
    /// Transactions of this job that have not ended.
    pub(crate) open: OpenTxns,
    /// Of the job's document as it was when the worker started.
    stored_dest_table: TableId<Dest>,
    ids: Mutex<Ids>,
    /// As it is called now: a table job follows its table.
    source_table: Mutex<String>,
}

impl Context {
    /// Sets a job's worker up. Fails on a document that this version cannot run.
    pub(crate) fn new(env: Env, document: &JobDocument, status: StatusCell, writer: Writer) -> Result<Self, Failure> {
        let kind = match (document.src.table.is_empty(), document.dest.table.is_empty()) {
            (false, false) => SyncType::Table,
            (true, true) => SyncType::Database,
            _ => {
                return Err(Failure::new(
                    Code::DOCUMENT,
                    format!("job {} names a table on one side only", document.name),
                    "delete the job and create it again",
                ));
            }
        };
        let ids = Ids {
            source_db: DbId::new(document.src.db_id),
            source_table: TableId::new(document.src.table_id),
            dest_db: DbId::new(document.dest.db_id),
        };
        Ok(Self {
            name: document.name.clone(),
            kind,
            source: cluster(&env, &document.src)?,
            dest: cluster(&env, &document.dest)?,
            source_db: document.src.database.clone(),
            source_table: Mutex::new(document.src.table.clone()),
            dest_db: document.dest.database.clone(),
            dest_table: document.dest.table.clone(),
            status,
            writer,
            skip: None,
            open: OpenTxns::default(),
            stored_dest_table: TableId::new(document.dest.table_id),
            ids: Mutex::new(ids),
            env,
        })
    }

    /// With what the actor hands to each of its workers.
    pub(crate) fn with(mut self, skip: Option<Request>, open: OpenTxns) -> Self {
        self.skip = skip;
        self.open = open;
        self
    }

    pub(crate) fn is_database(&self) -> bool {
        self.kind == SyncType::Database
    }

    pub(crate) fn ids(&self) -> Ids {
        *self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the job's document says of its table.
    pub(crate) fn job_table(&self) -> JobTable {
        JobTable { source: self.ids().source_table, dest: self.stored_dest_table }
    }

    /// Name of a table job's table.
    pub(crate) fn source_table(&self) -> String {
        self.source_table.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The job's table is another one now, or is called otherwise. The document says so already.
    pub(crate) fn set_source_table(&self, table: TableId<Source>, name: &str) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).source_table = table;
        name.clone_into(&mut self.source_table.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The binlog stream of this job.
    pub(crate) fn scope(&self) -> BinlogScope {
        let db = self.source_db.clone();
        match self.kind {
            SyncType::Database => BinlogScope::Database { db },
            SyncType::Table => BinlogScope::Table { db, table: self.source_table(), table_id: self.ids().source_table },
        }
    }

    /// What the job copies, for people.
    pub(crate) fn source_text(&self) -> String {
        match self.kind {
            SyncType::Database => format!("database {}", self.source_db),
            SyncType::Table => format!("{}.{}", self.source_db, self.source_table()),
        }
    }

    /// The durable text of a progress.
    pub(crate) fn encode(&self, progress: &Progress) -> Result<String, Failure> {
        Ok(progress.to_document(&self.name)?.to_json())
    }
}

/// The client of one side.
pub(crate) fn cluster<S: Side>(env: &Env, spec: &Spec) -> Result<Cluster<S>, Failure> {
    Ok(Cluster::new(std::sync::Arc::clone(&env.net), cluster_spec(spec, &env.settings)?))
}

/// A document's description of a cluster, checked.
pub(crate) fn cluster_spec(spec: &Spec, settings: &Settings) -> Result<ClusterSpec, Failure> {
    let frontends = spec
        .frontends
        .iter()
        .flatten()
        .map(|frontend| {
            Ok(Frontend {
                host: frontend.host.clone(),
                query_port: port("port", &frontend.port)?,
                rpc_port: port("thrift_port", &frontend.thrift_port)?,
                is_master: frontend.is_master,
                alive: true,
            })
        })
        .collect::<Result<_, Failure>>()?;
    Ok(ClusterSpec {
        host: spec.host.clone(),
        query_port: port("port", &spec.port)?,
        rpc_port: port("thrift_port", &spec.thrift_port)?,
        user: spec.user.clone(),
        password: Secret::new(spec.password.expose()),
        frontends,
        host_mapping: spec.host_mapping.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<BTreeMap<_, _>>(),
        timeouts: settings.timeouts,
    })
}

/// A port as the documents hold it: decimal text, 1 to 65535.
pub(crate) fn port(field: &str, text: &str) -> Result<u16, Failure> {
    text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::new(
            Code::INVALID_REQUEST,
            format!("{field} is invalid: {text}"),
            "give a port from 1 to 65535 as text",
        )
    })
}
