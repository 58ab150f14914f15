//! The programs that judge.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Seconds after which a program that hangs fails its test.
const TIME_LIMIT: &str = "60";
/// Names a folder with galaf's programs, to test those instead of the workspace's.
const PROGRAMS_VARIABLE: &str = "GALAF_BIN_DIR";

/// What a program left.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn run(dir: &Path, command: &[&str]) -> Outcome {
    let output = Command::new("timeout")
        .arg(TIME_LIMIT)
        .args(command)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the program 'timeout' runs");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs galaf-gen in `dir`.
pub(crate) fn galaf_gen(dir: &Path, arguments: &[&str]) -> Outcome {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| match std::env::var_os(PROGRAMS_VARIABLE) {
        Some(dir) => PathBuf::from(dir).join("galaf-gen"),
        None => build(),
    });
    run(dir, &[&[program.to_str().unwrap()], arguments].concat())
}

/// Cargo makes the programs of other packages not by itself, and an old one would pass for the present one.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let dir = test.ancestors().nth(2).expect("a test lies in TARGET/PROFILE/deps");
    let profile = if dir.ends_with("release") { "release" } else { "dev" };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "galaf-gen", "--profile", profile])
        .current_dir(super::folders::workspace())
        .status()
        .unwrap();
    assert!(status.success(), "galaf-gen does not build");
    dir.join("galaf-gen")
}

/// Runs nft on `file` in a network namespace of its own.
pub(crate) fn nft(arguments: &[&str], file: &Path) -> Outcome {
    let mut command = vec!["unshare", "--net"];
    if !nix::unistd::geteuid().is_root() {
        command.push("--map-root-user");
    }
    command.extend(["/usr/sbin/nft"]);
    command.extend(arguments);
    command.push(file.to_str().unwrap());
    run(Path::new("/"), &command)
}

/// Has dnsmasq read `file`; `None` where it is not installed.
pub(crate) fn dnsmasq_test(file: &Path) -> Option<Outcome> {
    const DNSMASQ: &str = "/usr/sbin/dnsmasq";
    if !Path::new(DNSMASQ).exists() {
        skip(format!("the program '{DNSMASQ}' is missing"));
        return None;
    }
    Some(run(Path::new("/"), &[DNSMASQ, "--test", &format!("--conf-file={}", file.display())]))
}

/// Why nft cannot be asked here.
pub(crate) fn obstacle_for_nft() -> Option<String> {
    let outcome = nft(&["-c", "-f"], Path::new("/dev/null"));
    (outcome.code != Some(0)).then(|| format!("nft does not run in a namespace: {}", outcome.stderr.trim()))
}

/// Says why a test does not run, or fails where every test has to.
pub(crate) fn skip(reason: String) -> bool {
    assert!(std::env::var_os("GALAF_NO_SKIP").is_none_or(|value| value != "1"), "cannot run: {reason}");
    // The stream itself, because the harness swallows what macros print.
    let _ = std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
    true
}
