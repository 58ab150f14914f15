//! What must hold for any input. Each function panics where it does not.
//!
//! `tests/fuzz` searches for such input with libFuzzer; `tests/properties.rs` tries some that is the same each time.

mod artifacts;
mod document;
mod files;
mod index;
mod kernel;
mod names;
mod netlink;
mod places;
mod rule;
mod ruleset;
mod sentence;

pub use document::document;
pub use files::{PART_SEPARATOR, files};
pub use index::index;
pub use kernel::enter;
pub use names::names;
pub use rule::rule;
pub use ruleset::ruleset;
pub use sentence::sentence;
