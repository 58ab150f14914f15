//! JSON as the person wrote it: key order and duplicates kept, and a way back to line and column.

mod locate;
mod merge;
mod path;
mod tree;
mod write;

pub use locate::{Position, locate};
pub use merge::{Meeting, Merged, Written};
pub use path::{JsonPath, Step};
pub use tree::Node;
