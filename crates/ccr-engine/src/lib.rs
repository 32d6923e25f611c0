//! ccr-engine
