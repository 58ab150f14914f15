//! The index file: a header line, then `NAME<TAB>JSON` lines sorted by name.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};

use super::LaunchEntry;
use super::entry::number;
use crate::fold::IdBase;
use crate::id::{GidRange, GroupId};
use crate::name::Name;

/// Changes when an older launcher could misread the file.
const VERSION: u32 = 1;
/// A line is read in pieces of this size; most fit one.
const PIECE: usize = 4096;
/// Far above any sensible entry: the kernel limits one argument to 128 KiB (execve(2)).
const MAX_LINE: usize = 1 << 20;

/// As `find` and `all` say it of a file that was cut off.
const UNENDED: IndexError = IndexError::Format("has a line without an end");

/// What holds for every application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the gids of applications lie.
    pub gid_range: GidRange,
    /// Containers whose sockets are marked as the container sees their ids.
    pub containers: Vec<IdBase>,
}

/// Why the index cannot be used.
#[derive(Debug)]
pub enum IndexError {
    /// Reading failed.
    Io(io::Error),
    /// Not an index, or of another version.
    Format(&'static str),
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => f.write_str(&crate::trust::text_of(error)),
            Self::Format(what) => write!(f, "{what}; root can make it anew with 'galaf-gen apply'"),
        }
    }
}

impl std::error::Error for IndexError {}

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The text of an index of `entries`.
pub fn compile(header: &Header, entries: &BTreeMap<Name, LaunchEntry>) -> String {
    let range = header.gid_range;
    let containers: Vec<u32> = header.containers.iter().map(|base| base.get()).collect();
    let mut text =
        json!({ "galaf": VERSION, "gid_range": [range.min.0, range.max.0], "containers": containers }).to_string();
    text.push('\n');
    for (name, entry) in entries {
        text.push_str(&format!("{name}\t{}\n", entry.to_json()));
    }
    text
}

/// An open index.
pub struct Index {
    file: File,
    /// Where the first entry begins, and where the file ends.
    body: (u64, u64),
    header: Header,
}

impl Index {
    /// Reads the header.
    ///
    /// # Errors
    /// If the file cannot be read or is not an index of this version.
    pub fn open(file: File) -> Result<Self, IndexError> {
        let end = file.metadata()?.len();
        let nothing = Header { gid_range: GidRange::DEFAULT, containers: Vec::new() };
        let mut index = Self { file, body: (0, end), header: nothing };
        let line = index.line_at(0)?;
        index.header = read_header(&line).ok_or(IndexError::Format("is not an index of this version"))?;
        index.body.0 = length(&line) + 1;
        Ok(index)
    }

