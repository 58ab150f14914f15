//! Names of applications and users.

use std::fmt;

/// Longest name that shadow's `groupadd` takes (GROUP_NAME_MAX_LENGTH).
pub const MAX_LENGTH: usize = 32;

/// A name that is valid as a Unix group or user and, behind a prefix, as an nftables object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Checks `text`: 1 to 32 ASCII letters, digits, `_`, `-`, `.`, the first a letter or `_`.
    ///
    /// # Errors
    /// Says what is wrong with it, as the end of a sentence that begins with the name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if !(first.is_ascii_alphabetic() || first == '_') {
            return Err(NameError::First(first));
        }
        if let Some(c) = text.chars().find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
            return Err(NameError::Character(c));
        }
        if text.len() > MAX_LENGTH {
            return Err(NameError::Long(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// A name of this program's own, known to be one.
    #[cfg(feature = "config")]
    pub(crate) fn constant(text: &'static str) -> Self {
        debug_assert!(Self::new(text).is_ok());
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing in it.
    Empty,
    /// It begins with neither a letter nor `_`.
    First(char),
    /// It has a character that groups or nftables refuse.
    Character(char),
    /// It has this many characters.
    Long(usize),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::First(c) => write!(f, "begins with '{}', expected a letter or '_'", c.escape_debug()),
            Self::Character(c) => {
                write!(f, "has the character '{}', expected letters, digits, '_', '-', '.'", c.escape_debug())
            }
            Self::Long(n) => write!(f, "has {n} characters, at most {MAX_LENGTH} fit a group name"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_groups_are_taken() {
        for name in ["firefox-esr", "_apt", "systemd-timesync", "NDP6", "a", "x.y", &"a".repeat(32)] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_groupadd_or_nft_refuse_are_refused() {
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new("1app"), Err(NameError::First('1')));
        assert_eq!(Name::new("-app"), Err(NameError::First('-')));
        for bad in ["a b", "a:b", "äpp", "a/b", "a\nb", "a\"b", "a;b", "a{b"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::new(&"a".repeat(33)), Err(NameError::Long(33)));
    }
}
