//! Which of the caller's variables an application sees.
//!
//! A list of what passes, since nobody can list every variable of every interpreter, loader and toolkit that
//! names code to run. What a variable on this list says may choose a language, a screen or a folder of the
//! caller's own files; it may not name code. HOME stays though programs read settings below it: the caller can
//! write those files as well.

mod allowed;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use nix::sys::prctl;

pub(super) type Variables = BTreeMap<OsString, OsString>;

/// Folders that belong to root everywhere; a caller's PATH may begin anywhere.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What becomes of the caller's variables.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// What the application gets.
    pub(super) variables: Variables,
    /// Names that came from the caller.
    pub(super) kept: Vec<OsString>,
    /// Names that galaf or the entry set.
    pub(super) set: Vec<OsString>,
    /// Names that the application does not get from the caller.
    pub(super) dropped: Vec<OsString>,
}

/// The caller's variables, the ones included that the C library removed before `main`.
///
/// In secure mode (ld.so(8)) it takes TMPDIR and others away; /proc/self/environ still shows them, but only to
/// a dumpable process, so the capabilities must be gone already. Being dumpable opens nothing to the caller's other processes:
/// ptrace(2) and /proc/PID/mem ask for equal group ids too, and after the switch these differ.
pub(super) fn of_caller() -> Variables {
    let original = prctl::set_dumpable(true).ok().and_then(|()| std::fs::read("/proc/self/environ").ok());
    original.map_or_else(|| std::env::vars_os().collect(), |bytes| parse(&bytes))
}

/// Parts `caller` by the list, adds the names in `keep`, and sets PATH and `set`, which wins.
pub(super) fn select(caller: Variables, keep: &[String], set: &[(String, String)]) -> Environment {
    let mut environment = Environment::default();
    for (name, value) in caller {
        let text = name.to_str();
        let own = |text: &str| keep.iter().any(|kept| kept == text) || allowed::passes(text, &value);
        if text.is_some_and(own) && !set.iter().any(|(set, _)| Some(set.as_str()) == text) {
            environment.kept.push(name.clone());
            environment.variables.insert(name, value);
        } else {
            environment.dropped.push(name);
        }
    }
    if let Entry::Vacant(path) = environment.variables.entry("PATH".into()) {
        path.insert(PATH.into());
        environment.set.push("PATH".into());
    }
    for (name, value) in set {
        if environment.variables.insert(name.into(), value.into()).is_none() {
            environment.set.push(name.into());
        }
    }
    environment
}

/// `NAME=VALUE` texts, each ended by a NUL. Of a name given twice the first counts, as for getenv(3).
fn parse(bytes: &[u8]) -> Variables {
    let mut variables = Variables::new();
    for text in bytes.split(|&byte| byte == 0) {
        if let Some(at) = text.iter().position(|&byte| byte == b'=').filter(|&at| at > 0) {
            let (name, value) = (text[..at].to_vec(), text[at + 1..].to_vec());
            variables.entry(OsString::from_vec(name)).or_insert_with(|| OsString::from_vec(value));
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Variables {
        list.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    }

    #[test]
    fn what_is_not_on_the_list_is_dropped_and_path_is_fixed() {
        let caller = variables(&[("LANG", "C"), ("PATH", "/tmp"), ("PYTHONPATH", "/tmp")]);
        let environment = select(caller, &[], &[]);
        assert_eq!(environment.variables, variables(&[("LANG", "C"), ("PATH", PATH)]));
        assert_eq!(environment.kept, ["LANG"]);
        assert_eq!(environment.set, ["PATH"]);
        assert_eq!(environment.dropped, ["PATH", "PYTHONPATH"]);
    }

    #[test]
    fn the_entry_adds_names_exactly_and_its_values_win() {
        let caller = variables(&[("EDITOR", "vi"), ("EDITOR2", "vi"), ("LANG", "C"), ("PATH", "/tmp")]);
        let keep = ["EDITOR".to_owned(), "PATH".to_owned()];
        let environment = select(caller, &keep, &[("LANG".into(), "de".into()), ("NEW".into(), "".into())]);
        assert_eq!(
            environment.variables,
            variables(&[("EDITOR", "vi"), ("LANG", "de"), ("NEW", ""), ("PATH", "/tmp")])
        );
        assert_eq!(environment.kept, ["EDITOR", "PATH"]);
        assert_eq!(environment.set, ["LANG", "NEW"]);
    }

    #[test]
    fn a_path_of_the_entry_replaces_the_fixed_one() {
        let environment = select(Variables::new(), &[], &[("PATH".into(), "/opt/x".into())]);
        assert_eq!(environment.variables, variables(&[("PATH", "/opt/x")]));
        assert_eq!(environment.set, ["PATH"]);
    }

    #[test]
    fn of_a_name_given_twice_the_first_counts_and_texts_without_a_name_are_no_variables() {
        assert_eq!(parse(b"A=1\0A=2\0=x\0novalue\0B=x=y\0C=\0"), variables(&[("A", "1"), ("B", "x=y"), ("C", "")]));
    }
}
