//! What a test or a person does to a cluster besides calling its services: faults, killing and starting processes,
//! elections, holding publishes, and events that otherwise take hours.
//!
//! [`Control::run`] in process; [`serve`] the same over HTTP.

mod command;
mod http;

use std::sync::Arc;

pub use command::{Command, JobKind};
pub use http::serve;

use crate::{Sim, model::Answer, serve::Faults};

/// The handle on a cluster. Clones share it.
#[derive(Clone, Debug)]
pub struct Control {
    sim: Arc<Sim>,
    faults: Faults,
}

impl Control {
    pub fn new(sim: Arc<Sim>, faults: Faults) -> Self {
        Self { sim, faults }
    }

    /// Faults of calls.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Does it now.
    ///
    /// # Errors
    /// The object does not exist, or is not in a state for it.
    pub fn run(&self, command: &Command) -> Answer<()> {
        self.sim.with(|model| command.apply(model))
    }
}
