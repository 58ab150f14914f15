//! New groups in the form of group(5).

use std::fmt::Write;

use crate::policy::NewGroup;

/// One line a group.
pub fn render(groups: &[NewGroup]) -> String {
    groups.iter().fold(String::new(), |mut text, group| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}:x:{}:", group.name, group.gid);
        text
    })
}
