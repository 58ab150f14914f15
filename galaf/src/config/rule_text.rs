//! nftables match text written by the administrator.
//!
//! The text is put between our own matches and our own verdict, so it must not end the rule, hide
//! its end behind a comment, or carry a verdict or statement of its own. What it matches is nft's to judge.

use std::fmt;

/// One rule's matches, in nft syntax (nft(8), EXPRESSIONS); empty is "no further condition".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText(String);

/// Why a text is not one rule's matches; ends a sentence that begins with the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTextError {
    /// A character that has no place in a match.
    Character(char),
    /// Brackets or quotes do not pair.
    Unbalanced(char),
    /// A word that is a verdict or a statement.
    Word(String),
    /// A reference to a set of the table.
    Set,
    /// It begins with this, which would be applied to the match before it: `-ipv6` after our own
    /// `meta nfproto ipv4` speaks for both families.
    Operator(String),
}

impl fmt::Display for RuleTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => {
                write!(f, "has the character '{}', expected the matches of one nftables rule", c.escape_debug())
            }
            Self::Unbalanced(c) => write!(f, "has a '{c}' without its counterpart"),
            Self::Word(word) => write!(f, "has the word '{word}', expected matches only: galaf adds the verdict"),
            Self::Set => f.write_str("refers to a set with '@'; only raw payload (@th,…  @nh,…  @ih,…) can be used"),
            Self::Operator(word) => {
                write!(f, "begins with '{word}', expected a match to begin with, as in 'tcp dport 443'")
            }
        }
    }
}

/// Verdicts, and statements that act instead of matching (nft(8), STATEMENTS). `limit` matches.
const STATEMENTS: &[&str] = &[
    "accept",
    "drop",
    "reject",
    "queue",
    "continue",
    "return",
    "jump",
    "goto",
    "vmap",
    "map",
    "set",
    "add",
    "update",
    "delete",
    "destroy",
    "insert",
    "replace",
    "create",
    "flush",
    "log",
    "counter",
    "quota",
    "comment",
    "notrack",
    "dup",
    "fwd",
    "masquerade",
    "snat",
    "dnat",
    "redirect",
    "tproxy",
    "synproxy",
    "flow",
    "meter",
    "xt",
    "include",
    "define",
    "undefine",
    "redefine",
    "table",
    "chain",
    "reset",
    "list",
    "monitor",
];

/// Operators that are words. What else is an operator has no letter.
const OPERATORS: [&str; 5] = ["and", "or", "xor", "lshift", "rshift"];

impl RuleText {
    /// Checks `text` and removes white space around it.
    ///
    /// # Errors
    /// The first thing that is not part of a match.
    pub fn new(text: &str) -> Result<Self, RuleTextError> {
        let text = text.trim_matches(' ');
        let mut open = Vec::new();
        let mut word = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => {
                    word.push(c);
                    continue;
                }
                '"' => skip_string(&mut chars)?,
                '{' | '(' | '[' => open.push(c),
                '}' | ')' | ']' => {
                    if open.pop() != Some(counterpart(c)) {
                        return Err(RuleTextError::Unbalanced(c));
                    }
                }
                '@' if !is_raw_payload(chars.as_str()) => return Err(RuleTextError::Set),
                ' ' | '@' | ',' | '.' | ':' | '/' | '!' | '=' | '<' | '>' | '&' | '|' | '^' | '*' | '+' => {}
                other => return Err(RuleTextError::Character(other)),
            }
            check_word(&mut word)?;
        }
        check_word(&mut word)?;
        match open.pop() {
            Some(c) => Err(RuleTextError::Unbalanced(c)),
            None => check_beginning(text).map(|()| Self(text.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_beginning(text: &str) -> Result<(), RuleTextError> {
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    match text.chars().next() {
        Some(_) if OPERATORS.contains(&first) => Err(RuleTextError::Operator(first.to_owned())),
        Some(c) if !(c.is_ascii_alphabetic() || c == '@') => Err(RuleTextError::Operator(c.to_string())),
        Some(_) | None => Ok(()),
    }
}

fn check_word(word: &mut String) -> Result<(), RuleTextError> {
    let found = std::mem::take(word);
    if STATEMENTS.contains(&found.as_str()) { Err(RuleTextError::Word(found)) } else { Ok(()) }
}

/// nft has no escapes in strings, so a string ends at the next quote.
fn skip_string(chars: &mut std::str::Chars<'_>) -> Result<(), RuleTextError> {
    for c in chars {
        match c {
            '"' => return Ok(()),
            c if c.is_ascii_graphic() && c != '\\' || c == ' ' => {}
            other => return Err(RuleTextError::Character(other)),
        }
    }
    Err(RuleTextError::Unbalanced('"'))
}

const fn counterpart(close: char) -> char {
    match close {
        '}' => '{',
        ')' => '(',
        _ => '[',
    }
}

fn is_raw_payload(after: &str) -> bool {
    ["th,", "nh,", "ih,"].iter().any(|base| after.starts_with(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_that_people_write_are_taken() {
        for text in [
            "",
            "tcp dport { 465, 993 }",
            "ip daddr 192.168.1.1 meta l4proto {tcp, udp} @th,16,16 53",
            "icmp type echo-request",
            "oifname \"wlp3s0\" tcp dport 1-1023",
            "tcp flags & (fin|syn) == syn",
            "ip daddr != 10.0.0.0/8 limit rate 10/second burst 5 packets",
            "ip6 daddr { 2001:db8::/32, fe80::1 } udp dport 123",
            "udp dport 123 ",
        ] {
            assert_eq!(RuleText::new(text).unwrap().as_str(), text.trim());
        }
    }

    #[test]
    fn what_would_end_or_change_the_rule_is_refused() {
        use RuleTextError::{Character, Operator, Set, Unbalanced, Word};
        for (text, error) in [
            ("tcp dport 1; accept", Character(';')),
            ("tcp dport 1\naccept", Character('\n')),
            ("tcp dport 1 # the verdict is gone", Character('#')),
            ("tcp dport 1 \\", Character('\\')),
            ("tcp dport $p", Character('$')),
            ("tcp dport `x`", Character('`')),
            ("tcp dport 1\t", Character('\t')),
            ("tcp dport 1 accept", Word("accept".into())),
            ("tcp dport vmap { 1 : drop }", Word("vmap".into())),
            ("meta mark set 1", Word("set".into())),
            ("log", Word("log".into())),
            ("ip daddr @app_other_dns4", Set),
            ("update @x { ip daddr }", Word("update".into())),
            ("tcp dport { 1, 2", Unbalanced('{')),
            ("tcp dport 1 }", Unbalanced('}')),
            ("tcp dport { 1 ) }", Unbalanced(')')),
            ("oifname \"x", Unbalanced('"')),
            ("oifname \"x\u{1b}\"", Character('\u{1b}')),
            ("tcp dport ４４３", Character('４')),
            // nft takes each of these after `meta nfproto ipv4`, and lets IPv6 through.
            ("-ipv6", Operator("-".into())),
            (" - ipv6", Operator("-".into())),
            ("| 8", Operator("|".into())),
            ("^ 8 tcp dport 1", Operator("^".into())),
            ("or 8", Operator("or".into())),
            ("xor(8)", Operator("xor".into())),
            ("or\"8\"", Operator("or".into())),
        ] {
            assert_eq!(RuleText::new(text), Err(error), "{text:?}");
        }
    }
}
