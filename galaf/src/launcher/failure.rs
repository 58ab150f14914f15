//! Why nothing was launched, and the exit code that says so.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use galaf::id::{GidRange, GroupId, UserId};
use galaf::launch::IndexError;
use galaf::paths;
use galaf::trust::{Untrusted, text_of};
use nix::errno::Errno;

use galaf::printable::printable;

/// Every way in which a launch ends without its application.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// Standard output cannot be written.
    Output(io::Error),
    /// There is no index.
    NoIndex,
    /// The index could have been written by somebody else than root.
    UntrustedIndex(Untrusted),
    /// The index cannot be opened.
    ClosedIndex(io::Error),
    /// The index cannot be read.
    Index(IndexError),
    /// No application has this name; the second is a similar one.
    Unknown(OsString, Option<String>),
    /// One of the caller's user ids is 0.
    Root,
    /// The application is not for this user.
    User(UserId),
    /// The application's group is outside the range of application groups.
    Group(GroupId, GidRange),
    /// The entry asks for seccomp without `no_new_privileges`.
    Restrictions,
    /// The entry has no place for further arguments.
    FurtherArguments,
    /// The entry names no program.
    NoProgram,
    /// The program could be replaced by somebody else than root.
    UntrustedProgram(Untrusted),
    /// The program does not exist.
    Missing(PathBuf),
    /// The program exists and cannot be executed.
    NotExecutable(PathBuf, String),
    /// This process may not change its groups. `true`: because of no_new_privs.
    NoCapability(bool),
    /// The kernel refused a step.
    Kernel(&'static str, Errno),
    /// A file of /proc cannot be read.
    Proc(&'static str, io::Error),
    /// Reading back showed something else than what was set.
    Deviation(String),
    /// The system call filter cannot be made or installed.
    Seccomp(String),
    /// An argument or variable of the entry contains a NUL byte.
    Nul,
}

impl Failure {
    /// 127 if the program was not found, 126 if it cannot be executed, 125 for everything that is galaf's
    /// own: the convention of env(1) and timeout(1).
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Missing(_) => 127,
            Self::NotExecutable(..) => 126,
            _ => 125,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = format_args!("{}/{}", paths::STATE_DIR, paths::LAUNCH_INDEX);
        match self {
            Self::Usage(what) => write!(f, "{what}; 'galaf --help' shows how"),
            Self::Output(error) => write!(f, "cannot write to standard output: {}", text_of(error)),
            Self::NoIndex => write!(f, "cannot open '{index}': no such file; root must run 'galaf-gen apply'"),
            Self::UntrustedIndex(why) => write!(f, "refusing to use '{index}': {why}"),
            Self::ClosedIndex(error) => write!(f, "cannot open '{index}': {}", text_of(error)),
            Self::Index(error @ IndexError::Io(_)) => write!(f, "cannot read '{index}': {error}"),
            Self::Index(error @ IndexError::Format(_)) => write!(f, "'{index}' {error}"),
            Self::Unknown(name, similar) => {
                write!(f, "unknown application '{}'; ", printable(name))?;
                match similar {
                    Some(similar) => write!(f, "did you mean '{similar}'?"),
                    None => f.write_str("'galaf --list' shows yours"),
                }
            }
            Self::Root => f.write_str(
                "refusing to launch as root: root's processes keep every privilege and can take any group; \
                 run it as an ordinary user",
            ),
            Self::User(uid) => write!(f, "user {uid} is not among the users who may launch this application"),
            Self::Group(gid, range) => write!(f, "group {gid} is outside the range of application groups, {range}"),
            Self::Restrictions => {
                f.write_str("the entry asks for 'seccomp' without 'no_new_privileges', which it needs")
            }
            Self::FurtherArguments => f.write_str("this application takes no arguments: its 'execv' has no '…'"),
            Self::NoProgram => f.write_str("the entry names no program"),
            Self::UntrustedProgram(why) => write!(f, "refusing to launch: {why}"),
            Self::Missing(path) => write!(f, "cannot execute '{}': no such file", printable(path)),
            Self::NotExecutable(path, why) => write!(f, "cannot execute '{}': {why}", printable(path)),
            Self::NoCapability(true) => f.write_str(
                "cannot change groups: no_new_privs is set for this process, so galaf's capability has no effect; \
                 an application launched with 'no_new_privileges' cannot launch another",
            ),
            Self::NoCapability(false) => f.write_str(
                "cannot change groups: this program has no capability CAP_SETGID; it was installed without \
                 'setcap cap_setgid+ep', copied, or lies on a file system mounted with 'nosuid'",
            ),
            Self::Kernel(what, errno) => write!(f, "cannot {what}: {}", text_of(&io::Error::from(*errno))),
            Self::Proc(path, error) => write!(f, "cannot read '{path}': {}", text_of(error)),
            Self::Deviation(what) => write!(f, "refusing to go on: {what}"),
            Self::Seccomp(why) => write!(f, "cannot install the system call filter: {why}"),
            Self::Nul => f.write_str("an argument or variable of the entry contains a NUL byte"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}
