//! The catalog: getMeta and getBackendMeta.

use std::collections::BTreeMap;

use super::{Cluster, pool::Repeat};
use crate::{
    error::{ErrorKind, Result},
    ids::{BackendId, CommitSeq, DbId, IndexId, PartitionId, ReplicaId, Side, TableId, TabletId, Version},
    rpc,
};

/// One BE (getBackendMeta); hosts are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend<S> {
    pub id: BackendId<S>,
    pub host: String,
    pub be_port: u16,
    pub http_port: u16,
    pub alive: bool,
}

/// getMeta of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbMeta<S> {
    pub id: DbId<S>,
    pub name: String,
    pub tables: Vec<TableMeta<S>>,
    /// Dropped objects whose drop is still in the binlog; the seq where the FE tells it.
    pub dropped_tables: BTreeMap<TableId<S>, Option<CommitSeq>>,
    pub dropped_partitions: BTreeMap<PartitionId<S>, Option<CommitSeq>>,
    pub dropped_indexes: BTreeMap<IndexId<S>, Option<CommitSeq>>,
}

/// One table (OLAP or asynchronous materialized view).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMeta<S> {
    pub id: TableId<S>,
    pub name: String,
    /// `OLAP` or `MATERIALIZED_VIEW`; `None` before 2024-12.
    pub table_type: Option<String>,
    /// Formal partitions first, then temporary ones, which are not marked: the first of a `range` is the formal one.
    pub partitions: Vec<PartitionMeta<S>>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMeta<S> {
    pub id: PartitionId<S>,
    pub name: String,
    pub range: String,
    pub visible_version: Version,
    pub indexes: Vec<IndexMeta<S>>,
}

/// One index of a partition: base, rollup, or the shadow of a running change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexMeta<S> {
    pub id: IndexId<S>,
    pub name: String,
    /// In bucket order: tablets of source and destination are paired by position.
    pub tablets: Vec<TabletMeta<S>>,
}

/// One tablet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabletMeta<S> {
    pub id: TabletId<S>,
    pub replicas: Vec<ReplicaMeta<S>>,
}

/// One replica, bad ones and those on dead backends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaMeta<S> {
    pub id: ReplicaId<S>,
    pub backend: BackendId<S>,
    pub version: Version,
}

impl<S: Side> Cluster<S> {
    /// `None`: the FE says OK without a database. `tables: None` = all tables.
    pub async fn get_meta(&self, db: DbId<S>, tables: Option<&[TableId<S>]>) -> Result<Option<DbMeta<S>>> {
        let table = |id: &TableId<S>| rpc::GetMetaTable { id: Some(id.get()), ..Default::default() };
        let tables = tables.map(|tables| tables.iter().map(table).collect());
        self.meta(rpc::GetMetaDb { id: Some(db.get()), tables, ..Default::default() }).await
    }

    /// The same by names. A table that does not exist is left out of the answer.
    pub async fn get_meta_by_name(&self, db: &str, tables: Option<&[&str]>) -> Result<Option<DbMeta<S>>> {
        let table = |name: &&str| rpc::GetMetaTable { name: Some((*name).to_owned()), ..Default::default() };
        let tables = tables.map(|tables| tables.iter().map(table).collect());
        self.meta(rpc::GetMetaDb { name: Some(db.to_owned()), tables, ..Default::default() }).await
    }

    async fn meta(&self, db: rpc::GetMetaDb) -> Result<Option<DbMeta<S>>> {
        let what = "getMeta";
        let request = rpc::GetMetaRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(db),
            ..Default::default()
        };
        let reply = self.pool.call_master::<rpc::GetMeta>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        self.pool.check(what, &reply)?;
        let Some(db) = reply.db_meta else { return Ok(None) };
        DbMeta::parse(db)
            .map(Some)
            .map_err(|field| self.pool.error(ErrorKind::Garbled, what, format!("the answer lacks {field}")))
    }

    /// All backends, dead ones included.
    pub async fn backends(&self) -> Result<Vec<Backend<S>>> {
        let what = "getBackendMeta";
        let request = rpc::GetBackendMetaRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            ..Default::default()
        };
        let reply = self
            .pool
            .call_master::<rpc::GetBackendMeta>(&request, self.pool.timeouts.rpc, Repeat::SafeAnywhere)
            .await?;
        self.pool.check(what, &reply)?;
        let garbled = |text: &str| self.pool.error(ErrorKind::Garbled, what, text);
        let port = |port: i32| u16::try_from(port).map_err(|_| garbled("a backend's port is no port"));
        let backends = reply.backends.unwrap_or_default().into_iter().map(|backend| {
            Ok(Backend {
                id: BackendId::new(backend.id.ok_or_else(|| garbled("a backend without id"))?),
                host: self.pool.map_host(what, &backend.host)?,
                be_port: port(backend.be_port)?,
                http_port: port(backend.http_port)?,
                alive: backend.is_alive.unwrap_or(false),
            })
        });
        backends.collect()
    }
}

