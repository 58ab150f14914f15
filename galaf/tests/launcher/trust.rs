//! What the launcher refuses to believe.

use galaf::id::{GroupId, UserId};
use galaf::launch::LaunchEntry;

use super::world::{GALAF, Outcome, SCRATCH, UID, World, entry, skip};

const INDEX: &str = "/var/lib/galaf/applications";

fn cat() -> [(&'static str, LaunchEntry); 1] {
    [("cat", entry(&["/bin/cat", "…"]))]
}

/// Each change alone must turn a launch that works into a refusal.
fn refused_after(change: &str, words: &str) {
    let Some(world) = World::new(&cat()) else { return };
    world.galaf(&["cat", "/dev/null"]).output();
    world.as_root(change);
    for arguments in [&["cat", "/dev/null"][..], &["--list"], &["--explain", "cat"]] {
        world.galaf(arguments).refused(125, words);
    }
}

#[test]
fn an_index_that_others_can_write_is_refused() {
    refused_after(
        &format!("chmod 664 {INDEX}"),
        &format!("refusing to use '{INDEX}': '{INDEX}' can be written by others"),
    );
    refused_after(&format!("chown {UID} {INDEX}"), &format!("'{INDEX}' belongs to uid {UID}"));
}

#[test]
fn an_index_in_a_folder_of_somebody_else_is_refused() {
    refused_after(&format!("chown {UID} /var/lib/galaf"), &format!("'/var/lib/galaf' belongs to uid {UID}"));
    refused_after("chmod 777 /var/lib", "'/var/lib' can be written by others");
}

#[test]
fn an_index_behind_a_link_through_a_users_folder_is_refused() {
    let change = format!("mv {INDEX} {SCRATCH}/index && ln -s {SCRATCH}/index {INDEX}");
    refused_after(&change, &format!("'{SCRATCH}' belongs to uid {UID}"));
}

#[test]
fn a_missing_index_says_what_root_must_do() {
    refused_after(&format!("rm {INDEX}"), "root must run 'galaf-gen apply'");
}

#[test]
fn an_index_of_another_version_is_refused() {
    refused_after(&format!("sed -i 1s/1/2/ {INDEX}"), "is not an index of this version");
}

#[test]
fn an_index_the_caller_names_is_not_read() {
    let Some(world) = World::new(&[]) else { return };
    let mut command = world.user(&[GALAF, "cat", "/dev/null"]);
    command.envs([
        ("GALAF_INDEX", "/opt/scratch/index"),
        ("GALAF_STATE_DIR", "/opt/scratch"),
        ("STATE_DIRECTORY", "/opt/scratch"),
    ]);
    Outcome::of(&mut command).refused(125, "unknown application 'cat'");
    world.galaf(&["--config=/opt/scratch/index", "cat"]).refused(125, "unknown option '--config=/opt/scratch/index'");
}

/// A world with a program that `preparation` has changed, and its entry with and without `user_owned`.
fn with_program(preparation: &str) -> Option<World> {
    let strict = entry(&["/opt/programs/echo", "ran"]);
    let world = World::new(&[("loose", LaunchEntry { user_owned: true, ..strict.clone() }), ("strict", strict)])?;
    world.as_root("mkdir /opt/programs && cp /bin/echo /opt/programs/echo");
    assert_eq!(world.galaf(&["strict"]).output(), "ran\n");
    world.as_root(preparation);
    Some(world)
}

#[test]
fn a_program_that_others_could_replace_needs_the_entrys_permission() {
    for (preparation, words) in [
        (format!("chown {UID} /opt/programs/echo"), format!("'/opt/programs/echo' belongs to uid {UID}")),
        ("chmod 775 /opt/programs/echo".to_owned(), "'/opt/programs/echo' can be written by others".to_owned()),
        (format!("chown {UID} /opt/programs"), format!("'/opt/programs' belongs to uid {UID}")),
        (
            format!("mv /opt/programs/echo {SCRATCH} && ln -s {SCRATCH}/echo /opt/programs/echo"),
            format!("'{SCRATCH}' belongs to uid {UID}"),
        ),
    ] {
        let Some(world) = with_program(&preparation) else { return };
        world.galaf(&["strict"]).refused(125, &words);
        assert_eq!(world.galaf(&["loose"]).output(), "ran\n", "{preparation}");
    }
}

#[test]
fn a_user_who_is_not_named_is_refused() {
    let for_users = |users| [("cat", LaunchEntry { users: Some(users), ..entry(&["/bin/cat", "…"]) })];
    let Some(world) = World::new(&for_users(vec![UserId(UID + 1)])) else { return };
    world.galaf(&["cat", "/dev/null"]).refused(125, &format!("user {UID} is not among the users"));
    world.grant(&for_users(vec![UserId(UID + 1), UserId(UID)]));
    world.galaf(&["cat", "/dev/null"]).output();
}

#[test]
fn a_group_outside_the_range_is_refused() {
    let Some(world) = World::new(&[("cat", LaunchEntry { gid: GroupId(27), ..entry(&["/bin/cat"]) })]) else { return };
    world.galaf(&["cat"]).refused(125, "group 27 is outside the range of application groups, 30000-59999");
}

#[test]
fn an_entry_that_contradicts_itself_is_refused() {
    let application = LaunchEntry { no_new_privileges: false, ..entry(&["/bin/cat"]) };
    let Some(world) = World::new(&[("cat", application)]) else { return };
    world.galaf(&["cat"]).refused(125, "'seccomp' without 'no_new_privileges'");
}

#[test]
fn root_is_refused_and_told_why() {
    let Some(world) = World::new(&cat()) else { return };
    let outcome = Outcome::of(&mut world.root(&[GALAF, "cat", "/dev/null"]));
    outcome.refused(125, "refusing to launch as root: root's processes keep every privilege");
}

#[test]
fn without_its_capability_the_launcher_names_the_likely_causes() {
    let Some(world) = World::new(&cat()) else { return };
    world.as_root(&format!(
        "mkdir /opt/copied /opt/nosuid && cp {GALAF} /opt/copied
         mount -t tmpfs -o nosuid,mode=755 tmpfs /opt/nosuid && cp {GALAF} /opt/nosuid && setcap cap_setgid+ep /opt/nosuid/galaf"
    ));
    for launcher in ["/opt/copied/galaf", "/opt/nosuid/galaf"] {
        let outcome = Outcome::of(&mut world.user(&[launcher, "cat", "/dev/null"]));
        outcome.refused(125, "no capability CAP_SETGID; it was installed without 'setcap cap_setgid+ep', copied, or lies on a file system mounted with 'nosuid'");
        assert_eq!(Outcome::of(&mut world.user(&[launcher, "--list"])).code, 0);
    }
}

#[test]
fn under_no_new_privs_the_launcher_says_that_this_is_the_cause() {
    let Some(world) = World::new(&cat()) else { return };
    let outcome = Outcome::of(&mut world.user(&["setpriv", "--no-new-privs", GALAF, "cat", "/dev/null"]));
    outcome.refused(125, "no_new_privs is set for this process");
}

#[test]
fn root_of_a_user_namespace_is_refused() {
    let Some(world) = World::new(&cat()) else { return };
    let namespace = ["unshare", "--user", "--map-root-user"];
    if Outcome::of(&mut world.user(&[&namespace[..], &["true"]].concat())).code != 0 {
        return skip("user namespaces are not for ordinary users here");
    }
    let launch = [&namespace[..], &[GALAF, "cat", "/dev/null"]].concat();
    Outcome::of(&mut world.user(&launch)).refused(125, "refusing");
}
