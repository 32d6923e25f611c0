//! The JSON payloads of binlog records.
