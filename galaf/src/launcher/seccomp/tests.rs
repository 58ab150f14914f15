//! The filters, run by a model of the kernel's classic BPF machine (Documentation/networking/filter.rst).

use std::sync::OnceLock;

use seccompiler::sock_filter;

use super::*;

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;

/// What the kernel would do with a call: the answer of the filter that does not allow it.
fn answer(arch: u32, number: i64, arguments: [u64; 6]) -> u32 {
    static FILTERS: OnceLock<[BpfProgram; 2]> = OnceLock::new();
    let mut data = Vec::with_capacity(64);
    data.extend(u32::try_from(number).unwrap().to_ne_bytes());
    data.extend(arch.to_ne_bytes());
    data.extend(0u64.to_ne_bytes());
    arguments.iter().for_each(|argument| data.extend(argument.to_ne_bytes()));
    let filters = FILTERS.get_or_init(|| filters().unwrap());
    filters.iter().map(|filter| run(filter, &data)).find(|&answer| answer != ALLOW).unwrap_or(ALLOW)
}

fn run(filter: &[sock_filter], data: &[u8]) -> u32 {
    let (mut at, mut accumulator) = (0, 0u32);
    loop {
        let sock_filter { code, jt, jf, k } = filter[at].clone();
        let offset = usize::try_from(k).unwrap();
        at += 1;
        let branch = |taken| usize::from(if taken { jt } else { jf });
        match code {
            0x20 => accumulator = u32::from_ne_bytes(data[offset..offset + 4].try_into().unwrap()),
            0x54 => accumulator &= k,
            0x05 => at += offset,
            0x15 => at += branch(accumulator == k),
            0x25 => at += branch(accumulator > k),
            0x35 => at += branch(accumulator >= k),
            0x06 => return k,
            _ => panic!("instruction {code:#x}"),
        }
    }
}

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCH: u32 = 0xc000_00f3;

/// A call whose argument number `at` is `value` and whose other ones are as `rest`.
fn with(at: u8, value: u64, mut rest: [u64; 6]) -> [u64; 6] {
    rest[usize::from(at)] = value;
    rest
}

fn refused(errno: libc::c_int) -> u32 {
    ERRNO | errno.unsigned_abs()
}

fn every_call() -> impl Iterator<Item = (i64, Call)> {
    CALLS.iter().chain(LEGACY_CALLS).flat_map(|&call| numbers(call.number).map(move |number| (number, call)))
}

#[test]
fn every_mode_with_a_set_id_bit_is_refused_and_every_other_mode_allowed() {
    for (number, call) in every_call() {
        let rest = call.flags.map_or([0; 6], |flags| with(flags, u64::from(libc::O_CREAT.unsigned_abs()), [0; 6]));
        for mode in 0..=0o17_7777 {
            let expected = if mode & 0o6000 == 0 { ALLOW } else { refused(libc::EPERM) };
            assert_eq!(answer(ARCH, number, with(call.mode, mode, rest)), expected, "call {number} mode {mode:o}");
        }
    }
}

#[test]
fn the_upper_half_of_an_argument_hides_nothing() {
    for (number, call) in every_call() {
        let creat = 0xdead_beef_0000_0000 | u64::from(libc::O_CREAT.unsigned_abs());
        let rest = call.flags.map_or([!0xffff_ffff; 6], |flags| with(flags, creat, [0; 6]));
        assert_eq!(
            answer(ARCH, number, with(call.mode, 0xffff_ffff_0000_2755, rest)),
            refused(libc::EPERM),
            "call {number}"
        );
    }
}

#[test]
fn opening_an_existing_file_ignores_the_mode() {
    for (number, call) in every_call() {
        let Some(flags) = call.flags else { continue };
        let open = |value: libc::c_int| {
            answer(ARCH, number, with(call.mode, 0o6755, with(flags, u64::from(value.unsigned_abs()), [0; 6])))
        };
        // The mode register holds whatever was there before when no file is made.
        assert_eq!(open(libc::O_RDWR | libc::O_DIRECTORY | libc::O_CLOEXEC), ALLOW);
        assert_eq!(open(libc::O_WRONLY | libc::O_CREAT), refused(libc::EPERM));
        assert_eq!(open(libc::O_RDWR | libc::O_TMPFILE), refused(libc::EPERM));
    }
}

#[test]
fn calls_a_filter_cannot_look_into_do_not_exist() {
    for number in OPAQUE_CALLS.iter().flat_map(|&number| numbers(number)) {
        assert_eq!(answer(ARCH, number, [0; 6]), refused(libc::ENOSYS), "call {number}");
    }
}

#[test]
fn every_other_call_passes_whatever_its_arguments() {
    let listed: Vec<i64> =
        every_call().map(|(number, _)| number).chain(OPAQUE_CALLS.iter().flat_map(|&number| numbers(number))).collect();
    for number in (0..600).chain((0..600).map(|number| number | 0x4000_0000)) {
        if !listed.contains(&number) {
            assert_eq!(answer(ARCH, number, [u64::MAX; 6]), ALLOW, "call {number}");
        }
    }
}

#[test]
fn another_architecture_is_killed() {
    for arch in [0x4000_0003, 0x4000_0028, ARCH ^ 1] {
        assert_eq!(answer(arch, 1, [0; 6]), KILL_PROCESS, "{arch:#x}");
    }
}
