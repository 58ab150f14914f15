//! From a path back to line and column.
//!
//! Only a file that has a problem is searched, so a good file costs nothing for it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{JsonPath, Step};

/// A place in a text, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Where the value at `path` begins in `text`, which must be valid JSON.
///
/// `None` if there is no such value.
pub fn locate(text: &str, path: &JsonPath) -> Option<Position> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for step in path.steps() {
        value = match step {
            Step::Key { name, nth } => {
                let RawObject(entries) = serde_json::from_str(value.get()).ok()?;
                entries.into_iter().filter(|(key, _)| key == name).nth(*nth)?.1
            }
            Step::Index(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                items.get(*index).copied()?
            }
        };
    }
    let offset = value.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(position_at(text.get(..offset)?))
}

fn position_at(before: &str) -> Position {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

struct RawObject<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawObject(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"a\": [1, {\"ö\": true, \"b\": null}],\n  \"a\": 2,\n  \"x/y\": \"\"\n}";

    fn at(path: &JsonPath) -> Option<(usize, usize)> {
        locate(TEXT, path).map(|p| (p.line, p.column))
    }

    #[test]
    fn values_are_found_by_line_and_character() {
        let root = JsonPath::root();
        assert_eq!(at(&root), Some((1, 1)));
        assert_eq!(at(&root.key("a").index(0)), Some((2, 9)));
        assert_eq!(at(&root.key("a").index(1).key("b")), Some((2, 29)));
        assert_eq!(at(&root.nth_key("a", 1)), Some((3, 8)));
        assert_eq!(at(&root.key("x/y")), Some((4, 10)));
        assert_eq!(at(&root.key("none")), None);
        assert_eq!(at(&root.key("a").index(2)), None);
    }

    #[test]
    fn paths_are_json_pointers() {
        assert_eq!(JsonPath::root().key("x/y").index(3).key("~").to_string(), "/x~1y/3/~0");
    }
}
