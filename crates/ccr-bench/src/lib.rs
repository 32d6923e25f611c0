//! ccr-bench
