//! Where messages come from and which models answer there.

mod definition;
mod model;

pub use definition::{Access, Platform};
pub use model::{Capability, ModelCatalogue, ModelId, ModelInfo};
