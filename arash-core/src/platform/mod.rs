//! Where messages come from and which models answer there.

mod command_spec;
mod definition;
mod model;

pub use command_spec::CommandSpec;
pub use definition::{Access, Platform};
pub use model::{Capability, ModelCatalogue, ModelId, ModelInfo};
