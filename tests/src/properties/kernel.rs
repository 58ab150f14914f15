//! nft and dnsmasq, asked about one text after the other in a network namespace of this thread's own.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use galaf_gen::kernel::nft::{self, NftError};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};
use serde_json::Value;

use crate::run::Outcome;

const NFT: &str = "/usr/sbin/nft";
const DNSMASQ: &str = "/usr/sbin/dnsmasq";
/// Seconds after which a program hangs.
const TIME_LIMIT: &str = "20";

/// Gives this thread, and what it starts, a network of its own. An ordinary user's process must have no other thread yet.
///
/// # Errors
/// If the machine does not let it.
pub fn enter() -> Result<()> {
    if geteuid().is_root() {
        return unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace");
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).context("cannot make a user namespace")?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(())
}

/// Loads `text`, which begins with a comment, in the place of everything that is there. What nft says of its messages to the
/// kernel, or why it refuses.
pub(super) fn load(text: &str) -> Result<String, String> {
    // Before the comment, so that line numbers stay.
    assert!(text.starts_with('#'), "{text}");
    let outcome = fed(&[NFT, "--debug=netlink", "-f", "-"], &format!("flush ruleset {text}"));
    match outcome {
        Ok(Outcome { code: 0, stdout, .. }) => Ok(stdout),
        Ok(Outcome { stderr, .. }) => Err(stderr),
        Err(error) => panic!("{error:#}"),
    }
}

/// Every object and rule that the kernel has; `None` if nft ends without a word over one of them.
pub(super) fn loaded() -> Option<Vec<Value>> {
    let listing = match nft::list_json(&["ruleset"]) {
        Err(NftError::Refused(complaint)) if complaint.is_empty() => return None,
        listing => listing,
    };
    let read = |listing: String| -> Result<Vec<Value>> {
        let mut listing: Value = serde_json::from_str(&listing)?;
        let Some(Value::Array(objects)) = listing.get_mut("nftables").map(Value::take) else { bail!("no listing") };
        Ok(objects.into_iter().filter(|object| object.get("metainfo").is_none()).collect())
    };
    let objects = listing.map_err(Into::into).and_then(read);
    Some(objects.unwrap_or_else(|error| panic!("nft cannot list what it loaded: {error:#}")))
}

/// Panics unless dnsmasq takes `text` for its configuration.
pub(super) fn assert_dnsmasq_takes(text: &str) {
    match fed(&[DNSMASQ, "--test", "--conf-file=-"], text) {
        Ok(outcome) => assert_eq!(outcome.code, 0, "{}\n{text}", outcome.stderr),
        Err(error) => panic!("{error:#}"),
    }
}

fn fed(argv: &[&str], text: &str) -> Result<Outcome> {
    let mut child = Command::new("timeout")
        .args(["--signal=KILL", TIME_LIMIT])
        .args(argv)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run 'timeout'")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    Ok(Outcome::from(child.wait_with_output()?))
}
