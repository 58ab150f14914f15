//! Where in a document a value stands.

use std::fmt;

/// One step into an object or an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The `nth` occurrence (0 the first) of a key, since a key may be there twice.
    Key {
        /// The key.
        name: String,
        /// Which of several equal ones.
        nth: usize,
    },
    /// An element's place in its array, from 0.
    Index(usize),
}

/// The way from the document to a value; written as a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonPath(Vec<Step>);

impl JsonPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value of `key` below this one.
    pub fn key(&self, key: &str) -> Self {
        self.nth_key(key, 0)
    }

    /// The value of the `nth` occurrence of `key` below this one.
    pub fn nth_key(&self, key: &str, nth: usize) -> Self {
        self.step(Step::Key { name: key.to_owned(), nth })
    }

    /// The element `index` below this one.
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// One step further down.
    pub fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|step| match step {
            Step::Key { name, .. } => {
                write!(f, "/{}", name.replace('~', "~0").replace('/', "~1").escape_debug())
            }
            Step::Index(index) => write!(f, "/{index}"),
        })
    }
}
