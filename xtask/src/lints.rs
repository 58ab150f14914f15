//! What neither the compiler nor clippy can see: that every package and crate listens to them.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::security;
use crate::workspace::{self, command, output};

/// Unsafe code by its nature: it reads and writes what the kernel hands it.
const KERNEL_SIDE: &str = "galaf-ebpf/program/src/main.rs";

/// Check that every package takes the workspace's lints, every crate forbids unsafe code, no file names
/// a path of the machine it was made on, and the tests of docs/security.md are there.
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options) -> Result<()> {
    let root = workspace::root()?;
    let listed = output(command("git").current_dir(root).args(["ls-files", "-z"]))?;
    let files: Vec<&Path> = listed.split('\0').filter(|name| !name.is_empty()).map(Path::new).collect();
    let paths = machine_paths(root)?;
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for file in &files {
        // Deleted and not yet committed, or a symbolic link whose file is read under its own name.
        let full = root.join(file);
        if !full.is_file() || full.is_symlink() {
            continue;
        }
        let content = fs::read(&full)?;
        let name = file.display();
        problems.extend(
            paths
                .iter()
                .filter(|path| contains(&content, path))
                .map(|path| format!("'{name}' names a path of this machine, '{path}'")),
        );
        let text = String::from_utf8_lossy(&content);
        if file.file_name() == Some(OsStr::new("Cargo.toml")) && text.contains("[package]") && !takes_lints(&text) {
            problems.push(format!("'{name}' has no '[lints]' with 'workspace = true'"));
        }
        if is_crate_root(file, &files) && *file != Path::new(KERNEL_SIDE) && !forbids_unsafe(&text) {
            problems.push(format!("'{name}' has no '#![forbid(unsafe_code)]'"));
        }
        if file.extension() == Some(OsStr::new("rs")) {
            sources.push(text.into_owned());
        }
    }
    problems.extend(security::problems(&fs::read_to_string(root.join("docs/security.md"))?, &sources));
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    println!(
        "{} files: lints taken, unsafe code forbidden, no path of this machine, every security property has its tests",
        files.len()
    );
    Ok(())
}

/// The folder of the workspace and cargo's own, as they would stand in a message or an object of the compiler.
fn machine_paths(root: &Path) -> Result<Vec<String>> {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    // One component alone, as '/galaf', could be any text.
    let telling = |path: &&Path| path.components().count() > 2;
    Ok([Some(root), cargo.as_deref()]
        .into_iter()
        .flatten()
        .filter(telling)
        .map(|path| format!("{}/", path.display()))
        .collect())
}

fn contains(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|window| window == text.as_bytes())
}

fn takes_lints(manifest: &str) -> bool {
    let section = manifest.split_once("\n[lints]\n").map_or("", |(_, rest)| rest);
    section.lines().take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

fn forbids_unsafe(source: &str) -> bool {
    source.lines().any(|line| line == "#![forbid(unsafe_code)]")
}

/// Where cargo looks for crates by itself (The Cargo Book, Package Layout); no package here names others.
fn is_crate_root(file: &Path, files: &[&Path]) -> bool {
    let Some(package) = file.ancestors().skip(1).find(|dir| files.contains(&dir.join("Cargo.toml").as_path())) else {
        return false;
    };
    let Ok(inside) = file.strip_prefix(package) else { return false };
    let parts: Vec<&str> = inside.iter().filter_map(OsStr::to_str).collect();
    match parts.as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        ["src", "bin", rest @ ..] | ["tests" | "examples" | "benches", rest @ ..] => match rest {
            [name] => name.ends_with(".rs"),
            [_, "main.rs"] => true,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_takes_the_lints_only_by_its_own_section() {
        assert!(takes_lints("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"));
        assert!(!takes_lints("[package]\nname = \"a\"\n\n[dependencies.b]\nworkspace = true\n"));
        assert!(!takes_lints("[package]\n\n[lints]\nrust = {}\n\n[dependencies.b]\nworkspace = true\n"));
    }

    #[test]
    fn crates_are_known_by_where_they_lie_in_their_package() {
        let files: Vec<&Path> = ["Cargo.toml", "a/Cargo.toml", "a/b/Cargo.toml"].into_iter().map(Path::new).collect();
        let is_root = |name| is_crate_root(Path::new(name), &files);
        for root in ["a/src/lib.rs", "a/src/main.rs", "a/b/src/main.rs", "a/build.rs", "a/src/bin/x.rs"] {
            assert!(is_root(root), "{root}");
        }
        for root in ["a/src/bin/x/main.rs", "a/tests/x.rs", "a/tests/x/main.rs"] {
            assert!(is_root(root), "{root}");
        }
        for module in ["a/src/x.rs", "a/src/x/build.rs", "a/tests/x/y.rs", "a/src/x/main.rs", "a/tests/x/y/main.rs"] {
            assert!(!is_root(module), "{module}");
        }
    }

    #[test]
    fn unsafe_code_is_forbidden_by_the_attribute_and_not_by_a_comment_about_it() {
        assert!(forbids_unsafe("//! A crate.\n\n#![forbid(unsafe_code)]\n"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]\n#![deny(unsafe_code)]\n"));
    }
}
