//! What root granted: the index, and the application asked for.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use galaf::launch::{Index, LaunchEntry};
use galaf::paths;
use galaf::trust::{self, Untrusted};

use super::failure::Failure;

/// Opens the index if nobody but root can have written it.
///
/// Its path is a constant: an argument or variable would let the caller choose the groups.
pub(super) fn open() -> Result<Index, Failure> {
    let path = Path::new(paths::STATE_DIR).join(paths::LAUNCH_INDEX);
    let path = trust::check_file(&path).map_err(|error| match error {
        Untrusted::Io(_, error) if error.kind() == io::ErrorKind::NotFound => Failure::NoIndex,
        other => Failure::UntrustedIndex(other),
    })?;
    let file = File::open(path).map_err(Failure::ClosedIndex)?;
    Ok(Index::open(file)?)
}

/// The entry named exactly `name`.
pub(super) fn find(index: &Index, name: &OsStr) -> Result<LaunchEntry, Failure> {
    let found = name.to_str().map_or(Ok(None), |name| index.find(name))?;
    found.map_or_else(|| Err(unknown(index, name)), Ok)
}

fn unknown(index: &Index, name: &OsStr) -> Failure {
    let names = index.all().unwrap_or_default();
    let similar = name.to_str().and_then(|name| nearest(name, names.iter().map(|(name, _)| name.as_str())));
    Failure::Unknown(name.to_owned(), similar.map(str::to_owned))
}

/// The name fewest edits away, if that is at most a third of what was typed.
fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (distance(typed.as_bytes(), name.as_bytes()), name))
        .filter(|&(edits, _)| edits * 3 <= typed.len().max(3))
        .min()
        .map(|(_, name)| name)
}

/// Insertions, deletions and replacements that turn `a` into `b` (Levenshtein's distance).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_the_name_and_another_word_does_not() {
        let names = ["chromium", "firefox", "firefox-esr", "mutt"];
        let nearest = |typed| nearest(typed, names.into_iter());
        assert_eq!(nearest("firefix"), Some("firefox"));
        assert_eq!(nearest("firefoxesr"), Some("firefox-esr"));
        assert_eq!(nearest("mut"), Some("mutt"));
        assert_eq!(nearest("thunderbird"), None);
        assert_eq!(nearest("ls"), None);
    }
}
