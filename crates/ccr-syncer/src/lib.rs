//! The program `ccr_syncer`: everything around the engine.
//!
//! * [`flags`]: the Go program's command line and configuration file;
//! * [`logs`]: its log lines, files and their rotation;
//! * [`host`]: the system's clock and randomness, read here and nowhere else;
//! * [`manager`]: which jobs run in this process, and the heartbeat that says so;
//! * [`http`]: the API; [`metrics`]: what Prometheus reads;
//! * [`monitor`]: four lines in the log every minute;
//! * [`serve`]: one syncer from its flags to its end;
//! * [`demo`]: two simulated clusters with a syncer between them, to look at; [`api`] and [`side`]: the clients it uses.

pub mod api;
pub mod demo;
pub mod flags;
pub mod host;
pub mod http;
pub mod logs;
pub mod manager;
pub mod metrics;
pub mod monitor;
pub mod serve;
pub mod side;

/// What `/version` and `-version` say.
pub const VERSION: &str = concat!("ccr_syncer-", env!("CARGO_PKG_VERSION"));
