//! doris-sim
