//! From paths back to line and column.
//!
//! Only a file that has a problem is searched, so a good file costs nothing for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
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

impl Position {
    /// Where a text begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// Where the value at each of `paths` begins in `text`, which must be valid JSON; `None` if there is no such value.
///
/// However many there are, an object or array is read once.
pub fn locate(text: &str, paths: &[&JsonPath]) -> Vec<Option<Position>> {
    positions(text, &offsets(text, paths, &mut Parts::of))
}

/// The same in bytes. `read` is how a value is taken apart.
fn offsets<'a>(
    text: &'a str,
    paths: &[&JsonPath],
    read: &mut impl FnMut(&'a RawValue) -> Parts<'a>,
) -> Vec<Option<usize>> {
    let mut found = vec![None; paths.len()];
    if let Ok(document) = serde_json::from_str(text) {
        let wanted = paths.iter().map(|path| path.steps()).enumerate().collect();
        find(document, wanted, read, &mut |index, value| {
            found[index] = value.get().as_ptr().addr().checked_sub(text.as_ptr().addr());
        });
    }
    found
}

/// Tells of each of `wanted`, numbered ways on from `value`, that leads to one.
fn find<'a>(
    value: &'a RawValue,
    wanted: Vec<(usize, &[Step])>,
    read: &mut impl FnMut(&'a RawValue) -> Parts<'a>,
    tell: &mut impl FnMut(usize, &'a RawValue),
) {
    let mut below: BTreeMap<&Step, Vec<(usize, &[Step])>> = BTreeMap::new();
    for (index, way) in wanted {
        match way.split_first() {
            Some((step, rest)) => below.entry(step).or_default().push((index, rest)),
            None => tell(index, value),
        }
    }
    if below.is_empty() {
        return;
    }
    for (step, part) in read(value).0 {
        if let Some(wanted) = below.remove(&step) {
            find(part, wanted, read, tell);
        }
    }
}

/// Counts lines and characters from one offset to the next.
fn positions(text: &str, offsets: &[Option<usize>]) -> Vec<Option<Position>> {
    let mut sorted: Vec<(usize, usize)> =
        offsets.iter().enumerate().filter_map(|(index, offset)| Some(((*offset)?, index))).collect();
    sorted.sort_unstable();
    let mut positions = vec![None; offsets.len()];
    let (mut at, mut position) = (0, Position::START);
    for (offset, index) in sorted {
        for c in text[at..offset].chars() {
            position = match c {
                '\n' => Position { line: position.line + 1, column: 1 },
                _ => Position { column: position.column + 1, ..position },
            };
        }
        at = offset;
        positions[index] = Some(position);
    }
    positions
}

/// What an object or array has in it; nothing for any other value.
struct Parts<'a>(Vec<(Step, &'a RawValue)>);

impl<'a> Parts<'a> {
    fn of(value: &'a RawValue) -> Self {
        serde_json::from_str(value.get()).unwrap_or(Self(Vec::new()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, _>()? {
            let next = seen.entry(name.clone()).or_default();
            parts.push((Step::Key { name, nth: *next }, value));
            *next += 1;
        }
        Ok(Parts(parts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(value) = access.next_element()? {
            parts.push((Step::Index(parts.len()), value));
        }
        Ok(Parts(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"a\": [1, {\"ö\": true, \"b\": null}],\n  \"a\": 2,\n  \"x/y\": \"\"\n}";

    #[test]
    fn values_are_found_by_line_and_character() {
        let root = JsonPath::root();
        let places = [
            (root.key("x/y"), Some((4, 10))),
            (root.key("a").index(1).key("b"), Some((2, 29))),
            (root.clone(), Some((1, 1))),
            (root.key("a").index(0), Some((2, 9))),
            (root.nth_key("a", 1), Some((3, 8))),
            (root.key("none"), None),
            (root.key("a").index(2), None),
            (root.key("x/y").key("z"), None),
            (root.key("a").index(0), Some((2, 9))),
        ];
        let paths: Vec<&JsonPath> = places.iter().map(|(path, _)| path).collect();
        let found = locate(TEXT, &paths);
        for ((path, expected), found) in places.iter().zip(&found) {
            assert_eq!(found.map(|place| (place.line, place.column)), *expected, "{path}");
        }
    }

    #[test]
    fn a_value_is_read_once_however_many_places_are_in_it() {
        let entry = r#"{"domains":["a.test","b.test"],"allow":[{"to":"any"}]}"#;
        let text = format!("{{{}}}", (0..500).map(|n| format!("\"e{n}\":{entry}")).collect::<Vec<_>>().join(","));
        let root = JsonPath::root();
        let of_entry = |n: i32| {
            let entry = root.key(&format!("e{n}"));
            [entry.key("domains").index(0), entry.key("domains").index(1), entry.key("allow").index(0).key("to")]
        };
        let paths: Vec<JsonPath> = (0..500).rev().flat_map(of_entry).collect();
        let mut bytes = 0;
        let found = offsets(&text, &paths.iter().collect::<Vec<_>>(), &mut |value| {
            bytes += value.get().len();
            Parts::of(value)
        });
        assert!(found.iter().all(Option::is_some));
        // Objects in objects: four levels, the deeper ones smaller.
        assert!(bytes < 3 * text.len(), "{bytes} bytes read of {}", text.len());
    }

    #[test]
    fn paths_are_json_pointers() {
        assert_eq!(JsonPath::root().key("x/y").index(3).key("~").to_string(), "/x~1y/3/~0");
    }
}
