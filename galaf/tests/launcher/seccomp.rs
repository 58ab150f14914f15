//! No call makes a setuid or setgid file, and ordinary modes still work.

use nix::libc;

#[cfg(target_arch = "x86_64")]
use super::world::skip;
use super::world::{SCRATCH, World, entry, unrestricted};

/// Tries every call it is given a number for and prints its name and error number, 0 for success.
const CALLER: &str = r#"
    my ($folder, $mode, $creat, $tmpfile) = splice(@ARGV, 0, 4);
    my %number = map { split /=/ } @ARGV;
    $mode = oct $mode;
    $creat += 0; $tmpfile += 0;
    umask 0;
    my $count = 0;
    sub path { my $path = "$folder/$$-" . ++$count; return $path; }
    sub file { my $path = path(); open(my $file, ">", $path) or die $!; chmod 0600, $path; return $path; }
    my $here = -100;
    my $own = file();
    open(my $opened, "<", $own) or die $!;
    my $how = pack("QQQ", $creat, $mode, 0);
    my $ring = "\0" x 120;
    my %arguments = (
        chmod => [file(), $mode],
        fchmod => [fileno $opened, $mode],
        fchmodat => [$here, file(), $mode],
        fchmodat2 => [$here, file(), $mode, 0],
        mkdir => [path(), $mode],
        mkdirat => [$here, path(), $mode],
        mknod => [path(), 0100000 | $mode, 0],
        mknodat => [$here, path(), 0100000 | $mode, 0],
        creat => [path(), $mode],
        open => [path(), $creat, $mode],
        openat => [$here, path(), $creat, $mode],
        open_tmpfile => ["$folder", $tmpfile, $mode],
        openat_tmpfile => [$here, "$folder", $tmpfile, $mode],
        openat2 => [$here, path(), $how, length $how],
        io_uring_setup => [8, $ring],
        io_uring_enter => [-1, 0, 0, 0, 0, 0],
        io_uring_register => [-1, 0, 0, 0],
    );
    for my $name (sort keys %number) {
        $! = 0;
        my $result = syscall($number{$name} + 0, @{$arguments{$name}});
        print "$name ", ($result == -1 ? $! + 0 : 0), "\n";
    }
"#;

const FCHMODAT2: i64 = 452;

const CALLS: &[(&str, i64)] = &[
    ("fchmod", libc::SYS_fchmod),
    ("fchmodat", libc::SYS_fchmodat),
    ("fchmodat2", FCHMODAT2),
    ("mkdirat", libc::SYS_mkdirat),
    ("mknodat", libc::SYS_mknodat),
    ("openat", libc::SYS_openat),
    ("openat_tmpfile", libc::SYS_openat),
];

/// Calls that newer architectures no longer have.
#[cfg(target_arch = "x86_64")]
const LEGACY_CALLS: &[(&str, i64)] = &[
    ("chmod", libc::SYS_chmod),
    ("mkdir", libc::SYS_mkdir),
    ("mknod", libc::SYS_mknod),
    ("creat", libc::SYS_creat),
    ("open", libc::SYS_open),
    ("open_tmpfile", libc::SYS_open),
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY_CALLS: &[(&str, i64)] = &[];

fn calls() -> Vec<(&'static str, i64)> {
    [CALLS, LEGACY_CALLS].concat()
}

const OPAQUE: &[(&str, i64)] = &[
    ("openat2", libc::SYS_openat2),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
];

/// Names and error numbers of `calls`, made by the application `name` with `mode`.
fn results(world: &World, name: &str, mode: &str, calls: &[(&str, i64)]) -> Vec<(String, i32)> {
    let flags = [libc::O_CREAT | libc::O_WRONLY, libc::O_TMPFILE | libc::O_WRONLY].map(|flags| flags.to_string());
    let numbers: Vec<String> = calls.iter().map(|(name, number)| format!("{name}={number}")).collect();
    let mut arguments = vec![name, "-e", CALLER, SCRATCH, mode, &flags[0], &flags[1]];
    arguments.extend(numbers.iter().map(String::as_str));
    let outcome = world.galaf(&arguments);
    let results: Vec<(String, i32)> = outcome
        .output()
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, errno)| (name.to_owned(), errno.parse().unwrap()))
        .collect();
    assert_eq!(results.len(), calls.len(), "{outcome:?}");
    results
}

