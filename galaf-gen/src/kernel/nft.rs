//! The host's `nft`: the only program that speaks to its kernel as the administrator's tools do.
//! Other versions than the host's are not to be mixed with it: they can crash on each other's sets.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Output};

use galaf::paths::TABLE;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::few_groups::with_few_groups;

/// Why a ruleset was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// The program is not there or cannot be started.
    #[error("cannot run '{program}': {cause}{remedy}")]
    Start {
        /// Which program.
        program: &'static str,
        /// Why.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// It says no.
    #[error("nft refuses the ruleset:\n{0}")]
    Refused(String),
    /// The namespace for a check could not be made.
    #[error("cannot make a network namespace to check in: {0}")]
    Namespace(String),
}

/// Where Debian and others install it; PATH could name another program.
const NFT: [&str; 2] = ["/usr/sbin/nft", "/sbin/nft"];
const UNSHARE: &str = "/usr/bin/unshare";

fn program() -> &'static str {
    NFT.into_iter().find(|path| Path::new(path).exists()).unwrap_or(NFT[0])
}

/// Loads `text` in one transaction. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If `nft` is missing or refuses the text; the kernel is then unchanged.
pub fn load(text: &str) -> Result<(), NftError> {
    let output = with_few_groups(text, || feed(Command::new(program()).args(["-f", "-"]), text, "nft"))?;
    if output.status.success() { Ok(()) } else { Err(NftError::Refused(complaint(&output))) }
}

/// Lists in JSON what `args` name. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If `nft` is missing or there is no such object.
pub fn list_json(args: &[&str]) -> Result<String, NftError> {
    let output = feed(Command::new(program()).args(["-j", "-n", "list"]).args(args), "", "nft")?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(NftError::Refused(complaint(&output)))
    }
}

/// Whether a table that was loaded is listed again, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAgain {
    /// It is: somebody else wrote rules of it.
    Yes,
    /// It is not: every rule is of a form that is known.
    No,
}

/// Loads, and has all of the table listed as parts of it are read back after an apply.
const LOAD_AND_LIST: &str = "\
\"$1\" -f - || exit
{ \"$1\" -j -n list table inet \"$2\"; } >/dev/null 2>&1 && exit
echo 'nft cannot list it once it is loaded' >&2
exit 1";

/// Has `nft` and the kernel judge `text` in a network namespace of its own. Needs no privilege where
/// user namespaces are allowed.
///
/// # Errors
/// As [`load`], and if no namespace can be made.
pub fn check(text: &str, list_again: ListAgain) -> Result<(), NftError> {
    let mut command = Command::new(UNSHARE);
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--"]);
    match list_again {
        ListAgain::Yes => command.args(["sh", "-c", LOAD_AND_LIST, "sh", program(), TABLE]),
        ListAgain::No => command.args([program(), "-c", "-f", "-"]),
    };
    let output = with_few_groups(text, || feed(&mut command, text, "unshare"))?;
    let complaint = complaint(&output);
    if output.status.success() {
        Ok(())
    } else if complaint.starts_with("unshare:") {
        Err(NftError::Namespace(complaint))
    } else {
        Err(NftError::Refused(complaint))
    }
}

fn feed(command: &mut Command, text: &str, program: &'static str) -> Result<Output, NftError> {
    let start = |error: std::io::Error| NftError::Start {
        program,
        cause: galaf::trust::text_of(&error),
        remedy: if program == "nft" { "; install the package 'nftables'" } else { "" },
    };
    // Not through a pipe: nft would take what it had got of the text for all of it, if we were killed meanwhile.
    let whole = || -> std::io::Result<File> {
        let mut file = File::from(memfd_create("ruleset", MFdFlags::MFD_CLOEXEC)?);
        file.write_all(text.as_bytes())?;
        file.rewind()?;
        Ok(file)
    };
    command.stdin(whole().map_err(start)?).output().map_err(start)
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}
