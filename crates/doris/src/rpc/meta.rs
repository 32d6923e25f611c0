//! The catalog: databases down to replicas, and backends.

use std::collections::BTreeMap;

use crate::{
    rpc::{NetworkAddress, Status},
    secret::Secret,
    thrift::thrift_struct,
};

thrift_struct! {
    /// `TGetMetaReplica`.
    GetMetaReplica { 1 opt id: i64 }

    /// `TGetMetaTablet`.
    GetMetaTablet { 1 opt id: i64, 2 opt replicas: Vec<GetMetaReplica> }

    /// `TGetMetaIndex`.
    GetMetaIndex { 1 opt id: i64, 2 opt name: String, 3 opt tablets: Vec<GetMetaTablet> }

    /// `TGetMetaPartition`.
    GetMetaPartition {
        1 opt id: i64,
        2 opt name: String,
        3 opt key: String,
        4 opt range: String,
        5 opt is_temp: bool,
        6 opt indexes: Vec<GetMetaIndex>,
    }

    /// `TGetMetaTable`: a table that is asked for. The FE ignores 3 and 4.
    GetMetaTable {
        1 opt id: i64,
        2 opt name: String,
        3 opt in_trash: bool,
        4 opt partitions: Vec<GetMetaPartition>,
    }

    /// `TGetMetaDB`: the database that is asked for.
    GetMetaDb { 1 opt id: i64, 2 opt name: String, 3 opt only_table_names: bool, 4 opt tables: Vec<GetMetaTable> }

    /// `TGetMetaRequest`. The FE demands 2, 3 and 6.
    GetMetaRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt user_ip: String,
        5 opt token: Secret,
        6 opt db: GetMetaDb,
    }

    /// `TGetMetaReplicaMeta`.
    ReplicaMeta { 1 opt id: i64, 2 opt backend_id: i64, 3 opt version: i64 }

    /// `TGetMetaTabletMeta`.
    TabletMeta { 1 opt id: i64, 2 opt replicas: Vec<ReplicaMeta> }

    /// `TGetMetaIndexMeta`.
    IndexMeta { 1 opt id: i64, 2 opt name: String, 3 opt tablets: Vec<TabletMeta> }

    /// `TGetMetaPartitionMeta`. 3 and 6 are never sent.
    PartitionMeta {
        1 opt id: i64,
        2 opt name: String,
        3 opt key: String,
        4 opt range: String,
        5 opt visible_version: i64,
        6 opt is_temp: bool,
        7 opt indexes: Vec<IndexMeta>,
    }

    /// `TGetMetaTableMeta`. 3 is never sent.
    TableMeta {
        1 opt id: i64,
        2 opt name: String,
        3 opt in_trash: bool,
        4 opt partitions: Vec<PartitionMeta>,
        /// `OLAP` or `MATERIALIZED_VIEW`; unset on FEs before 2024-12.
        5 opt table_type as "type": String,
    }

    /// `TGetMetaDBMeta`. 7 to 9 map an id to the commit seq of the drop (FEs since 2025-03).
    DbMeta {
        1 opt id: i64,
        2 opt name: String,
        3 opt tables: Vec<TableMeta>,
        4 opt dropped_partitions: Vec<i64>,
        5 opt dropped_tables: Vec<i64>,
        6 opt dropped_indexes: Vec<i64>,
        7 opt dropped_partition_map: BTreeMap<i64, i64>,
        8 opt dropped_table_map: BTreeMap<i64, i64>,
        9 opt dropped_index_map: BTreeMap<i64, i64>,
    }

    /// `TGetMetaResult`. OK without `db_meta` = no such database.
    GetMetaResult { 1 req status: Status, 2 opt db_meta: DbMeta, 3 opt master_address: NetworkAddress }

    /// `TGetBackendMetaRequest`. The FE demands 2 and 3 and ignores the rest.
    GetBackendMetaRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt user_ip: String,
        5 opt token: Secret,
        6 opt backend_id: i64,
    }

    /// `TBackend`.
    Backend {
        1 req host: String,
        2 req be_port: i32,
        3 req http_port: i32,
        4 opt brpc_port: i32,
        5 opt is_alive: bool,
        6 opt id: i64,
    }

    /// `TGetBackendMetaResult`: all backends, dead ones included.
    GetBackendMetaResult { 1 req status: Status, 2 opt backends: Vec<Backend>, 3 opt master_address: NetworkAddress }
}
