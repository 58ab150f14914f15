//! What keeps a machine from holding a laboratory.

use std::io::Write;
use std::path::Path;

use super::{binaries, cgroup};

/// Unless this is `1`, a test that cannot run says so and passes.
const NO_SKIP: &str = "GALAF_NO_SKIP";
/// With the Debian packages they are in.
const TOOLS: [(&str, &str); 10] = [
    ("nft", "nftables"),
    ("dnsmasq", "dnsmasq-base"),
    ("conntrack", "conntrack"),
    ("strace", "strace"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("setcap", "libcap2-bin"),
    ("newgidmap", "uidmap"),
    ("groupadd", "passwd"),
];
const TOOL_DIRS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Why there can be no laboratory here, if so.
pub fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root".to_owned());
    }
    if let Some((tool, package)) = TOOLS.into_iter().find(|(tool, _)| !is_installed(tool)) {
        return Some(format!("'{tool}' is missing, from the package '{package}'"));
    }
    if cgroup::root().is_none() {
        return Some("cgroup v2 is not mounted".to_owned());
    }
    binaries::missing()
}

fn is_installed(tool: &str) -> bool {
    TOOL_DIRS.into_iter().any(|dir| Path::new(dir).join(tool).exists())
}

/// Says why a test cannot run.
///
/// # Panics
/// If the environment demands that nothing is skipped.
pub fn skip(reason: &str) {
    assert!(std::env::var_os(NO_SKIP).is_none_or(|value| value != "1"), "{NO_SKIP} is set, but: {reason}");
    // The stream itself, because the harness swallows what macros print, and in one piece, because tests run side by side.
    let _ = std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
}
