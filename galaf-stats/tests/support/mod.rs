//! A network namespace of its own with a firewall in it, and programs run inside.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The sets as galaf's firewall declares them, and what counts real packets: whatever group 30004 sends is marked for
/// it, and UDP to port 9 is refused.
pub(crate) const RULESET: &str = "table inet galaf {
    set out_before { type mark; flags dynamic; counter; size 65535; }
    set out_after { type mark; flags dynamic; counter; size 65535; }
    set in_after { type mark; flags dynamic; counter; size 65535; }
    set refused4 { type mark . ipv4_addr . inet_proto . inet_service; flags dynamic,timeout; timeout 1h; size 4; counter; }
    set refused6 { type mark . ipv6_addr . inet_proto . inet_service; flags dynamic,timeout; timeout 1h; size 4; counter; }
    chain label { type filter hook output priority mangle; meta skgid 30004 meta skuid 65534 meta mark set 0x7534fffe; }
    chain output {
        type filter hook output priority filter;
        update @out_before { meta mark }
        udp dport 9 goto refuse
        update @out_after { meta mark }
    }
    chain refuse {
        meta nfproto ipv4 update @refused4 { meta mark . ip daddr . meta l4proto . udp dport }
        meta nfproto ipv6 update @refused6 { meta mark . ip6 daddr . meta l4proto . udp dport }
        drop
    }
    chain input { type filter hook input priority filter; meta l4proto udp update @in_after { meta mark } ; }
}
";

const NEEDED: [&str; 5] = ["nft", "unshare", "nsenter", "setpriv", "timeout"];
/// Seconds after which a command that hangs fails its test.
const TIME_LIMIT: &str = "60";

/// A network namespace that ends with this value.
pub(crate) struct Namespace {
    holder: Child,
}

/// What a run of galaf-stats left.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Namespace {
    /// None where this machine cannot make one, having said why.
    pub(crate) fn new() -> Option<Self> {
        if let Some(reason) = obstacle() {
            assert!(std::env::var_os("GALAF_NO_SKIP").is_none_or(|v| v != "1"), "cannot run: {reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
        // Every program here replaces the one before it, so the child's id stays that of the namespace's process.
        let mut holder = Command::new("unshare")
            .args(["-n", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let namespace = Self { holder };
        assert_eq!(line, "ready\n", "no network namespace");
        Some(namespace)
    }

    /// A namespace with [`RULESET`] loaded.
    pub(crate) fn with_firewall() -> Option<Self> {
        let namespace = Self::new()?;
        namespace.nft(RULESET);
        Some(namespace)
    }

    /// Loads nft's text; it must succeed.
    pub(crate) fn nft(&self, text: &str) {
        let mut child = self.command(&["nft", "-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "nft refused the text");
    }

    /// Runs a shell script inside; it must succeed.
    pub(crate) fn shell(&self, script: &str) {
        let output = self.output(&["bash", "-ec", script]);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs galaf-stats inside.
    pub(crate) fn stats(&self, arguments: &[&str]) -> Run {
        self.run(&[&[env!("CARGO_BIN_EXE_galaf-stats")], arguments].concat())
    }

    /// Runs any command inside.
    pub(crate) fn run(&self, command: &[&str]) -> Run {
        let output = self.output(command);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn output(&self, command: &[&str]) -> Output {
        self.command(command).output().unwrap()
    }

    fn command(&self, command: &[&str]) -> Command {
        let mut nsenter = Command::new("timeout");
        nsenter.args([TIME_LIMIT, "nsenter", &format!("--net=/proc/{}/ns/net", self.holder.id())]);
        nsenter.args(command).env_remove("NO_COLOR");
        nsenter
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root for a network namespace and its firewall".to_owned());
    }
    let lacks =
        |program: &&str| !Command::new("which").arg(program).output().is_ok_and(|output| output.status.success());
    NEEDED.iter().find(|program| lacks(program)).map(|program| format!("the program '{program}' is missing"))
}