/// The field that an answer lacks.
type Lacks = &'static str;

impl<S> DbMeta<S> {
    fn parse(db: rpc::DbMeta) -> std::result::Result<Self, Lacks> {
        Ok(Self {
            id: DbId::new(db.id.ok_or("a database id")?),
            name: db.name.unwrap_or_default(),
            // Empty lists are not sent.
            tables: db
                .tables
                .unwrap_or_default()
                .into_iter()
                .map(TableMeta::parse)
                .collect::<std::result::Result<_, _>>()?,
            dropped_tables: dropped(db.dropped_tables, db.dropped_table_map, TableId::new),
            dropped_partitions: dropped(db.dropped_partitions, db.dropped_partition_map, PartitionId::new),
            dropped_indexes: dropped(db.dropped_indexes, db.dropped_index_map, IndexId::new),
        })
    }
}

/// The list of older FEs, and the map of newer ones, which knows the seqs.
fn dropped<K: Ord>(
    list: Option<Vec<i64>>,
    map: Option<BTreeMap<i64, i64>>,
    id: impl Fn(i64) -> K,
) -> BTreeMap<K, Option<CommitSeq>> {
    let listed = list.unwrap_or_default().into_iter().map(|number| (id(number), None));
    let mapped = map.unwrap_or_default().into_iter().map(|(number, seq)| (id(number), Some(CommitSeq(seq))));
    listed.chain(mapped).collect()
}

impl<S> TableMeta<S> {
    fn parse(table: rpc::TableMeta) -> std::result::Result<Self, Lacks> {
        let partitions = table.partitions.unwrap_or_default().into_iter().map(PartitionMeta::parse);
        Ok(Self {
            id: TableId::new(table.id.ok_or("a table id")?),
            name: table.name.ok_or("a table name")?,
            table_type: table.table_type,
            partitions: partitions.collect::<std::result::Result<_, _>>()?,
        })
    }
}

impl<S> PartitionMeta<S> {
    fn parse(partition: rpc::PartitionMeta) -> std::result::Result<Self, Lacks> {
        let indexes = partition.indexes.unwrap_or_default().into_iter().map(IndexMeta::parse);
        Ok(Self {
            id: PartitionId::new(partition.id.ok_or("a partition id")?),
            name: partition.name.unwrap_or_default(),
            range: partition.range.unwrap_or_default(),
            visible_version: Version(partition.visible_version.ok_or("a partition's version")?),
            indexes: indexes.collect::<std::result::Result<_, _>>()?,
        })
    }
}

impl<S> IndexMeta<S> {
    fn parse(index: rpc::IndexMeta) -> std::result::Result<Self, Lacks> {
        let tablets = index.tablets.unwrap_or_default().into_iter().map(TabletMeta::parse);
        Ok(Self {
            id: IndexId::new(index.id.ok_or("an index id")?),
            name: index.name.ok_or("an index name")?,
            tablets: tablets.collect::<std::result::Result<_, _>>()?,
        })
    }
}

impl<S> TabletMeta<S> {
    fn parse(tablet: rpc::TabletMeta) -> std::result::Result<Self, Lacks> {
        let replicas = tablet.replicas.unwrap_or_default().into_iter().map(|replica| {
            Ok(ReplicaMeta {
                id: ReplicaId::new(replica.id.ok_or("a replica id")?),
                backend: BackendId::new(replica.backend_id.ok_or("a replica's backend")?),
                version: Version(replica.version.ok_or("a replica's version")?),
            })
        });
        Ok(Self {
            id: TabletId::new(tablet.id.ok_or("a tablet id")?),
            replicas: replicas.collect::<std::result::Result<_, Lacks>>()?,
        })
    }
}
