//! Whole files, as text.

use std::path::Path;

use galaf::config::Part;
use galaf_gen::input::{Input, InputError, Machine, resolved};
use galaf_gen::notices::notices;
use galaf_gen::render::{Artifacts, render};

use super::artifacts::assert_contained;
use super::places::assert_placed;

/// Between a file and its drop-ins, and between these: what RFC 7464 has between JSON texts.
pub const PART_SEPARATOR: char = '\u{1e}';
/// Accounts and resolv.conf of the machine that files are for.
const ETC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/etc");
/// 2027-01-15, in seconds since the epoch.
const NOW: i64 = 1_800_000_000;

/// A file and its drop-ins: every problem and notice has its place, and what is made of good ones says what they say and
/// nothing else.
pub fn files(text: &str) {
    let named = |(index, text): (usize, &str)| Part { name: format!("file{index}"), text: text.to_owned() };
    let parts: Vec<Part> = text.split(PART_SEPARATOR).enumerate().map(named).collect();
    if let Some((input, artifacts)) = made(&parts) {
        assert_contained(&input.policy, &artifacts);
    }
}

/// What `parts` become, if they are good.
pub(super) fn made(parts: &[Part]) -> Option<(Input, Artifacts)> {
    let machine = Machine { etc_dir: Path::new(ETC), state_dir: Path::new("/nonexistent") };
    let input = match resolved(parts.to_vec(), machine, NOW) {
        Ok(input) => input,
        Err(InputError::Bad { problems, .. }) => {
            assert!(!problems.is_empty(), "refused for no reason");
            assert_placed(&problems, parts);
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let told = input.notices.iter().cloned().chain(notices(&input.policy, NOW)).collect();
    assert_placed(&input.source.place(told), parts);
    assert_means_the_same_again(&input, machine);
    match render(&input.policy) {
        Ok(artifacts) => Some((input, artifacts)),
        Err(messages) => {
            assert_placed(&input.source.place(messages), parts);
            None
        }
    }
}

/// A rollback applies the merged text.
fn assert_means_the_same_again(input: &Input, machine: Machine<'_>) {
    let merged = Part { name: "merged".to_owned(), text: input.text.clone() };
    match resolved(vec![merged], machine, NOW) {
        Ok(again) => assert_eq!(again.policy, input.policy, "merged: {}", input.text),
        Err(error) => panic!("merged, it is refused: {error}\n{}", input.text),
    }
}
