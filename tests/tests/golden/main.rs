//! Whole files in `tests/golden/`, byte for byte: what galaf-gen makes of a good one and says of a bad one.
//!
//! - `NN-topic/`: `galaf.json`, and in `expected/` what `galaf-gen render` makes of it; `stderr` if it has notices.
//! - `rejected/NN-kind/`: `galaf.json`, and in `stderr` what `galaf-gen check` says, with exit status 2.
//! - `notices/NN-kind/`: `galaf.json`, and in `stderr` what `galaf-gen check` says of it although it is good.
//!
//! A `galaf.d/` in a folder holds the drop-ins of its file. Accounts come from the folder's `etc/`, or else from `tests/golden/etc/`. An `expected/` folder that is to lack a
//! file lacks it; an expected file that is not made, or one made that is not expected, fails.
//!
//! What nft itself says of a rule stands there as `(as nft says it)`.
//!
//! To write what galaf-gen gives now in the place of what was expected, and read it with `git diff`:
//!
//! ```sh
//! UPDATE_GOLDEN=1 cargo test -p galaf-tests --test golden
//! ```
//!
//! A run that wrote something fails, so no update passes for a success.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy's exception for tests leaves their helpers out")]

mod compare;
mod folders;
mod programs;
mod structure;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use compare::{Comparison, read_folder};
use folders::{Folder, accepted, notices, rejected};
use programs::{Outcome, galaf_gen};

/// Renders into a new folder and gives its files beside what was said.
fn render(folder: &Folder) -> (Outcome, BTreeMap<String, String>) {
    let out = tempfile::tempdir().unwrap();
    let (etc, out_dir) = (folder.etc(), out.path().to_str().unwrap());
    let outcome = galaf_gen(&folder.path, &["render", "galaf.json", "--etc", &etc, "--out", out_dir]);
    (outcome, read_folder(out.path()))
}

fn check(folder: &Folder) -> Outcome {
    galaf_gen(&folder.path, &["check", "galaf.json", "--etc", &folder.etc()])
}

#[test]
fn every_good_file_becomes_what_is_expected() {
    let mut comparison = Comparison::default();
    for folder in accepted() {
        let (outcome, files) = render(&folder);
        assert_eq!(outcome.code, Some(0), "{}: {}", folder.name, outcome.stderr);
        comparison.files(&folder.path.join("expected"), &files);
        comparison.text(&folder.path.join("stderr"), &outcome.stderr);
    }
    comparison.finish();
}

#[test]
fn the_same_file_gives_the_same_bytes_again() {
    for folder in accepted() {
        assert_eq!(render(&folder).1, render(&folder).1, "{}", folder.name);
    }
}

#[test]
fn every_bad_file_is_refused_with_its_problems_and_status_2() {
    let mut comparison = Comparison::default();
    if programs::obstacle_for_nft().is_some_and(programs::skip) {
        return;
    }
    for folder in rejected() {
        let outcome = check(&folder);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{}: {}", folder.name, outcome.stderr);
        assert!(!outcome.stderr.contains('\u{1b}'), "{}: a control character reaches the terminal", folder.name);
        comparison.text(&folder.path.join("stderr"), &without_words_of_nft(&outcome.stderr));
    }
    comparison.finish();
}

/// Each version of nft has its own words for the same mistake.
fn without_words_of_nft(stderr: &str) -> String {
    const INTRODUCTION: &str = "nft refuses this rule: ";
    let replace = |line: &str| match line.split_once(INTRODUCTION) {
        Some((place, words)) if !words.is_empty() => format!("{place}{INTRODUCTION}(as nft says it)\n"),
        _ => format!("{line}\n"),
    };
    stderr.lines().map(replace).collect()
}

#[test]
fn a_bad_file_is_not_rendered_either() {
    for folder in rejected().into_iter().filter(|folder| !folder.name.contains("-nft-")) {
        let (outcome, files) = render(&folder);
        assert_eq!((outcome.code, files.len()), (Some(2), 0), "{}", folder.name);
        assert_eq!(outcome.stderr, check(&folder).stderr, "{}: 'render' and 'check' say different things", folder.name);
    }
}

#[test]
fn what_is_good_but_perhaps_not_meant_is_told() {
    let mut comparison = Comparison::default();
    for folder in notices() {
        let outcome = check(&folder);
        assert_eq!(outcome.code, Some(0), "{}: {}", folder.name, outcome.stderr);
        comparison.text(&folder.path.join("stderr"), &outcome.stderr);
    }
    comparison.finish();
}

