//! Variables cannot make an application run the caller's code, and useful ones arrive.

use std::path::Path;
use std::process::Command;

use galaf::launch::LaunchEntry;

use super::world::{GALAF, Outcome, SCRATCH, World, entry, skip};

/// What the planted code does: it leaves this file.
const TRACE: &str = "/opt/scratch/trace";

struct Trap {
    variable: &'static str,
    value: &'static str,
    /// A program that obeys the variable, and the name it has as an application.
    name: &'static str,
    command: &'static [&'static str],
}

const TRAPS: &[Trap] = &[
    Trap { variable: "BASH_ENV", value: "/opt/scratch/trap.sh", name: "bash", command: &["/bin/bash", "-c", "true"] },
    Trap { variable: "ENV", value: "/opt/scratch/trap.sh", name: "sh", command: &["/bin/sh", "-i", "-c", "true"] },
    Trap {
        variable: "BASH_FUNC_true%%",
        value: "() { echo > /opt/scratch/trace; }",
        name: "bash",
        command: &["/bin/bash", "-c", "true"],
    },
    Trap { variable: "PERL5OPT", value: "-I/opt/scratch -MTrap", name: "perl", command: &["/usr/bin/perl", "-e", "1"] },
    Trap {
        variable: "PERL5LIB",
        value: "/opt/scratch",
        name: "perl-strict",
        command: &["/usr/bin/perl", "-Mstrict", "-e", "1"],
    },
    Trap { variable: "PYTHONPATH", value: "/opt/scratch", name: "python", command: &["/usr/bin/python3", "-c", "1"] },
    Trap { variable: "LD_PRELOAD", value: "/opt/scratch/trap.so", name: "true", command: &["/bin/true"] },
    Trap { variable: "PATH", value: "/opt/scratch:/bin", name: "sh-c", command: &["/bin/sh", "-c", "id"] },
];

fn plant(world: &World) {
    world.write("/opt/scratch/trap.sh", &format!("echo > {TRACE}\n"));
    world.write("/opt/scratch/id", &format!("#!/bin/sh\necho > {TRACE}\n"));
    let perl = format!("open(my $file, '>', '{TRACE}'); 1;\n");
    world.write("/opt/scratch/Trap.pm", &perl);
    world.write("/opt/scratch/strict.pm", &perl);
    world.write("/opt/scratch/sitecustomize.py", &format!("open('{TRACE}', 'w')\n"));
    world.write(
        "/opt/trap.c",
        &format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void trap(void) {{ fopen(\"{TRACE}\", \"w\"); }}\n"
        ),
    );
    world.as_root("chmod 755 /opt/scratch/id");
}

#[test]
fn no_variable_makes_an_application_run_planted_code() {
    let applications: Vec<(&str, LaunchEntry)> = TRAPS.iter().map(|trap| (trap.name, entry(trap.command))).collect();
    let Some(world) = World::new(&applications) else { return };
    plant(&world);
    let compiler = Command::new("cc").arg("--version").output().is_ok();
    if compiler {
        world.as_root("cc -shared -fPIC -o /opt/scratch/trap.so /opt/trap.c");
    }
    let sprung = |trap: &Trap, command: &[&str]| {
        // Set by env(1) at the end, so that no program before it meets the trap.
        let variable = format!("{}={}", trap.variable, trap.value);
        let outcome = Outcome::of(world.user(&["/usr/bin/env", &variable]).args(command));
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let trace = world.path(TRACE);
        let found = trace.exists();
        let _ = std::fs::remove_file(trace);
        found
    };
    for trap in TRAPS {
        if !Path::new(trap.command[0]).exists() || (trap.variable == "LD_PRELOAD" && !compiler) {
            skip(&format!("nothing here obeys {}", trap.variable));
            continue;
        }
        assert!(sprung(trap, trap.command), "the trap in {} must work", trap.variable);
        assert!(!sprung(trap, &[GALAF, trap.name]), "{} ran code", trap.variable);
    }
}

#[test]
fn an_application_sees_exactly_the_usual_variables_and_the_ones_of_its_entry() {
    let application = LaunchEntry {
        keep_env: vec!["EDITOR".into()],
        env: vec![("LANG".into(), "C".into()), ("MODE".into(), "work".into())],
        ..entry(&["/usr/bin/env"])
    };
    let Some(world) = World::new(&[("env", application)]) else { return };
    let outcome = Outcome::of(world.user(&[GALAF, "env"]).envs([
        ("HOME", "/home/x"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_TIME", "C"),
        ("LC_PAPER", "../../opt"),
        ("DISPLAY", ":0"),
        ("DBUS_SESSION_BUS_ADDRESS", "unixexec:path=/opt/scratch/id"),
        ("EDITOR", "vi"),
        ("SHELL", "/opt/scratch/id"),
        ("UNKNOWN", "x"),
        ("MODE", "play"),
    ]));
    let mut lines: Vec<&str> = outcome.output().lines().collect();
    lines.sort_unstable();
    let expected = [
        "DISPLAY=:0",
        "EDITOR=vi",
        "HOME=/home/x",
        "LANG=C",
        "LC_TIME=C",
        "MODE=work",
        "PATH=/usr/local/bin:/usr/bin:/bin",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn folders_for_temporary_files_and_time_zones_arrive_though_the_loader_removed_them() {
    let Some(world) = World::new(&[("env", entry(&["/usr/bin/env"]))]) else { return };
    let stripped = ["TMPDIR", "TZDIR", "RES_OPTIONS", "HOSTALIASES", "LOCALDOMAIN", "GCONV_PATH", "LD_LIBRARY_PATH"];
    let outcome = Outcome::of(world.user(&[GALAF, "env"]).envs(stripped.map(|name| (name, SCRATCH))));
    let mut lines: Vec<&str> = outcome.output().lines().collect();
    lines.sort_unstable();
    let expected =
        ["PATH=/usr/local/bin:/usr/bin:/bin", "RES_OPTIONS=/opt/scratch", "TMPDIR=/opt/scratch", "TZDIR=/opt/scratch"];
    assert_eq!(lines, expected);
}
