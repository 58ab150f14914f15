//! The words for whom a row is about, and what they mean.

use crate::model::{Identity, Label};
use galaf::printable::printable;

/// The cell's text.
pub(super) fn text(label: &Label) -> String {
    match label {
        Label::Name(name) => printable(name),
        Label::Number(id) => id.to_string(),
        Label::None => "-".to_owned(),
        Label::Unmarked => "(unmarked)".to_owned(),
        Label::Other => "(other)".to_owned(),
        Label::Any => "(any)".to_owned(),
        Label::Reserved(value) => format!("({value:#06x})"),
    }
}

/// Explains the special words that `rows` use, each once.
pub(super) fn footnotes<'a>(rows: impl Iterator<Item = &'a Identity>) -> Vec<&'static str> {
    let mut used = [false; NOTES.len()];
    for label in rows.flat_map(|who| [&who.user, &who.application]) {
        if let Some(note) = note(label) {
            used[note] = true;
        }
    }
    NOTES.into_iter().zip(used).filter_map(|(note, used)| used.then_some(note)).collect()
}

const NOTES: [&str; 4] = [
    "(unmarked): no mark; a packet of the kernel, or of a socket older than the mark program",
    "(other): an id that does not fit into a mark",
    "(any): not recorded; the mark was set by nftables, which knows one of the two ids",
    "(0x...): a value that this version does not know",
];

fn note(label: &Label) -> Option<usize> {
    match label {
        Label::Name(_) | Label::Number(_) | Label::None => None,
        Label::Unmarked => Some(0),
        Label::Other => Some(1),
        Label::Any => Some(2),
        Label::Reserved(_) => Some(3),
    }
}
