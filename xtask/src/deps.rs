//! The launcher's dependency tree as a committed list, so that whatever a privileged program is built from
//! changes only in a commit that shows it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace::{self, command, output};

/// The committed list, below the workspace.
const LIST: &str = "galaf/dependencies.txt";
/// Its first line.
const HEADING: &str = "# Everything the launcher is built from, with its features; 'cargo xtask deps' writes this.\n";
/// The list does not depend on the machine that makes it.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// List what the launcher is built from, in galaf/dependencies.txt.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing: fail if the committed list is not what Cargo.lock gives
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let root = workspace::root()?;
    let tree = output(
        command("cargo")
            .current_dir(root)
            .args(["tree", "--locked", "--package", "galaf", "--edges", "normal,build"])
            .args(["--target", TARGET, "--prefix", "none", "--format", "{p}|{f}"]),
    )?;
    let found = list(&tree);
    let path = root.join(LIST);
    if !options.check {
        return fs::write(&path, found).with_context(|| format!("cannot write '{LIST}'"));
    }
    let committed = fs::read_to_string(&path).with_context(|| format!("cannot read '{LIST}'"))?;
    if committed != found {
        bail!(
            "what the launcher is built from is not what '{LIST}' says:\n{}\
             it runs with a capability: look at each of them, then run 'cargo xtask deps' and commit the list",
            difference(&committed, &found)
        );
    }
    println!("{LIST}: {} packages, as committed", found.lines().count() - 1);
    Ok(())
}

/// One line a package: name, version, features. The launcher itself is left out.
fn list(tree: &str) -> String {
    let packages: BTreeSet<String> = tree.lines().filter_map(package).collect();
    packages.iter().fold(HEADING.to_owned(), |mut text, package| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{package}");
        text
    })
}

/// From `NAME vVERSION [(proc-macro)]|FEATURE,…` with ` (*)` behind it where cargo left out what it showed before.
fn package(line: &str) -> Option<String> {
    let (package, features) = line.trim_end_matches(" (*)").split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
    // A path names a package of this workspace, and where it lies on this machine.
    let rest: Vec<&str> = words.filter(|word| *word != "(*)").collect();
    if rest.iter().any(|word| word.starts_with("(/")) {
        return None;
    }
    let features = features.split(',').filter(|feature| !feature.is_empty());
    Some([name, version].into_iter().chain(rest).chain(features).collect::<Vec<_>>().join(" "))
}

fn difference(committed: &str, found: &str) -> String {
    let (committed, found): (BTreeSet<&str>, BTreeSet<&str>) = (committed.lines().collect(), found.lines().collect());
    let gone = committed.difference(&found).map(|line| format!("- {line}\n"));
    let new = found.difference(&committed).map(|line| format!("+ {line}\n"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_neither_paths_nor_repetitions_and_keeps_features_and_macros() {
        let tree = "galaf v0.1.0 (/somewhere/galaf)|default,launcher\nlibc v0.2.1|std\nnix v0.31.3|\n\
            libc v0.2.1|std (*)\nserde_derive v1.0.2 (proc-macro)|default\nserde_derive v1.0.2 (proc-macro) (*)|default\n";
        assert_eq!(
            list(tree).strip_prefix(HEADING).unwrap(),
            "libc 0.2.1 std\nnix 0.31.3\nserde_derive 1.0.2 (proc-macro) default\n"
        );
    }

    #[test]
    fn a_new_version_is_told_as_one_that_goes_and_one_that_comes() {
        assert_eq!(difference("a 1\nb 1\n", "a 1\nb 2\n"), "- b 1\n+ b 2\n");
    }
}
