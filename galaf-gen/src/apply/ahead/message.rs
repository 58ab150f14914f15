//! Messages of DNS (RFC 1035 section 4).

use galaf::config::{Domain, Family};

/// Bytes before the first section.
pub(super) const HEADER: usize = 12;
/// In the third byte: this is an answer.
const ANSWER: u8 = 0x80;
/// In the fourth byte: what became of it.
const CODE: u8 = 0x0f;
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;
/// Recursion is desired.
const FLAGS: u16 = 0x0100;
const CLASS_IN: u16 = 1;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// A question for the addresses of `name`.
pub(super) fn question(id: u16, name: &Domain, family: Family) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + name.as_str().len() + 6);
    for number in [id, FLAGS, 1, 0, 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    for label in name.as_str().split('.') {
        // A label of a Domain has at most 63 bytes.
        bytes.extend(u8::try_from(label.len()));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    let kind = match family {
        Family::Ipv4 => TYPE_A,
        Family::Ipv6 => TYPE_AAAA,
    };
    bytes.extend(kind.to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    bytes
}

/// The id of the question that `message` answers, and whether the server could find out; `None` if it is no answer. Its
/// first bytes are enough.
pub(super) fn answered(message: &[u8]) -> Option<(u16, bool)> {
    let &[high, low, flags, more_flags, ..] = message else { return None };
    let id = u16::from_be_bytes([high, low]);
    (flags & ANSWER != 0).then_some((id, matches!(more_flags & CODE, NO_ERROR | NO_SUCH_NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_form_of_the_standard() {
        let asked = question(0x0102, &Domain::new("www.a.test").unwrap(), Family::Ipv6);
        assert_eq!(asked, b"\x01\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x01a\x04test\x00\x00\x1c\x00\x01");
        assert_eq!(question(0, &Domain::new("a.test").unwrap(), Family::Ipv4)[20..], [0, 1, 0, 1]);
    }

    #[test]
    fn only_an_answer_counts_as_one() {
        let mut message = question(0x0102, &Domain::new("a.test").unwrap(), Family::Ipv4);
        assert_eq!(answered(&message), None);
        message[2] |= ANSWER;
        assert_eq!(answered(&message), Some((0x0102, true)));
        message[3] = 0x82;
        assert_eq!(answered(&message), Some((0x0102, false)), "the server failed");
        assert_eq!(answered(&message[..3]), None);
    }
}
