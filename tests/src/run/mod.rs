//! Programs, their ids and how they end.

mod background;
mod identity;
mod outcome;

pub use background::Background;
pub use identity::Identity;
pub use outcome::Outcome;
