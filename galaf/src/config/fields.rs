//! Reading objects and lists with every problem noted.

use super::at::At;
use super::problem::Report;
use super::suggest::did_you_mean;
use crate::json::Node;

/// An object's entries without comments, unknown and repeated keys.
pub(super) struct Fields<'n>(Vec<(&'n str, &'n Node)>);

/// A key that is a comment.
fn is_comment(key: &str) -> bool {
    key.starts_with('#')
}

impl<'n> Fields<'n> {
    /// The object's keys, which must be among `known`.
    pub(super) fn of(node: &'n Node, at: At<'_>, report: &mut Report, known: &[&str]) -> Self {
        let mut fields = Self::any(node, at, report);
        fields.0.retain(|&(key, _)| {
            let is_known = known.contains(&key);
            if !is_known {
                let hint = did_you_mean(key, known.iter().copied());
                let known = known.join("', '");
                report.problem(at.key(key), format!("unknown key '{}', expected '{known}'{hint}", key.escape_debug()));
            }
            is_known
        });
        fields
    }

    /// The object's keys, whatever they are called.
    pub(super) fn any(node: &'n Node, at: At<'_>, report: &mut Report) -> Self {
        let Node::Object(entries) = node else {
            report.problem(at, format!("is {}, expected an object", node.kind()));
            return Self(Vec::new());
        };
        let mut seen = std::collections::BTreeMap::new();
        let mut fields = Vec::new();
        for (key, value) in entries.iter().filter(|(key, _)| !is_comment(key)) {
            let nth = seen.entry(key.as_str()).and_modify(|n| *n += 1).or_insert(0usize);
            if *nth > 0 {
                report.problem(at.nth_key(key, *nth), format!("the key '{}' is there twice", key.escape_debug()));
            } else {
                fields.push((key.as_str(), value));
            }
        }
        Self(fields)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'n str, &'n Node)> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing but comments is there.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the value of `key` with `read`, if it is there.
    pub(super) fn read<T>(
        &self,
        key: &str,
        at: At<'_>,
        report: &mut Report,
        read: impl FnOnce(&'n Node, At<'_>, &mut Report) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|node| read(node, at.key(key), report))
    }
}

pub(super) fn boolean(node: &Node, at: At<'_>, report: &mut Report) -> Option<bool> {
    if let Node::Bool(value) = node {
        return Some(*value);
    }
    report.problem(at, format!("is {}, expected true or false", node.kind()));
    None
}

pub(super) fn text<'n>(node: &'n Node, at: At<'_>, report: &mut Report) -> Option<&'n str> {
    if let Node::String(value) = node {
        return Some(value);
    }
    report.problem(at, format!("is {}, expected a string", node.kind()));
    None
}

/// A whole number that fits an id.
pub(super) fn number(node: &Node, at: At<'_>, report: &mut Report) -> Option<u32> {
    if let Node::Number(number) = node
        && let Some(value) = number.as_u64().and_then(|n| u32::try_from(n).ok())
    {
        return Some(value);
    }
    let what = if let Node::Number(number) = node { number.to_string() } else { node.kind().to_owned() };
    report.problem(at, format!("is {what}, expected a whole number from 0 to {}", u32::MAX));
    None
}

/// Every element of an array that `read` accepts.
pub(super) fn list<'n, T>(
    node: &'n Node,
    at: At<'_>,
    report: &mut Report,
    what: &str,
    mut read: impl FnMut(&'n Node, At<'_>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let Node::Array(items) = node else {
        report.problem(at, format!("is {}, expected a list of {what}", node.kind()));
        return None;
    };
    Some(items.iter().enumerate().filter_map(|(index, item)| read(item, at.index(index), report)).collect())
}

/// Reads a string through `check`, whose error ends the sentence that begins with the string.
pub(super) fn checked<T, E: std::fmt::Display>(
    node: &Node,
    at: At<'_>,
    report: &mut Report,
    check: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = text(node, at, report)?;
    match check(text) {
        Ok(value) => Some(value),
        Err(error) => {
            report.problem(at, format!("'{}' {error}", text.escape_debug()));
            None
        }
    }
}
