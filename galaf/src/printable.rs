//! Text that came from elsewhere, made safe for a terminal.

use std::ffi::OsStr;

/// Control and format characters become escapes, so that no name can move the cursor or turn the direction of
/// what is read. Quotation marks stay.
pub fn printable(text: impl AsRef<OsStr>) -> String {
    let mut escaped = String::new();
    for c in text.as_ref().to_string_lossy().chars() {
        match c {
            '\'' | '"' => escaped.push(c),
            _ => escaped.extend(c.escape_debug()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\n"), "a\\u{1b}]0;x\\u{7}\\n");
        assert_eq!(printable("evil\u{202e}gnp"), "evil\\u{202e}gnp");
        assert_eq!(printable("C1 \u{9b}31m"), "C1 \\u{9b}31m");
    }

    #[test]
    fn ordinary_names_stay_readable() {
        for name in ["/opt/Zürich \"x\" it's", "firefox-esr", "jürgen", "名前"] {
            assert_eq!(printable(name), name);
        }
    }
}