#[test]
fn a_file_or_account_file_that_cannot_be_read_is_named_with_status_2() {
    let folder = &accepted()[0];
    let missing = galaf_gen(&folder.path, &["check", "no-such.json", "--etc", &folder.etc()]);
    assert_eq!(missing.code, Some(2));
    assert_eq!(missing.stderr, "galaf-gen: cannot read 'no-such.json': no such file or directory\n");
    let no_accounts = galaf_gen(&folder.path, &["check", "galaf.json", "--etc", "no-such"]);
    assert_eq!(no_accounts.code, Some(2));
    assert_eq!(no_accounts.stderr, "galaf-gen: cannot read 'no-such/passwd': no such file or directory\n");
}

/// As a folder this would be a file of 100,000 characters.
#[test]
fn more_names_than_dnsmasq_can_tell_apart_are_refused_and_as_many_as_it_can_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let etc = accepted()[0].etc();
    // Long enough that one name, with its subdomains, fills a line.
    let name = |number| format!("\"{number:04}{}.example.org\"", ".long-label-that-fills-the-line".repeat(4));
    for (count, code) in [(697, Some(0)), (698, Some(2))] {
        let names: Vec<String> = (0..count).map(name).collect();
        let text = format!("{{\n\"groups\": {{ \"crawler\": {{ \"domains\": [{}] }} }}\n}}\n", names.join(","));
        fs::write(dir.path().join("galaf.json"), text).unwrap();
        let outcome = galaf_gen(dir.path(), &["render", "galaf.json", "--etc", &etc, "--out", "out"]);
        let expected = if code == Some(0) { "" } else { "more names than dnsmasq can tell apart" };
        assert!(outcome.code == code && outcome.stderr.contains(expected), "{count}: {:?}", outcome.code);
        if let Some(test) = programs::dnsmasq_test(&dir.path().join("out").join(galaf::paths::DNSMASQ_CONF)) {
            assert_eq!(test.code, Some(0), "{count}: {}", test.stderr);
        }
    }
}

#[test]
fn nft_and_the_kernel_take_every_expected_ruleset() {
    if programs::obstacle_for_nft().is_some_and(programs::skip) {
        return;
    }
    for folder in accepted() {
        let path = folder.path.join("expected").join(galaf::paths::RULESET);
        for arguments in [&["-c", "-f"][..], &["-f"]] {
            let outcome = programs::nft(arguments, &path);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}: nft {arguments:?}", folder.name);
        }
    }
}

#[test]
fn dnsmasq_takes_every_expected_configuration() {
    for folder in accepted() {
        let path = folder.path.join("expected").join(galaf::paths::DNSMASQ_CONF);
        if !path.exists() {
            continue;
        }
        let Some(outcome) = programs::dnsmasq_test(&path) else { return };
        assert_eq!(outcome.code, Some(0), "{}: {}", folder.name, outcome.stderr);
    }
}

#[test]
fn every_expected_ruleset_is_closed_where_it_must_be() {
    for folder in accepted() {
        let text = fs::read_to_string(folder.path.join("expected").join(galaf::paths::RULESET)).unwrap();
        structure::assert_closed(&folder.name, &text);
    }
}

#[test]
fn every_example_is_one_of_the_good_files() {
    let examples = folders::workspace().join("examples");
    let expected: Vec<_> = accepted().iter().map(|folder| fs::canonicalize(folder.path.join("galaf.json"))).collect();
    let expected: Vec<_> = expected.into_iter().map(Result::unwrap).collect();
    for example in fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path().join("galaf.json")) {
        assert!(
            !example.exists() || expected.contains(&fs::canonicalize(&example).unwrap()),
            "no folder has a symbolic link to '{}'",
            example.display()
        );
    }
}

/// A file in the wrong place would be compared with nothing.
#[test]
fn no_file_lies_where_no_test_looks() {
    let known = |name: &str, names: &[&str]| assert!(names.contains(&name), "'{name}' is read by no test");
    let names = |dir: &Path| {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    for folder in accepted() {
        names(&folder.path)
            .iter()
            .for_each(|name| known(name, &["galaf.json", "galaf.d", "etc", "expected", "stderr"]));
        names(&folder.path.join("expected"))
            .iter()
            .for_each(|name| known(name, &["galaf.nft", "dnsmasq.conf", "group", "applications"]));
    }
    for folder in rejected().into_iter().chain(notices()) {
        names(&folder.path).iter().for_each(|name| known(name, &["galaf.json", "galaf.d", "etc", "stderr"]));
    }
}
