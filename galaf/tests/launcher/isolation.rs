//! What the caller's other processes can do to an application.

use nix::libc;

use super::world::{GALAF, Outcome, World, entry, unrestricted};

/// Starts a command, waits until it has printed a line, and prints in which ways it can be reached into. The
/// attacker is the parent, whom Yama (`kernel.yama.ptrace_scope` 1) would let.
const ATTACKER: &str = r#"
    my ($ptrace, $pidfd_open, $pidfd_getfd) = map { $_ + 0 } splice(@ARGV, 0, 3);
    pipe(my $from, my $to);
    my $pid = fork;
    if (!$pid) { open(STDOUT, ">&", $to); exec @ARGV; }
    close $to;
    defined(readline $from) or die "the command did not start";
    my $memory = open(my $handle, "+<", "/proc/$pid/mem");
    my $pidfd = syscall($pidfd_open, $pid, 0);
    my $descriptor = syscall($pidfd_getfd, $pidfd, 0, 0) >= 0;
    my $environment = open(my $variables, "<", "/proc/$pid/environ");
    my $attached = syscall($ptrace, 16, $pid, 0, 0) == 0;
    print join(" ", "memory" x !!$memory, "descriptor" x !!$descriptor, "environment" x !!$environment, "ptrace" x !!$attached), "\n";
    kill 9, $pid;
"#;

#[test]
fn another_process_of_the_same_user_cannot_reach_into_an_application() {
    let waiting = ["/bin/sh", "-c", "echo ready; exec sleep 30"];
    let Some(world) = World::new(&[("restricted", entry(&waiting)), ("unrestricted", unrestricted(&waiting))]) else {
        return;
    };
    let numbers = [libc::SYS_ptrace, libc::SYS_pidfd_open, libc::SYS_pidfd_getfd].map(|number| number.to_string());
    let attack = |command: &[&str]| {
        let mut attacker = world.user(&["perl", "-e", ATTACKER]);
        Outcome::of(attacker.args(&numbers).args(command)).output().trim().to_owned()
    };
    assert_eq!(attack(&waiting), "memory descriptor environment ptrace", "the attack itself must work");
    for name in ["restricted", "unrestricted"] {
        assert_eq!(attack(&[GALAF, name]), "", "{name}");
    }
}

#[test]
fn closed_standard_descriptors_are_devices_before_the_application_opens_a_file() {
    let Some(world) = World::new(&[("readlink", entry(&["/bin/readlink", "…"]))]) else { return };
    for (descriptor, closing) in [("0", "0<&-"), ("2", "2>&-")] {
        let script = format!("exec {GALAF} readlink /proc/self/fd/{descriptor} {closing}");
        let outcome = Outcome::of(&mut world.user(&["sh", "-c", &script]));
        assert!(outcome.output().starts_with("/dev/"), "descriptor {descriptor}: {outcome:?}");
    }
}
