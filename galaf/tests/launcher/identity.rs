//! Who an application is, and that it cannot become somebody else.

use galaf::id::GroupId;
use galaf::launch::LaunchEntry;
use nix::libc;

use super::world::{
    APPLICATION, FILES_GID, GALAF, GID, OTHER_APPLICATION, Outcome, UID, World, entry, skip, unrestricted,
};

/// A line of /proc/PID/status without its name, in single spaces.
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn both() -> [(&'static str, LaunchEntry); 2] {
    [("restricted", entry(&["/bin/cat", "…"])), ("unrestricted", unrestricted(&["/bin/cat", "…"]))]
}

#[test]
fn every_group_id_is_the_applications_and_the_user_stays() {
    let Some(world) = World::new(&both()) else { return };
    for (name, _) in both() {
        let outcome = world.galaf(&[name, "/proc/self/status"]);
        let status = outcome.output();
        assert_eq!(field(status, "Gid"), [APPLICATION; 4].map(|gid| gid.to_string()).join(" "), "{name}");
        assert_eq!(field(status, "Uid"), [UID; 4].map(|uid| uid.to_string()).join(" "), "{name}");
    }
}

#[test]
fn no_capability_is_left() {
    let Some(world) = World::new(&both()) else { return };
    for (name, _) in both() {
        let outcome = world.galaf(&[name, "/proc/self/status"]);
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(outcome.output(), set), "0000000000000000", "{name} {set}");
        }
    }
}

#[test]
fn an_inheritable_capability_of_the_caller_does_not_reach_the_application() {
    let Some(world) = World::new(&both()) else { return };
    let control = Outcome::of(&mut world.user_inheriting("+net_raw", &["cat", "/proc/self/status"]));
    assert_ne!(field(control.output(), "CapInh"), "0000000000000000");
    let outcome = Outcome::of(&mut world.user_inheriting("+net_raw", &[GALAF, "unrestricted", "/proc/self/status"]));
    assert_eq!(field(outcome.output(), "CapInh"), "0000000000000000");
}

#[test]
fn restrictions_are_the_ones_of_the_entry() {
    let without_filter = LaunchEntry { seccomp: false, ..entry(&["/bin/cat", "…"]) };
    let Some(world) = World::new(&[both().to_vec(), vec![("unfiltered", without_filter)]].concat()) else { return };
    for (name, expected) in [("restricted", ("1", "2")), ("unfiltered", ("1", "0")), ("unrestricted", ("0", "0"))] {
        let outcome = world.galaf(&[name, "/proc/self/status"]);
        let found = (field(outcome.output(), "NoNewPrivs"), field(outcome.output(), "Seccomp"));
        assert_eq!((found.0.as_str(), found.1.as_str()), expected, "{name}");
    }
}

#[test]
fn groups_of_other_applications_are_dropped_and_the_rest_kept_with_the_old_primary_one() {
    let Some(world) = World::new(&both()) else { return };
    let control = Outcome::of(&mut world.user(&["cat", "/proc/self/status"]));
    assert!(field(control.output(), "Groups").contains(&OTHER_APPLICATION.to_string()));
    let outcome = world.galaf(&["restricted", "/proc/self/status"]);
    assert_eq!(field(outcome.output(), "Groups"), format!("{GID} {FILES_GID}"));
}

#[test]
fn files_of_the_old_groups_stay_readable_and_those_of_another_application_do_not() {
    let Some(world) = World::new(&both()) else { return };
    for (gid, readable) in [(GID, true), (FILES_GID, true), (APPLICATION, true), (OTHER_APPLICATION, false)] {
        world.write("/opt/file", "text");
        world.as_root(&format!("chown 0:{gid} /opt/file && chmod 640 /opt/file"));
        assert_eq!(world.galaf(&["restricted", "/opt/file"]).code == 0, readable, "group {gid}");
    }
}

#[test]
fn the_application_cannot_take_another_group() {
    let applications =
        [("restricted", entry(&["/usr/bin/perl", "…"])), ("unrestricted", unrestricted(&["/usr/bin/perl", "…"]))];
    let Some(world) = World::new(&applications) else { return };
    let script = "my ($setresgid, $setgroups, $own, @gids) = map { $_ + 0 } @ARGV;
        for my $gid (@gids) {
            print \"setresgid $gid\\n\" if syscall($setresgid, $gid, $gid, $gid) == 0;
            print \"setegid $gid\\n\" if syscall($setresgid, -1, $gid, -1) == 0;
            my $list = pack('I', $gid);
            print \"setgroups $gid\\n\" if syscall($setgroups, 1, $list) == 0;
        }
        print \"control\\n\" if syscall($setresgid, $own, $own, $own) == 0;";
    let numbers = [libc::SYS_setresgid, libc::SYS_setgroups].map(|number| number.to_string());
    let gids = [APPLICATION, GID, FILES_GID, OTHER_APPLICATION, 0].map(|gid| gid.to_string());
    for (name, _) in applications {
        let mut arguments = vec![name, "-e", script];
        arguments.extend(numbers.iter().chain(&gids).map(String::as_str));
        assert_eq!(world.galaf(&arguments).output(), "control\n", "{name}");
    }
}

#[test]
fn a_setuid_program_that_changes_groups_works_only_without_no_new_privileges() {
    let applications = [("restricted", entry(&["/bin/sh", "…"])), ("unrestricted", unrestricted(&["/bin/sh", "…"]))];
    let Some(world) = World::new(&applications) else { return };
    world.as_root(&format!(
        "cp /etc/passwd /etc/group /opt
         echo 'galafuser:x:{UID}:{GID}::/:/bin/sh' >> /opt/passwd
         echo 'galafuser:x:{GID}:' >> /opt/group
         mount --bind /opt/passwd /etc/passwd && mount --bind /opt/group /etc/group"
    ));
    let own_group = GID.to_string();
    let sg = |name| world.galaf(&[name, "-c", "sg galafuser -c 'id -g'"]).stdout.trim() == own_group;
    if !sg("unrestricted") {
        return skip("sg(1) changes no group here");
    }
    assert!(!sg("restricted"), "sg(1) led back to the user's own group");
}

#[test]
fn an_application_launches_another_only_without_no_new_privileges() {
    let applications = [
        ("restricted", entry(&["/bin/sh", "…"])),
        ("unrestricted", unrestricted(&["/bin/sh", "…"])),
        ("other", LaunchEntry { gid: GroupId(OTHER_APPLICATION), ..entry(&["/bin/cat", "…"]) }),
    ];
    let Some(world) = World::new(&applications) else { return };
    let nested = format!("exec {GALAF} other /proc/self/status");
    world.galaf(&["restricted", "-c", &nested]).refused(125, "no_new_privs is set");
    let outcome = world.galaf(&["unrestricted", "-c", &nested]);
    assert_eq!(field(outcome.output(), "Gid"), [OTHER_APPLICATION; 4].map(|gid| gid.to_string()).join(" "));
    assert_eq!(field(outcome.output(), "Groups"), format!("{GID} {FILES_GID}"), "the first application's group stayed");
}

#[test]
fn a_broken_pipe_ends_the_application_as_it_would_without_the_launcher() {
    let Some(world) = World::new(&both()) else { return };
    let ignored = |outcome: Outcome| u64::from_str_radix(&field(outcome.output(), "SigIgn"), 16).unwrap();
    let sigpipe = 1 << (libc::SIGPIPE - 1);
    assert_eq!(ignored(world.galaf(&["restricted", "/proc/self/status"])) & sigpipe, 0);
}
