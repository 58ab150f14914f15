//! Several documents as one, each value with the way back to where it was written.

use super::{JsonPath, Node, Step};

/// A value of a merged document, and the documents it and what is below it are from.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The value.
    pub node: Node,
    origin: Origin,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Which document, from 0.
    pub document: usize,
    /// Where in it.
    pub path: JsonPath,
}

/// Where a value and what is below it were written.
#[derive(Clone, Debug, PartialEq)]
enum Origin {
    /// All of it here.
    Whole(Written),
    /// The object or array begins here; each element has its own place, in the order of the merged value.
    Parts(Written, Vec<Origin>),
}

/// What becomes of a value that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Objects are merged key by key; anything else is replaced.
    Merge,
    /// The elements of the later array follow those of the former.
    Append,
    /// The former stays.
    Keep,
}

impl Merged {
    /// The first document.
    pub fn first(node: Node) -> Self {
        Self { node, origin: Origin::Whole(Written { document: 0, path: JsonPath::root() }) }
    }

    /// Adds the document number `document`. `meeting` says what happens where both have something, given the keys on
    /// the way and both values.
    pub fn add(&mut self, document: usize, node: Node, meeting: &impl Fn(&[&str], &Node, &Node) -> Meeting) {
        let written = Written { document, path: JsonPath::root() };
        merge(&mut self.node, &mut self.origin, node, written, &[], meeting);
    }

    /// Where the value at `path` was written. For a value that is not there, where it would be.
    pub fn written(&self, path: &JsonPath) -> Written {
        let (mut node, mut origin) = (&self.node, &self.origin);
        for (depth, step) in path.steps().iter().enumerate() {
            let own = match origin {
                Origin::Whole(own) | Origin::Parts(own, _) => own,
            };
            let index = match (origin, node, step) {
                (Origin::Parts(..), Node::Object(entries), Step::Key { name, nth }) => {
                    entries.iter().enumerate().filter(|(_, (key, _))| key == name).nth(*nth).map(|(index, _)| index)
                }
                (Origin::Parts(..), Node::Array(_), Step::Index(index)) => Some(*index),
                _ => None,
            };
            let next = match (origin, node, index) {
                (Origin::Parts(_, parts), Node::Object(entries), Some(index)) => {
                    entries.get(index).map(|(_, node)| node).zip(parts.get(index))
                }
                (Origin::Parts(_, parts), Node::Array(items), Some(index)) => items.get(index).zip(parts.get(index)),
                _ => None,
            };
            let Some(next) = next else {
                let rest = path.steps().iter().skip(depth).cloned();
                return Written {
                    document: own.document,
                    path: rest.fold(own.path.clone(), |path, step| path.step(step)),
                };
            };
            (node, origin) = next;
        }
        match origin {
            Origin::Whole(own) | Origin::Parts(own, _) => own.clone(),
        }
    }
}

fn merge(
    former: &mut Node,
    origin: &mut Origin,
    later: Node,
    written: Written,
    keys: &[&str],
    meeting: &impl Fn(&[&str], &Node, &Node) -> Meeting,
) {
    match (meeting(keys, former, &later), &mut *former, later) {
        (Meeting::Keep, ..) => {}
        (Meeting::Append, Node::Array(items), Node::Array(more)) => {
            let parts = origin.parts(|own| (0..items.len()).map(|index| own.path.index(index)).collect());
            for (index, item) in more.into_iter().enumerate() {
                items.push(item);
                parts.push(Origin::Whole(Written { document: written.document, path: written.path.index(index) }));
            }
        }
        (_, Node::Object(entries), Node::Object(more)) => merge_objects(entries, origin, more, &written, keys, meeting),
        (_, former, later) => {
            *former = later;
            *origin = Origin::Whole(written);
        }
    }
}

