//! A path on the stack: costs nothing until a problem needs it.

use crate::json::{JsonPath, Step};

#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Key { parent: &'a At<'a>, name: &'a str, nth: usize },
    Index { parent: &'a At<'a>, index: usize },
}

impl<'a> At<'a> {
    pub(super) const ROOT: At<'static> = At::Root;

    pub(super) fn key(&'a self, name: &'a str) -> At<'a> {
        At::Key { parent: self, name, nth: 0 }
    }

    pub(super) fn nth_key(&'a self, name: &'a str, nth: usize) -> At<'a> {
        At::Key { parent: self, name, nth }
    }

    pub(super) fn index(&'a self, index: usize) -> At<'a> {
        At::Index { parent: self, index }
    }

    pub(super) fn to_path(self) -> JsonPath {
        match self {
            At::Root => JsonPath::root(),
            At::Key { parent, name, nth } => parent.to_path().step(Step::Key { name: name.to_owned(), nth }),
            At::Index { parent, index } => parent.to_path().index(index),
        }
    }
}
