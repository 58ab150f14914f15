//! Domain names.

use std::fmt;

use super::at::At;
use super::problem::Report;

/// A domain name in lower case, without its final dot; its subdomains are meant too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// Tells of a name that stands in the file in another form than it is asked for in.
pub(super) fn tell_ascii_form(text: &str, domain: &Domain, at: At<'_>, report: &mut Report) {
    if !text.is_ascii() {
        report.notice(at, format!("'{}' is asked for as '{domain}'", text.escape_debug()));
    }
}

/// Why a text is not a [`Domain`]; ends a sentence that begins with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainError {
    /// Nothing in it.
    Empty,
    /// It begins with `.` or `*.`.
    Wildcard,
    /// It is an IP address.
    Address,
    /// A label is empty or longer than 63 characters, or begins or ends with `-` (RFC 1035 section 2.3.1).
    Label,
    /// It has a character that names on the wire do not.
    Character(char),
    /// It has characters beside ASCII, and no ASCII form.
    International,
    /// It is longer than 253 characters (RFC 1035 section 2.3.4).
    Long,
    /// It has one label only; dnsmasq's allowlist takes no such pattern.
    Single,
    /// Its last label is a number, as that of an address.
    Number,
    /// It ends in `.local`, which is for multicast DNS (RFC 6762 section 3).
    Multicast,
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty, expected a domain name"),
            Self::Wildcard => f.write_str(
                "begins with a wildcard; a name includes its subdomains, leave out what is before the first label",
            ),
            Self::Address => {
                f.write_str("is an address, expected a domain name; addresses go into 'rule' (ip daddr …)")
            }
            Self::Label => {
                f.write_str("has a label that is empty, longer than 63 characters, or begins or ends with '-'")
            }
            Self::Character(c) => {
                write!(f, "has the character '{}', expected letters, digits, '-' and '.'", c.escape_debug())
            }
            Self::International => f.write_str("has characters that no international name has (UTS #46)"),
            Self::Long => f.write_str("is longer than 253 characters"),
            Self::Single => f.write_str("has one label only, expected at least two, as in 'example.com'"),
            Self::Number => f.write_str("ends in a number, expected a domain name"),
            Self::Multicast => f.write_str("ends in '.local', which is asked by multicast and never of the resolver"),
        }
    }
}

impl Domain {
    /// Checks and normalises a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, DomainError> {
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        // Converted first, since what looks like other characters can become dots and digits.
        let ascii = if text.is_ascii() { None } else { Some(Self::ascii_form(text)?) };
        let text = ascii.as_deref().unwrap_or(text);
        if text.starts_with('.') || text.starts_with('*') {
            return Err(DomainError::Wildcard);
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(DomainError::Address);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if let Some(c) = name.chars().find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))) {
            return Err(DomainError::Character(c));
        }
        if name
            .split('.')
            .any(|label| label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-'))
        {
            return Err(DomainError::Label);
        }
        if name.len() > 253 {
            return Err(DomainError::Long);
        }
        match name.rsplit_once('.') {
            None => Err(DomainError::Single),
            Some((_, "local")) => Err(DomainError::Multicast),
            Some((_, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) => Err(DomainError::Number),
            Some(_) => Ok(Self(name)),
        }
    }

    fn ascii_form(text: &str) -> Result<String, DomainError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        idna::domain_to_ascii_strict(name).map_err(|_| DomainError::International)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name's parents, nearest first: `a.b.c` has `b.c` and `c`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |name| name.split_once('.').map(|(_, parent)| parent)).skip(1)
    }
}

impl std::borrow::Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(Domain::new("Deb.Example.ORG.").unwrap().as_str(), "deb.example.org");
    }

    #[test]
    fn an_international_name_becomes_its_ascii_form() {
        for text in ["bücher.test", "BÜCHER.Test", "bu\u{308}cher.test.", "bücher。test"] {
            assert_eq!(Domain::new(text).unwrap().as_str(), "xn--bcher-kva.test", "{text:?}");
        }
        assert_eq!(Domain::new("straße.test").unwrap().as_str(), "xn--strae-oqa.test");
    }

    #[test]
    fn what_is_not_a_name_is_refused_for_its_reason() {
        for (text, error) in [
            ("", DomainError::Empty),
            ("*.example.test", DomainError::Wildcard),
            (".example.test", DomainError::Wildcard),
            ("192.0.2.1", DomainError::Address),
            ("2001:db8::1", DomainError::Address),
            ("a..b", DomainError::Label),
            ("-a.test", DomainError::Label),
            ("a/4#inet#filter#x", DomainError::Character('/')),
            ("a,b", DomainError::Character(',')),
            ("a\nserver=192.0.2.1", DomainError::Character('\n')),
            ("bü/cher.test", DomainError::International),
            ("bü\u{202e}cher.test", DomainError::International),
            ("１９２.0.2.1", DomainError::Address),
            ("＊.bücher.test", DomainError::International),
            ("bücher", DomainError::Single),
            ("_imaps._tcp.example.test", DomainError::Character('_')),
            ("localhost", DomainError::Single),
            ("printer.local", DomainError::Multicast),
            ("1.2.3.4.5", DomainError::Number),
        ] {
            assert_eq!(Domain::new(text), Err(error), "{text:?}");
        }
        assert_eq!(Domain::new(&"a.".repeat(127)).unwrap().as_str().len(), 253);
        assert_eq!(Domain::new(&"ab.".repeat(86)), Err(DomainError::Long));
    }

    #[test]
    fn parents_are_listed_nearest_first() {
        let name = Domain::new("a.b.c").unwrap();
        assert_eq!(name.parents().collect::<Vec<_>>(), ["b.c", "c"]);
    }
}
