//! Names as a terminal may see them.

/// `text` with control characters, and those that reorder or hide what follows, as `\u{…}`.
///
/// A name comes from whoever runs the directory service; an escape sequence in it would write to root's terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Unicode's line separators, and the format characters (category Cf) for direction and zero width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_reordering_characters_are_spelt_out() {
        assert_eq!(printable("a\u{1b}[31mb\n\t\u{7f}\u{9b}c"), r"a\u{1b}[31mb\u{a}\u{9}\u{7f}\u{9b}c");
        assert_eq!(printable("evil\u{202e}toor\u{200b}"), r"evil\u{202e}toor\u{200b}");
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["firefox-esr", "_apt", r"DOMAIN\alice", "jürgen", "名前"] {
            assert_eq!(printable(name), name);
        }
    }
}
