//! The files that a configuration is written in, merged.

use super::problem::{Problem, Problems};
use crate::json::{JsonPath, Meeting, Merged, Node, Position, Step, locate};

/// One file: its name as it is shown, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A document of one file or of several, in which every value knows where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    parts: Vec<Part>,
    merged: Merged,
}

impl Source {
    /// Merges `parts` in their order; none at all is an empty document.
    ///
    /// Objects are merged key by key. `inbound` and the lists [`LISTS`] of an entry are put one behind the other. Of other values the
    /// later one counts, but `null` for an entry takes nothing from one that is there: it only says that it exists.
    ///
    /// # Errors
    /// Every file that is not JSON, or not an object where several are merged.
    pub fn merge(parts: Vec<Part>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        // Of a file alone, the reading says what it should be.
        let is_alone = parts.len() == 1;
        let mut merged: Option<Merged> = None;
        for (index, part) in parts.iter().enumerate() {
            match Node::parse(&part.text) {
                Ok(node) if !is_alone && !matches!(node, Node::Object(_)) => problems.push(not_an_object(part, &node)),
                Ok(node) => match &mut merged {
                    Some(merged) => merged.add(index, node, &meeting),
                    None => merged = Some(Merged::first(node)),
                },
                Err(error) => problems.push(Problem::syntax(&part.name, &part.text, &error)),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let merged = merged.unwrap_or_else(|| Merged::first(Node::Object(Vec::new())));
        Ok(Self { parts, merged })
    }

    /// The merged document.
    pub fn document(&self) -> &Node {
        &self.merged.node
    }

    /// The value at `path`, if there is one.
    pub fn value(&self, path: &JsonPath) -> Option<&Node> {
        path.steps().iter().try_fold(self.document(), |node, step| match (node, step) {
            (Node::Object(entries), Step::Key { name, nth }) => {
                entries.iter().filter(|(key, _)| key == name).nth(*nth).map(|(_, value)| value)
            }
            (Node::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// A text that says the same: that of the only file, or a new one.
    pub fn to_text(&self) -> String {
        match self.parts.as_slice() {
            [only] => only.text.clone(),
            _ => format!("{:#}\n", self.merged.node),
        }
    }

    /// How a person is told of it.
    pub fn described(&self) -> String {
        described(&self.parts)
    }

    /// The name of the file that the value at `path` was written in, and where in it.
    pub fn locate(&self, path: &JsonPath) -> Option<(&str, Position)> {
        let written = self.merged.written(path);
        let part = self.parts.get(written.document)?;
        Some((&part.name, locate(&part.text, &[&written.path]).pop().flatten()?))
    }

    /// Gives each message its file and place, in the order of the files.
    pub fn place(&self, messages: Vec<(JsonPath, String)>) -> Problems {
        let mut by_part: Vec<Vec<(JsonPath, String)>> = vec![Vec::new(); self.parts.len()];
        for (path, message) in messages {
            let written = self.merged.written(&path);
            if let Some(part) = by_part.get_mut(written.document) {
                part.push((written.path, message));
            }
        }
        Problems(self.parts.iter().zip(by_part).flat_map(|(part, messages)| placed(part, messages)).collect())
    }
}

/// Messages about values of one file, in its order.
fn placed(part: &Part, messages: Vec<(JsonPath, String)>) -> Vec<Problem> {
    let paths: Vec<&JsonPath> = messages.iter().map(|(path, _)| path).collect();
    let positions = locate(&part.text, &paths);
    let lines: Vec<&str> = part.text.lines().collect();
    let mut problems: Vec<Problem> = positions
        .into_iter()
        .zip(messages)
        .map(|(position, (path, message))| {
            let position = position.unwrap_or(Position::START);
            let line = lines.get(position.line - 1).copied().unwrap_or_default();
            Problem::new(&part.name, line, position, Some(path), message)
        })
        .collect();
    problems.sort_by_key(|problem| problem.position);
    problems
}

/// `'FILE'`, or `'FILE' with N drop-ins`.
pub fn described(parts: &[Part]) -> String {
    let name = parts.first().map(|part| part.name.as_str()).unwrap_or_default();
    match parts.len().saturating_sub(1) {
        0 => format!("'{name}'"),
        1 => format!("'{name}' with 1 drop-in"),
        more => format!("'{name}' with {more} drop-ins"),
    }
}

/// Lists of an entry that files add to.
pub const LISTS: [&str; 2] = ["allow", "deny"];

fn meeting(keys: &[&str], former: &Node, later: &Node) -> Meeting {
    match (keys, former, later) {
        (["users" | "groups", _, list], ..) if LISTS.contains(list) => Meeting::Append,
        (["inbound"], ..) => Meeting::Append,
        (["users" | "groups", _], former, Node::Null) if *former != Node::Null => Meeting::Keep,
        _ => Meeting::Merge,
    }
}

fn not_an_object(part: &Part, node: &Node) -> Problem {
    let message = format!("is {}, expected an object", node.kind());
    let mut problems = placed(part, vec![(JsonPath::root(), message)]);
    problems.remove(0)
}
