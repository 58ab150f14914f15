//! The launch index: what `galaf-gen apply` compiles for the launcher.
//!
//! One line a file, sorted by name, so that the launcher finds an application by binary search
//! and what it costs to start one does not grow with their number. The launcher grants what was
//! applied, never what was only edited.

mod entry;
mod index;

pub use entry::{LaunchEntry, PLACEHOLDER, arguments};
pub use index::{Header, Index, IndexError, compile};
