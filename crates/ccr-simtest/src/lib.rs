//! ccr-simtest