/// The files with a set-id bit that the calls left behind.
fn setid_files(world: &World) -> usize {
    let list = std::fs::read_dir(world.path(SCRATCH)).unwrap();
    let mode = |file: std::io::Result<std::fs::DirEntry>| {
        std::os::unix::fs::MetadataExt::mode(&file.unwrap().metadata().unwrap())
    };
    list.filter_map(|file| (mode(file) & 0o6000 != 0).then_some(())).count()
}

fn world() -> Option<World> {
    let perl = ["/usr/bin/perl", "…"];
    World::new(&[("filtered", entry(&perl)), ("free", unrestricted(&perl))])
}

#[test]
fn no_call_sets_a_setuid_or_setgid_bit() {
    let Some(world) = world() else { return };
    for mode in ["02755", "04755", "06700"] {
        for (name, errno) in results(&world, "filtered", mode, &calls()) {
            assert_eq!(errno, libc::EPERM, "{name} with mode {mode}");
        }
    }
    assert_eq!(setid_files(&world), 0);
}

#[test]
fn without_the_filter_the_same_calls_leave_setgid_files() {
    let Some(world) = world() else { return };
    for (name, errno) in results(&world, "free", "02755", &calls()) {
        // fchmodat2 is younger than some kernels that galaf supports (Linux 6.6).
        assert!(errno == 0 || (name == "fchmodat2" && errno == libc::ENOSYS), "{name}: {errno}");
    }
    assert!(setid_files(&world) >= 5);
}

#[test]
fn ordinary_modes_still_work_under_the_filter() {
    let Some(world) = world() else { return };
    for mode in ["0755", "01777", "0"] {
        for (name, errno) in results(&world, "filtered", mode, &calls()) {
            assert!(errno == 0 || (name == "fchmodat2" && errno == libc::ENOSYS), "{name} with mode {mode}: {errno}");
        }
    }
}

#[test]
fn calls_a_filter_cannot_look_into_answer_as_on_an_old_kernel() {
    let Some(world) = world() else { return };
    for (name, errno) in results(&world, "filtered", "0755", OPAQUE) {
        assert_eq!(errno, libc::ENOSYS, "{name}");
    }
    let free = results(&world, "free", "0755", OPAQUE);
    assert!(free.iter().any(|(name, errno)| name == "openat2" && *errno == 0), "{free:?}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_x32_numbers_of_the_calls_are_refused_too() {
    let Some(world) = world() else { return };
    let x32: Vec<(&str, i64)> = calls().into_iter().map(|(name, number)| (name, number | 0x4000_0000)).collect();
    for (name, errno) in results(&world, "filtered", "02755", &x32) {
        assert_eq!(errno, libc::EPERM, "{name}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_32_bit_system_call_ends_the_application() {
    let probe = ["/opt/probe"];
    let Some(world) = World::new(&[("filtered", entry(&probe)), ("free", unrestricted(&probe))]) else { return };
    if std::process::Command::new("cc").arg("--version").output().is_err() {
        return skip("needs cc to build a program that makes a 32-bit call");
    }
    // Number 20 is getpid there, which cannot fail.
    world.write(
        "/opt/probe.c",
        "int main(void) { int result = 20; __asm__ volatile(\"int $0x80\" : \"+a\"(result)); return result <= 0; }\n",
    );
    world.as_root("cc -o /opt/probe /opt/probe.c");
    if world.galaf(&["free"]).code != 0 {
        return skip("this kernel takes no 32-bit calls");
    }
    let code = world.galaf(&["filtered"]).code;
    assert_eq!(code, 128 + libc::SIGSYS);
}
