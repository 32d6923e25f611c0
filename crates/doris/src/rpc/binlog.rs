//! Reading binlogs.

use crate::{
    rpc::{NetworkAddress, Status},
    secret::Secret,
    thrift::{thrift_enum, thrift_struct},
};

thrift_enum! {
    /// `TBinlogType`.
    BinlogType {
        UPSERT = 0, ADD_PARTITION = 1, CREATE_TABLE = 2, DROP_PARTITION = 3, DROP_TABLE = 4, ALTER_JOB = 5,
        MODIFY_TABLE_ADD_OR_DROP_COLUMNS = 6, DUMMY = 7, ALTER_DATABASE_PROPERTY = 8, MODIFY_TABLE_PROPERTY = 9,
        BARRIER = 10, MODIFY_PARTITIONS = 11, REPLACE_PARTITIONS = 12, TRUNCATE_TABLE = 13, RENAME_TABLE = 14,
        RENAME_COLUMN = 15, MODIFY_COMMENT = 16, MODIFY_VIEW_DEF = 17, REPLACE_TABLE = 18,
        MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES = 19, INDEX_CHANGE_JOB = 20, RENAME_ROLLUP = 21,
        RENAME_PARTITION = 22, DROP_ROLLUP = 23, RECOVER_INFO = 24, MODIFY_DISTRIBUTION_BUCKET_NUM = 25,
        MODIFY_DISTRIBUTION_TYPE = 26, MIN_UNKNOWN = 27,
    }
}

thrift_struct! {
    /// `TGetBinlogRequest`, also the request of getBinlogLag, which ignores 10 and 11. The FE demands 2, 3, 4 and 9.
    GetBinlogRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        /// Unset for the stream of the database; `""` is a table that is not found.
        5 opt table: String,
        /// Wins over `table`; negative = the stream of the database.
        6 opt table_id: i64,
        7 opt user_ip: String,
        8 opt token: Secret,
        /// Exclusive lower bound.
        9 opt prev_commit_seq: i64,
        /// At most so many records (1 to 255); an older FE returns one.
        10 opt num_acquired: i64,
        11 opt allow_follower_read: bool,
    }

    /// `TBinlog`: one record. A DUMMY has 1 to 4 and 7, every other kind 8 and 9 and no 7.
    Binlog {
        1 opt commit_seq: i64,
        /// Milliseconds since the epoch, the FE's clock; -1 in records of older FEs.
        2 opt timestamp: i64,
        3 opt kind as "type": BinlogType,
        4 opt db_id: i64,
        /// Unset for kinds that concern the database and for the UPSERT of an empty transaction.
        5 opt table_ids: Vec<i64>,
        /// JSON.
        6 opt data: String,
        /// Of a DUMMY: the table, -1 for the database.
        7 opt belong: i64,
        /// Internal to the FE.
        8 opt table_ref: i64,
        /// Internal to the FE.
        9 opt remove_enable_cache: bool,
    }

    /// `TGetBinlogResult`. 2, 4 and 5 are never sent.
    GetBinlogResult {
        1 opt status: Status,
        2 opt next_commit_seq: i64,
        3 opt binlogs: Vec<Binlog>,
        4 opt fe_version: String,
        5 opt fe_meta_version: i64,
        6 opt master_address: NetworkAddress,
    }

    /// `TGetBinlogLagResult`. Timestamps in milliseconds; all numbers are unset with 63 and 64, 4 to 9 on older FEs.
    GetBinlogLagResult {
        1 opt status: Status,
        /// Records after the position.
        2 opt lag: i64,
        3 opt master_address: NetworkAddress,
        4 opt first_commit_seq: i64,
        5 opt last_commit_seq: i64,
        6 opt first_binlog_timestamp: i64,
        7 opt last_binlog_timestamp: i64,
        8 opt next_commit_seq: i64,
        9 opt next_binlog_timestamp: i64,
    }

    /// `TLockBinlogRequest`. The FE demands 2, 3, 4 and 8.
    LockBinlogRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt table: String,
        /// Negative = the stream of the database.
        6 opt table_id: i64,
        7 opt token: Secret,
        8 opt job_unique_id: String,
        /// Unset or negative = the head of the stream.
        9 opt lock_commit_seq: i64,
    }

    /// `TLockBinlogResult`.
    LockBinlogResult { 1 opt status: Status, 2 opt locked_commit_seq: i64, 3 opt master_address: NetworkAddress }
}
