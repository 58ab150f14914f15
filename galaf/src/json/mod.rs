//! JSON as the person wrote it: key order and duplicates kept, and a way back to line and column.

mod locate;
mod path;
mod tree;

pub use locate::{Position, locate};
pub use path::{JsonPath, Step};
pub use tree::Node;
