//! Arguments, names, exit codes and the two reports.

use std::io::Write;
use std::process::{Command, Stdio};

use galaf::id::{GroupId, UserId};
use galaf::launch::LaunchEntry;

use super::world::{APPLICATION, FILES_GID, GALAF, GID, OTHER_APPLICATION, Outcome, UID, World, entry, unrestricted};

fn echo() -> Vec<(&'static str, LaunchEntry)> {
    vec![("echo", entry(&["/bin/echo", "before", "…", "after"])), ("fixed", entry(&["/bin/echo", "fixed"]))]
}

#[test]
fn further_arguments_take_the_place_of_the_ellipsis() {
    let Some(world) = World::new(&echo()) else { return };
    assert_eq!(world.galaf(&["echo", "--list", "…", ""]).output(), "before --list …  after\n");
    assert_eq!(world.galaf(&["echo"]).output(), "before after\n");
}

#[test]
fn further_arguments_without_a_place_are_refused() {
    let Some(world) = World::new(&echo()) else { return };
    assert_eq!(world.galaf(&["fixed"]).output(), "fixed\n");
    world.galaf(&["fixed", "more"]).refused(125, "this application takes no arguments");
}

#[test]
fn a_link_launches_the_application_it_is_named_after() {
    let Some(world) = World::new(&echo()) else { return };
    world.link_to_launcher("/opt/echo");
    world.link_to_launcher("/opt/unknown");
    assert_eq!(Outcome::of(&mut world.user(&["/opt/echo", "--help"])).output(), "before --help after\n");
    Outcome::of(&mut world.user(&["/opt/unknown"])).refused(125, "unknown application 'unknown'");
}

#[test]
fn an_unknown_application_is_refused_with_the_nearest_name() {
    let Some(world) = World::new(&echo()) else { return };
    world.galaf(&["ecko"]).refused(125, "unknown application 'ecko'; did you mean 'echo'?");
    world.galaf(&["thunderbird"]).refused(125, "unknown application 'thunderbird'; 'galaf --list' shows yours");
    world.galaf(&["\u{1b}[2Jx"]).refused(125, "unknown application '\\u{1b}[2Jx'");
}

#[test]
fn the_exit_code_is_the_applications_own() {
    let Some(world) = World::new(&[("sh", entry(&["/bin/sh", "…"]))]) else { return };
    for code in [0, 1, 7, 125, 255] {
        assert_eq!(world.galaf(&["sh", "-c", &format!("exit {code}")]).code, code);
    }
    assert_eq!(world.galaf(&["sh", "-c", "kill -TERM $$"]).code, 128 + 15);
}

#[test]
fn a_program_that_is_missing_or_not_executable_has_the_codes_of_env() {
    let Some(world) = World::new(&[]) else { return };
    world.as_root(
        "mkdir /opt/folder && echo text > /opt/plain && echo text > /opt/format && chmod 755 /opt/format
         printf '#!/opt/missing\\n' > /opt/script && chmod 755 /opt/script
         cp /bin/true /opt/others && chmod 700 /opt/others",
    );
    for (path, code, words) in [
        ("/opt/missing", 127, "cannot execute '/opt/missing': no such file"),
        ("/opt/plain/below", 127, "no such file"),
        ("/opt/folder", 126, "not a regular file"),
        ("/opt/plain", 126, "it has no execute permission"),
        ("/opt/others", 126, "permission denied"),
        ("/opt/format", 126, "this system cannot execute files of its format"),
        ("/opt/script", 126, "the interpreter it names does not exist"),
    ] {
        for user_owned in [false, true] {
            world.grant(&[("x", LaunchEntry { user_owned, ..entry(&[path]) })]);
            world.galaf(&["x"]).refused(code, words);
        }
    }
}