fn merge_objects(
    entries: &mut Vec<(String, Node)>,
    origin: &mut Origin,
    more: Vec<(String, Node)>,
    written: &Written,
    keys: &[&str],
    meeting: &impl Fn(&[&str], &Node, &Node) -> Meeting,
) {
    let own_keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let parts = origin.parts(|own| occurrences(&own_keys).map(|(key, nth)| own.path.nth_key(key, nth)).collect());
    let more_keys: Vec<String> = more.iter().map(|(key, _)| key.clone()).collect();
    for ((key, nth), node) in occurrences(&more_keys).zip(more.into_iter().map(|(_, node)| node)) {
        let written = Written { document: written.document, path: written.path.nth_key(key, nth) };
        // A key that one document has twice stays there twice, for the problem that it is.
        let there = entries.iter().position(|(former, _)| former == key).filter(|_| nth == 0 && !key.starts_with('#'));
        match there.and_then(|index| Some((&mut entries.get_mut(index)?.1, parts.get_mut(index)?))) {
            Some((former, origin)) => {
                let keys: Vec<&str> = keys.iter().copied().chain([key]).collect();
                merge(former, origin, node, written, &keys, meeting);
            }
            None => {
                entries.push((key.to_owned(), node));
                parts.push(Origin::Whole(written));
            }
        }
    }
}

/// Each key with how many equal ones are before it.
fn occurrences(keys: &[String]) -> impl Iterator<Item = (&str, usize)> {
    let mut seen = std::collections::BTreeMap::new();
    keys.iter().map(move |key| {
        let next = seen.entry(key.as_str()).or_insert(0);
        *next += 1;
        (key.as_str(), *next - 1)
    })
}

impl Origin {
    /// The places of the elements; `paths` gives them where all are from one document.
    fn parts(&mut self, paths: impl FnOnce(&Written) -> Vec<JsonPath>) -> &mut Vec<Origin> {
        if let Self::Whole(own) = self {
            let document = own.document;
            let parts = paths(own).into_iter().map(|path| Self::Whole(Written { document, path })).collect();
            *self = Self::Parts(own.clone(), parts);
        }
        match self {
            Self::Parts(_, parts) => parts,
            Self::Whole(_) => unreachable!("it was made of parts just now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Merged {
        let mut nodes = texts.iter().map(|text| Node::parse(text).unwrap());
        let mut merged = Merged::first(nodes.next().unwrap());
        for (index, node) in nodes.enumerate() {
            merged.add(index + 1, node, &|keys, _, _| {
                if keys.last() == Some(&"list") { Meeting::Append } else { Meeting::Merge }
            });
        }
        merged
    }

    fn written(merged: &Merged, path: &JsonPath) -> String {
        let Written { document, path } = merged.written(path);
        format!("{document}:{path}")
    }

    #[test]
    fn objects_are_merged_and_other_values_replaced() {
        let merged = merged(&[r#"{"a": {"x": 1, "y": [1]}, "b": 2}"#, r#"{"a": {"y": [2], "z": 3}}"#, r#"{"b": {}}"#]);
        assert_eq!(merged.node, Node::parse(r#"{"a": {"x": 1, "y": [2], "z": 3}, "b": {}}"#).unwrap());
        let root = JsonPath::root();
        let a = root.key("a");
        assert_eq!(written(&merged, &a.key("x")), "0:/a/x");
        assert_eq!(written(&merged, &a.key("y").index(0)), "1:/a/y/0");
        assert_eq!(written(&merged, &a.key("z")), "1:/a/z");
        assert_eq!(written(&merged, &root.key("b")), "2:/b");
        assert_eq!(written(&merged, &a), "0:/a");
    }

    #[test]
    fn appended_elements_are_found_under_the_numbers_of_their_own_document() {
        let merged = merged(&[r#"{"list": [1, 2]}"#, r#"{"list": [[3]]}"#, r#"{"list": [4, {"k": 5}]}"#]);
        assert_eq!(merged.node, Node::parse(r#"{"list": [1, 2, [3], 4, {"k": 5}]}"#).unwrap());
        let list = JsonPath::root().key("list");
        assert_eq!(written(&merged, &list.index(1)), "0:/list/1");
        assert_eq!(written(&merged, &list.index(2).index(0)), "1:/list/0/0");
        assert_eq!(written(&merged, &list.index(4).key("k")), "2:/list/1/k");
        assert_eq!(written(&merged, &list.index(9)), "0:/list/9");
    }

    #[test]
    fn a_key_that_one_document_has_twice_is_still_there_twice() {
        let merged = merged(&[r##"{"#": 1, "a": 1}"##, r##"{"a": 2, "a": 3, "#": 4}"##]);
        assert_eq!(merged.node, Node::parse(r##"{"#": 1, "a": 2, "a": 3, "#": 4}"##).unwrap());
        let second = JsonPath::root().nth_key("a", 1);
        assert_eq!(merged.written(&second), Written { document: 1, path: second });
    }
}