    /// What holds for every application.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Finds an application by its exact name, in O(log n) reads.
    ///
    /// # Errors
    /// If the file cannot be read or a line is not an entry.
    pub fn find(&self, name: &str) -> Result<Option<LaunchEntry>, IndexError> {
        // Invariant: the entry, if there is one, begins in low..high; low is the start of a line.
        let (mut low, mut high) = self.body;
        while low < high {
            let middle = self.line_start(low, low + (high - low) / 2)?;
            let line = self.line_at(middle)?;
            let (found, json) = split(&line)?;
            match found.cmp(name) {
                std::cmp::Ordering::Equal => return parse(json).map(Some),
                std::cmp::Ordering::Less => low = middle + length(&line) + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// Every application, sorted by name.
    ///
    /// # Errors
    /// As [`Index::find`].
    pub fn all(&self) -> Result<Vec<(String, LaunchEntry)>, IndexError> {
        let mut bytes =
            vec![0; usize::try_from(self.body.1 - self.body.0).map_err(|_| IndexError::Format("is too large"))?];
        self.file.read_exact_at(&mut bytes, self.body.0)?;
        let text = String::from_utf8(bytes).map_err(|_| IndexError::Format("is not UTF-8"))?;
        if !(text.is_empty() || text.ends_with('\n')) {
            return Err(UNENDED);
        }
        text.split_terminator('\n')
            .map(|line| split(line).and_then(|(name, json)| Ok((name.to_owned(), parse(json)?))))
            .collect()
    }

    /// The start of the line that `at` lies in, not before `low`.
    fn line_start(&self, low: u64, at: u64) -> Result<u64, IndexError> {
        let mut end = at;
        while end > low {
            let start = end.saturating_sub(length_of(PIECE)).max(low);
            let piece = self.piece(start, end)?;
            if let Some(newline) = piece.iter().rposition(|&byte| byte == b'\n') {
                return Ok(start + length_of(newline) + 1);
            }
            end = start;
        }
        Ok(low)
    }

    /// The line that begins at `start`, without its end.
    fn line_at(&self, start: u64) -> Result<String, IndexError> {
        let mut line = Vec::new();
        let mut at = start;
        while at < self.body.1 && line.len() <= MAX_LINE {
            let piece = self.piece(at, (at + length_of(PIECE)).min(self.body.1))?;
            if let Some(newline) = piece.iter().position(|&byte| byte == b'\n') {
                line.extend_from_slice(&piece[..newline]);
                return String::from_utf8(line).map_err(|_| IndexError::Format("is not UTF-8"));
            }
            at += length_of(piece.len());
            line.extend(piece);
        }
        Err(UNENDED)
    }

    fn piece(&self, start: u64, end: u64) -> Result<Vec<u8>, IndexError> {
        let mut bytes = vec![0; usize::try_from(end - start).map_err(|_| IndexError::Format("is too large"))?];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

fn read_header(line: &str) -> Option<Header> {
    let value: Value = serde_json::from_str(line).ok()?;
    let [min, max] = value.get("gid_range")?.as_array()?.as_slice() else { return None };
    let containers = value.get("containers")?.as_array()?;
    let header = Header {
        gid_range: GidRange { min: GroupId(number(min)?), max: GroupId(number(max)?) },
        containers: containers.iter().map(|base| IdBase::new(number(base)?).ok()).collect::<Option<_>>()?,
    };
    (number(value.get("galaf")?)? == VERSION).then_some(header)
}

fn split(line: &str) -> Result<(&str, &str), IndexError> {
    line.split_once('\t').ok_or(IndexError::Format("has a line that is not an entry"))
}

fn parse(json: &str) -> Result<LaunchEntry, IndexError> {
    serde_json::from_str(json)
        .ok()
        .and_then(|value| LaunchEntry::from_json(&value))
        .ok_or(IndexError::Format("has an entry of another version"))
}

#[allow(clippy::as_conversions, reason = "no target of this crate has a usize wider than 64 bits")]
fn length_of(bytes: usize) -> u64 {
    bytes as u64
}

fn length(line: &str) -> u64 {
    length_of(line.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::id::UserId;

    fn entry(gid: u32) -> LaunchEntry {
        LaunchEntry {
            gid: GroupId(gid),
            execv: vec!["/usr/bin/x".into(), "…".into(), "tab\tand\nnewline".into()],
            users: gid.is_multiple_of(2).then(|| vec![UserId(1000)]),
            env: vec![("LANG".into(), "C".into())],
            keep_env: vec!["SHELL".into()],
            no_new_privileges: true,
            seccomp: gid.is_multiple_of(3),
            user_owned: false,
        }
    }

    fn index(text: &str) -> Result<Index, IndexError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Index::open(file)
    }

    fn header() -> Header {
        let containers = vec![IdBase::new(0x8_0000).unwrap()];
        Header { gid_range: GidRange { min: GroupId(30000), max: GroupId(30999) }, containers }
    }

    proptest! {
        #[test]
        fn every_application_is_found_and_no_other(names in proptest::collection::btree_set("[a-z][a-z0-9.-]{0,12}", 0..60), probe in "[a-z][a-z0-9.-]{0,12}") {
            let entries: BTreeMap<Name, LaunchEntry> = names.iter().zip(30000..).map(|(name, gid)| (Name::new(name).unwrap(), entry(gid))).collect();
            let index = index(&compile(&header(), &entries)).unwrap();
            prop_assert_eq!(index.header(), &header());
            for (name, entry) in &entries {
                let found = index.find(name.as_str()).unwrap();
                prop_assert_eq!(found.as_ref(), Some(entry));
            }
            prop_assert_eq!(index.find(&probe).unwrap().is_some(), names.contains(&probe));
            prop_assert_eq!(index.all().unwrap().len(), entries.len());
        }
    }

    #[test]
    fn an_entry_longer_than_one_read_is_found_beside_short_ones() {
        let mut entries: BTreeMap<Name, LaunchEntry> =
            ["a", "b", "c", "d"].iter().map(|n| (Name::new(n).unwrap(), entry(30000))).collect();
        for name in ["b", "c"] {
            entries.get_mut(name).unwrap().execv.push("x".repeat(3 * PIECE));
        }
        let index = index(&compile(&header(), &entries)).unwrap();
        for (name, entry) in &entries {
            assert_eq!(index.find(name.as_str()).unwrap().as_ref(), Some(entry));
        }
    }

    #[test]
    fn what_is_not_an_index_is_refused() {
        let version = r#"{"galaf":2,"gid_range":[1,2],"containers":[]}"#;
        for text in ["", "\n", "{}\n", "hello", &format!("{version}\n")] {
            assert!(matches!(index(text), Err(IndexError::Format(_))), "{text:?}");
        }
        let broken = index("{\"galaf\":1,\"gid_range\":[30000,30999],\"containers\":[]}\nx\t{\"gid\":1}\n").unwrap();
        assert!(matches!(broken.find("x"), Err(IndexError::Format(_))));
        let cut_off = compile(&header(), &BTreeMap::from([(Name::new("x").unwrap(), entry(30000))]));
        let cut_off = index(cut_off.trim_end()).unwrap();
        assert!(matches!(cut_off.find("x"), Err(IndexError::Format(_))));
        assert!(matches!(cut_off.all(), Err(IndexError::Format(_))));
    }

    #[test]
    fn further_arguments_go_where_the_placeholder_stands_and_nowhere_else() {
        let with = ["/bin/x".to_owned(), "…".into(), "end".into()];
        let further = ["1".to_owned(), "…".into()];
        assert_eq!(super::super::arguments(&with, &further).unwrap(), ["/bin/x", "1", "…", "end"]);
        assert_eq!(super::super::arguments::<String>(&with, &[]).unwrap(), ["/bin/x", "end"]);
        assert_eq!(super::super::arguments(&with[..1], &further), None);
    }
}