#[test]
fn help_and_version_need_neither_index_nor_capability() {
    let launcher = env!("CARGO_BIN_EXE_galaf");
    let help = Outcome::of(Command::new(launcher).arg("--help"));
    assert!(help.output().contains("galaf --explain APP"), "{help:?}");
    assert!(help.stdout.lines().all(|line| line.len() <= 80));
    let version = Outcome::of(Command::new(launcher).arg("--version"));
    assert_eq!(version.output(), format!("galaf {}\n", env!("CARGO_PKG_VERSION")));
    Outcome::of(&mut Command::new(launcher)).refused(125, "no application given; 'galaf --help' shows how");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_galaf"))
        .arg("--help")
        .stdin(Stdio::null())
        .stdout(closed_pipe())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// The writing end of a pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, mut writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(writer.write(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    Stdio::from(writer)
}

#[test]
fn list_shows_what_this_user_may_launch() {
    let own = LaunchEntry { users: Some(vec![UserId(UID)]), ..unrestricted(&["/opt/own"]) };
    let theirs = LaunchEntry { users: Some(vec![UserId(UID + 1)]), ..entry(&["/opt/theirs"]) };
    let Some(world) = World::new(&[("own", own), ("theirs", theirs), ("everybodys", entry(&["/bin/true"]))]) else {
        return;
    };
    assert_eq!(
        world.galaf(&["--list"]).output(),
        "everybodys  /bin/true  no_new_privileges,seccomp\nown         /opt/own   -\n"
    );
}

#[test]
fn explain_says_what_a_launch_would_do() {
    let application = LaunchEntry { env: vec![("MODE".into(), "x".into())], ..entry(&["/bin/cat", "…"]) };
    let Some(world) = World::new(&[("cat", application)]) else { return };
    let mut command = world.user(&[GALAF, "--explain", "cat", "/etc/passwd"]);
    let outcome = Outcome::of(command.envs([("HOME", "/"), ("LD_PRELOAD", ""), ("TMPDIR", "/")]));
    let text = outcome.output();
    assert!(text.starts_with("'cat' would be launched\n"), "{text}");
    for line in [
        "  command         '/bin/cat' '/etc/passwd'".to_owned(),
        format!("  user            {UID}"),
        format!("  group           {APPLICATION}, as real, effective, saved and file system group"),
        format!("  groups kept     {GID} {FILES_GID}"),
        format!("  groups dropped  {OTHER_APPLICATION}"),
        "  restrictions    no_new_privileges,seccomp".to_owned(),
        "  kept            HOME TMPDIR".to_owned(),
        "  set             PATH MODE".to_owned(),
        "  dropped         LD_PRELOAD PATH".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "no '{line}' in\n{text}");
    }
}

#[test]
fn explain_ends_with_the_code_that_launching_would_end_with() {
    let entries = [
        ("group", LaunchEntry { gid: GroupId(1), ..entry(&["/bin/true"]) }),
        ("missing", entry(&["/opt/missing"])),
        ("plain", entry(&["/etc/passwd"])),
        ("sound", entry(&["/bin/true"])),
        ("user", LaunchEntry { users: Some(vec![]), ..entry(&["/bin/true"]) }),
    ];
    let Some(world) = World::new(&entries) else { return };
    for (arguments, code) in [
        (&["group"][..], 125),
        (&["missing"], 127),
        (&["plain"], 126),
        (&["sound"], 0),
        (&["sound", "more"], 125),
        (&["user"], 125),
        (&["unknown"], 125),
    ] {
        let launched = world.galaf(arguments);
        let explained = world.galaf(&[&["--explain"], arguments].concat());
        assert_eq!((launched.code, explained.code), (code, code), "{launched:?} {explained:?}");
    }
}

#[test]
fn explain_works_without_the_capability_and_says_that_it_is_missing() {
    let Some(world) = World::new(&echo()) else { return };
    let outcome = Outcome::of(&mut world.user(&["setpriv", "--no-new-privs", GALAF, "--explain", "echo"]));
    assert_eq!(outcome.code, 125);
    assert!(
        outcome.stdout.contains("  capability      refused: cannot change groups: no_new_privs is set"),
        "{outcome:?}"
    );
    assert!(outcome.stdout.contains("  command         '/bin/echo' 'before' 'after'"), "{outcome:?}");
}
