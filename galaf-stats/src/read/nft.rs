//! Runs the host's own nft, the one that knows what its sibling wrote into the kernel.

use std::io;
use std::path::Path;
use std::process::{Command, Output};

use galaf::paths::TABLE;
use galaf::trust::text_of;

use super::parse;
use crate::model::SetName;
use galaf::printable::printable;

/// Where distributions install it. The caller's PATH is not asked: root's program must not be chosen by it.
const PROGRAM_PATHS: [&str; 5] =
    ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft", "/run/current-system/sw/bin/nft"];

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot find 'nft' in {}; install the package 'nftables'", PROGRAM_PATHS.join(", "))]
    NoProgram,
    #[error("cannot run '{program}': {}", text_of(.source))]
    Run { program: String, source: io::Error },
    #[error("reading the firewall's counters needs root (CAP_NET_ADMIN)")]
    Privilege,
    #[error("the firewall is not loaded: no table 'inet {TABLE}'; load it with 'galaf-gen apply'")]
    NotLoaded,
    #[error(
        "the firewall keeps no statistics: table 'inet {TABLE}' has no set '{0}'; load it anew with 'galaf-gen apply'"
    )]
    NoSet(SetName),
    #[error("cannot list set '{set}': nft: {text}")]
    Failed { set: SetName, text: String },
    #[error("cannot understand what nft printed of set '{set}': {source}")]
    Format { set: SetName, source: serde_json::Error },
}

/// The path of nft.
pub(crate) fn find() -> Result<&'static str, ReadError> {
    PROGRAM_PATHS.into_iter().find(|path| Path::new(path).is_file()).ok_or(ReadError::NoProgram)
}

/// The JSON of one set of galaf's table.
///
/// Numeric, since nft otherwise prints a mark by its name in /etc/iproute2/rt_marks.
pub(crate) fn list_set(program: &str, set: SetName) -> Result<Vec<u8>, ReadError> {
    let output = run(program, &["-j", "-n", "list", "set", "inet", TABLE, set.as_str()])?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    match failure(&String::from_utf8_lossy(&output.stderr)) {
        Failure::Privilege => Err(ReadError::Privilege),
        Failure::Missing if has_table(program)? => Err(ReadError::NoSet(set)),
        Failure::Missing => Err(ReadError::NotLoaded),
        Failure::Other(text) if text.is_empty() => Err(ReadError::Failed { set, text: output.status.to_string() }),
        Failure::Other(text) => Err(ReadError::Failed { set, text }),
    }
}

/// nft says "No such file or directory" of a missing table and of a missing set alike.
fn has_table(program: &str) -> Result<bool, ReadError> {
    let output = run(program, &["-j", "list", "tables", "inet"])?;
    Ok(parse::has_table(&output.stdout, TABLE))
}

fn run(program: &str, arguments: &[&str]) -> Result<Output, ReadError> {
    Command::new(program)
        .args(arguments)
        .env_clear()
        // Messages are compared in English.
        .env("LC_ALL", "C")
        .output()
        .map_err(|source| ReadError::Run { program: program.to_owned(), source })
}

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Privilege,
    Missing,
    Other(String),
}

/// What nft's standard error means. Only its first line says it; the rest repeats the command.
fn failure(stderr: &str) -> Failure {
    let line = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.contains("Operation not permitted") {
        Failure::Privilege
    } else if line.contains("No such file or directory") {
        Failure::Missing
    } else {
        Failure::Other(printable(line.strip_prefix("Error: ").unwrap_or(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_nft_are_told_apart() {
        let privilege = "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n";
        assert_eq!(failure(privilege), Failure::Privilege);
        let missing = "Error: No such file or directory\nlist set inet galaf out_before\n              ^^^^^\n";
        assert_eq!(failure(missing), Failure::Missing);
        let newer =
            "Error: No such file or directory; did you mean table ‘galaf’ in family ip?\nlist set inet galaf x\n";
        assert_eq!(failure(newer), Failure::Missing);
    }

    #[test]
    fn another_failure_is_passed_on_without_control_characters() {
        let failure = failure("\nError: Could not process rule: \u{1b}[2JCannot allocate memory\nlist set\n");
        assert_eq!(failure, Failure::Other("Could not process rule: \\u{1b}[2JCannot allocate memory".to_owned()));
    }
}
