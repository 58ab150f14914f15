//! What is in force, as the last apply left it, and what was before.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use galaf::paths::{DNSMASQ_CONF, LAUNCH_INDEX, RULESET};

use super::files::{self, Staged};
use super::place::Place;
use crate::diff::Former;

/// The configuration that is in force.
const APPLIED: &str = "applied.json";
/// The one before it.
const FORMER: &str = "former.json";
/// The one that was in force when an apply began that has not ended, empty if there was none: there while an apply is
/// under way, and after one that was killed, or that failed and could not be taken back.
const UNFINISHED: &str = "unfinished.json";

/// Reads the texts in `state_dir`; what is not there is nothing.
pub fn read(state_dir: &Path) -> Former {
    let text = |name: &str| fs::read_to_string(state_dir.join(name)).ok();
    Former {
        ruleset: text(RULESET).unwrap_or_default(),
        dnsmasq: Place::all(state_dir).iter().find_map(|place| fs::read_to_string(&place.conf).ok()),
        launch_index: text(LAUNCH_INDEX).unwrap_or_default(),
    }
}

/// Where the configuration is that a rollback returns to, if there is one: of an apply that did not end, what was in
/// force when it began; otherwise the one before the present.
pub fn former_path(state_dir: &Path) -> Option<PathBuf> {
    let unfinished = state_dir.join(UNFINISHED);
    let path = match fs::metadata(&unfinished) {
        Ok(metadata) if metadata.len() == 0 => return None,
        Ok(_) => unfinished,
        Err(_) => state_dir.join(FORMER),
    };
    Some(path).filter(|path| path.exists())
}

/// Whether an apply is under way or did not end. The kernel may have the rules of either file then, and the resolver
/// may not have been told.
pub fn is_unfinished(state_dir: &Path) -> bool {
    state_dir.join(UNFINISHED).exists()
}

/// Where the configuration that is in force is.
pub fn applied_path(state_dir: &Path) -> PathBuf {
    state_dir.join(APPLIED)
}

/// The configuration that is in force.
///
/// # Errors
/// If it cannot be read.
pub fn applied(state_dir: &Path) -> Result<Option<String>> {
    let path = applied_path(state_dir);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    }
}

/// An apply under way, and the notes that it will leave, on disk already.
pub struct Journal {
    former: Option<Staged>,
    applied: Staged,
    unfinished: PathBuf,
    /// It took over from one that did not end.
    resumes: bool,
}

impl Journal {
    /// Notes that `text` is about to be put into force.
    ///
    /// # Errors
    /// If a file cannot be read or written; nothing is noted then.
    pub fn begin(state_dir: &Path, text: &str) -> Result<Self> {
        let present = applied(state_dir)?;
        let has_changed = present.as_deref() != Some(text);
        let former = present.as_ref().filter(|_| has_changed);
        let former = former.map(|present| Staged::new(&state_dir.join(FORMER), present)).transpose()?;
        let applied = Staged::new(&state_dir.join(APPLIED), text)?;
        let unfinished = state_dir.join(UNFINISHED);
        let resumes = is_unfinished(state_dir);
        if !resumes {
            files::replace(&unfinished, present.as_deref().unwrap_or_default())?;
        }
        Ok(Self { former, applied, unfinished, resumes })
    }

    /// Whether the one before did not end.
    pub const fn resumes(&self) -> bool {
        self.resumes
    }

    /// Nothing was changed.
    ///
    /// # Errors
    /// If the note cannot be removed.
    pub fn abandon(self) -> Result<()> {
        if self.resumes { Ok(()) } else { files::remove(&self.unfinished) }
    }

    /// It is in force now. What was in force becomes the former one; after a rollback, too, so that two rollbacks lead
    /// back to where they began.
    ///
    /// # Errors
    /// If a file cannot be renamed or removed.
    pub fn end(self) -> Result<()> {
        self.former.map(Staged::commit).transpose()?;
        self.applied.commit()?;
        files::remove(&self.unfinished)
    }
}

/// Forgets everything that is in force, but for what lies outside the folder: there is no firewall.
///
/// # Errors
/// If a file cannot be removed.
pub fn forget(state_dir: &Path) -> Result<()> {
    [RULESET, DNSMASQ_CONF, LAUNCH_INDEX, APPLIED, UNFINISHED]
        .iter()
        .try_for_each(|name| files::remove(&state_dir.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct State(tempfile::TempDir);

    impl State {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn begin(&self, text: &str) -> Journal {
            Journal::begin(self.0.path(), text).unwrap()
        }

        /// What a rollback returns to.
        fn way_back(&self) -> Option<String> {
            former_path(self.0.path()).map(|path| fs::read_to_string(path).unwrap())
        }
    }

    #[test]
    fn the_way_back_leads_to_what_was_in_force_whenever_an_apply_is_cut_off() {
        let state = State::new();
        state.begin("one").end().unwrap();
        assert_eq!(state.way_back(), None);
        // Cut off: nothing is said of an end.
        drop(state.begin("two"));
        assert!(is_unfinished(state.0.path()));
        assert_eq!(state.way_back().as_deref(), Some("one"));
        drop(state.begin("three"));
        assert_eq!(state.way_back().as_deref(), Some("one"));
        let again = state.begin("two");
        assert!(again.resumes());
        again.end().unwrap();
        assert!(!is_unfinished(state.0.path()));
        assert_eq!(state.way_back().as_deref(), Some("one"));
        assert_eq!(applied(state.0.path()).unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn after_a_first_apply_that_is_cut_off_there_is_nothing_to_return_to() {
        let state = State::new();
        drop(state.begin("one"));
        assert_eq!(state.way_back(), None);
    }

    #[test]
    fn the_same_text_again_does_not_lose_the_way_back() {
        let state = State::new();
        for text in ["one", "two", "two"] {
            state.begin(text).end().unwrap();
        }
        assert_eq!(state.way_back().as_deref(), Some("one"));
    }

    #[test]
    fn an_apply_that_changes_nothing_leaves_no_trace_and_no_doubt_of_an_earlier_one_is_forgotten() {
        let state = State::new();
        state.begin("one").end().unwrap();
        state.begin("two").abandon().unwrap();
        assert!(!is_unfinished(state.0.path()));
        drop(state.begin("three"));
        state.begin("two").abandon().unwrap();
        assert!(is_unfinished(state.0.path()));
    }
}
