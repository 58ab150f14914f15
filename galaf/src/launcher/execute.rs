//! The last step.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use galaf::trust::text_of;
use nix::errno::Errno;
use nix::unistd;

use super::failure::Failure;

/// Replaces this process by `program`. Returns only what went wrong.
///
/// execve(2) itself and not one of the `p` functions, which hand a file of unknown format to a shell.
pub(super) fn execute(program: &Path, arguments: Vec<OsString>, variables: BTreeMap<OsString, OsString>) -> Failure {
    match prepare(program, arguments, variables) {
        Ok((path, arguments, environment)) => {
            restore_sigpipe();
            match unistd::execve(&path, &arguments, &environment) {
                Err(errno) => refused(program, errno),
                Ok(never) => match never {},
            }
        }
        Err(failure) => failure,
    }
}

type Prepared = (CString, Vec<CString>, Vec<CString>);

fn prepare(
    program: &Path,
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
) -> Result<Prepared, Failure> {
    let text = |text: OsString| CString::new(text.into_vec()).map_err(|_| Failure::Nul);
    let path = CString::new(program.as_os_str().as_bytes()).map_err(|_| Failure::Nul)?;
    let arguments = arguments.into_iter().map(text).collect::<Result<_, _>>()?;
    let variable = |(mut name, value): (OsString, OsString)| {
        name.push("=");
        name.push(value);
        text(name)
    };
    Ok((path, arguments, variables.into_iter().map(variable).collect::<Result<_, _>>()?))
}

/// Rust ignores SIGPIPE before `main`, and an ignored signal stays ignored across execve(2). The only way back
/// without unsafe code: `exec` gives the signal its default action before it tries, and an empty path fails.
fn restore_sigpipe() {
    let _ = Command::new("").exec();
}

fn refused(program: &Path, errno: Errno) -> Failure {
    match errno {
        // The file was there a moment ago: what is missing is the interpreter it names.
        Errno::ENOENT if program.exists() => {
            Failure::NotExecutable(program.to_owned(), "the interpreter it names does not exist".into())
        }
        Errno::ENOENT | Errno::ENOTDIR => Failure::Missing(program.to_owned()),
        Errno::ENOEXEC => {
            Failure::NotExecutable(program.to_owned(), "this system cannot execute files of its format".into())
        }
        _ => Failure::NotExecutable(program.to_owned(), text_of(&errno.into())),
    }
}
