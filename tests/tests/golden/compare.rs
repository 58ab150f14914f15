//! What is against what was expected, or, when asked, in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Gathers every difference, so that one run shows them all.
#[derive(Default)]
pub(crate) struct Comparison {
    differences: String,
    written: Vec<String>,
}

impl Comparison {
    /// A text that has no file if it is empty.
    pub(crate) fn text(&mut self, path: &Path, found: &str) {
        self.file(path, (!found.is_empty()).then_some(found));
    }

    /// Every file of a folder.
    pub(crate) fn files(&mut self, dir: &Path, found: &BTreeMap<String, String>) {
        let expected = read_folder(dir);
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        for name in names {
            self.file(&dir.join(name), found.get(name).map(String::as_str));
        }
    }

    /// One file, or none.
    fn file(&mut self, path: &Path, found: Option<&str>) {
        let expected = fs::read_to_string(path).ok();
        if expected.as_deref() == found {
            return;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            match found {
                Some(text) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text).unwrap();
                }
                None => fs::remove_file(path).unwrap(),
            }
            self.written.push(path.display().to_string());
            return;
        }
        let what = match (&expected, found) {
            (None, _) => " is made and not expected",
            (_, None) => " is expected and not made",
            _ => ":",
        };
        writeln!(self.differences, "{}{what}", path.display()).unwrap();
        self.lines(expected.as_deref().unwrap_or_default(), found.unwrap_or_default());
    }

    /// The first lines that differ.
    fn lines(&mut self, expected: &str, found: &str) {
        const SHOWN: usize = 10;
        let (mut expected, mut found) = (expected.split('\n'), found.split('\n'));
        let pairs = std::iter::from_fn(|| match (expected.next(), found.next()) {
            (None, None) => None,
            pair => Some(pair),
        });
        for (number, (old, new)) in pairs.enumerate().filter(|(_, (old, new))| old != new).take(SHOWN) {
            for (sign, line) in [('-', old), ('+', new)] {
                if let Some(line) = line {
                    writeln!(self.differences, "{:>5} {sign}{line}", number + 1).unwrap();
                }
            }
        }
    }

    /// Fails if anything differs or was written.
    pub(crate) fn finish(self) {
        assert!(
            self.written.is_empty(),
            "written, look at 'git diff' and run again without UPDATE_GOLDEN:\n{}",
            self.written.join("\n")
        );
        assert!(self.differences.is_empty(), "-expected, +found:\n{}", self.differences);
    }
}

/// The files of a folder by name; none if it is not there.
pub(crate) fn read_folder(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}
