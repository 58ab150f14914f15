//! The system call filter that keeps an application from making setuid and setgid files.
//!
//! Such a file would hand the application's group to whoever executes it, for as long as it exists. Processes of
//! another architecture than galaf's own (32-bit programs) are killed at their first call, since their calls have
//! other numbers.

use std::collections::BTreeMap;

use galaf::trust::text_of;
use nix::libc;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::MaskedEq;
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};

use super::failure::Failure;

/// What may be added to a call's number: bit 30 for the x32 interface, which shares x86_64's architecture value.
#[cfg(target_arch = "x86_64")]
const NUMBER_BITS: &[libc::c_long] = &[0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const NUMBER_BITS: &[libc::c_long] = &[0];

/// The same on every architecture (Linux 6.6); libc does not name it everywhere.
const SYS_FCHMODAT2: libc::c_long = 452;

/// The flag of O_TMPFILE alone; the constant contains O_DIRECTORY, which every open of a folder has.
const TMPFILE_BIT: libc::c_int = libc::O_TMPFILE & !libc::O_DIRECTORY;

/// A call that can give a file its mode.
#[derive(Clone, Copy)]
struct Call {
    number: libc::c_long,
    /// Position of its mode argument.
    mode: u8,
    /// Position of its flags argument, if the mode counts only where they ask for a new file.
    flags: Option<u8>,
}

const fn call(number: libc::c_long, mode: u8) -> Call {
    Call { number, mode, flags: None }
}

const CALLS: &[Call] = &[
    call(libc::SYS_fchmod, 1),
    call(libc::SYS_fchmodat, 2),
    call(SYS_FCHMODAT2, 2),
    call(libc::SYS_mkdirat, 2),
    call(libc::SYS_mknodat, 2),
    Call { number: libc::SYS_openat, mode: 3, flags: Some(2) },
];

/// Calls that newer architectures no longer have.
#[cfg(target_arch = "x86_64")]
const LEGACY_CALLS: &[Call] = &[
    call(libc::SYS_chmod, 1),
    call(libc::SYS_creat, 1),
    call(libc::SYS_mkdir, 1),
    call(libc::SYS_mknod, 1),
    Call { number: libc::SYS_open, mode: 2, flags: Some(1) },
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY_CALLS: &[Call] = &[];

/// Calls whose arguments lie in memory, where a filter cannot look. Answered as by a kernel that
/// does not have them, so that programs fall back to the older ones. All of io_uring, since a ring may be inherited.
const OPAQUE_CALLS: &[libc::c_long] =
    &[libc::SYS_openat2, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Installs the filters on this thread. They stay over execve and reach every child.
pub(super) fn apply() -> Result<(), Failure> {
    install().map_err(|error| Failure::Seccomp(reason(&error)))
}

fn install() -> seccompiler::Result<()> {
    filters()?.iter().try_for_each(|filter| seccompiler::apply_filter(filter))
}

fn reason(error: &seccompiler::Error) -> String {
    match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => text_of(error),
        seccompiler::Error::Backend(BackendError::InvalidTargetArch(arch)) => {
            format!("the calls of architecture '{arch}' are not known; set 'seccomp' to false in the entry")
        }
        other => other.to_string(),
    }
}

/// One filter for each answer: EPERM, then ENOSYS.
fn filters() -> Result<[BpfProgram; 2], BackendError> {
    let mut setid = BTreeMap::new();
    for call in CALLS.iter().chain(LEGACY_CALLS) {
        let rules = setid_rules(*call)?;
        for number in numbers(call.number) {
            setid.insert(number, rules.clone());
        }
    }
    let opaque = OPAQUE_CALLS.iter().flat_map(|&number| numbers(number)).map(|number| (number, Vec::new())).collect();
    Ok([compile(setid, libc::EPERM)?, compile(opaque, libc::ENOSYS)?])
}

fn compile(rules: BTreeMap<libc::c_long, Vec<SeccompRule>>, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let target = TargetArch::try_from(std::env::consts::ARCH)?;
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, answer, target)?.try_into()
}

/// The numbers under which this architecture knows a call.
fn numbers(number: libc::c_long) -> impl Iterator<Item = libc::c_long> {
    NUMBER_BITS.iter().map(move |bits| number | bits)
}

/// Any of the rules matches: one for each bit, and for each flag that makes a file.
fn setid_rules(call: Call) -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = Vec::new();
    for bit in [libc::S_ISUID, libc::S_ISGID] {
        let mode = has_bits(call.mode, bit)?;
        match call.flags {
            None => rules.push(SeccompRule::new(vec![mode])?),
            Some(flags) => {
                for flag in [libc::O_CREAT, TMPFILE_BIT] {
                    rules.push(SeccompRule::new(vec![has_bits(flags, flag.unsigned_abs())?, mode.clone()])?);
                }
            }
        }
    }
    Ok(rules)
}

/// Only the lower half is compared: the kernel takes modes and flags as 32-bit values, whatever lies above.
fn has_bits(argument: u8, bits: u32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, MaskedEq(u64::from(bits)), u64::from(bits))
}

#[cfg(test)]
mod tests;
