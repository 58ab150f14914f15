//! The program of an entry: what to execute, and whether it is sound.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use galaf::launch::{LaunchEntry, arguments};
use galaf::trust::{self, Untrusted, text_of};

use super::failure::Failure;

/// Execute permission of the owner, the group or everybody.
const EXECUTE: u32 = 0o111;

/// The path to execute and its arguments, the path first.
pub(super) fn command(entry: &LaunchEntry, further: &[OsString]) -> Result<(PathBuf, Vec<OsString>), Failure> {
    let program = entry.execv.first().ok_or(Failure::NoProgram)?;
    let arguments = arguments(&entry.execv, further).ok_or(Failure::FurtherArguments)?;
    Ok((PathBuf::from(program), arguments))
}

/// Checks that the program is there, executable and, unless the entry waives it, root's alone to change.
/// Returns where its path ends.
pub(super) fn check(entry: &LaunchEntry) -> Result<PathBuf, Failure> {
    let path = Path::new(entry.execv.first().ok_or(Failure::NoProgram)?);
    if !path.is_absolute() {
        return Err(Failure::UntrustedProgram(Untrusted::Relative(path.to_owned())));
    }
    let end = if entry.user_owned {
        path.canonicalize().map_err(|error| unreachable_at(path, &error))
    } else {
        trusted(path)
    }?;
    let metadata = end.metadata().map_err(|error| unreachable_at(path, &error))?;
    if !metadata.is_file() {
        return Err(Failure::NotExecutable(path.to_owned(), "not a regular file".into()));
    }
    if metadata.permissions().mode() & EXECUTE == 0 {
        return Err(Failure::NotExecutable(path.to_owned(), "it has no execute permission".into()));
    }
    Ok(end)
}

fn trusted(path: &Path) -> Result<PathBuf, Failure> {
    trust::check_file(path).map_err(|error| match error {
        Untrusted::Io(_, error) => unreachable_at(path, &error),
        // Either the end of the path or something on the way, which makes what follows missing.
        Untrusted::NotAFile(_) => match path.metadata() {
            Ok(_) => Failure::NotExecutable(path.to_owned(), "not a regular file".into()),
            Err(error) => unreachable_at(path, &error),
        },
        other => Failure::UntrustedProgram(other),
    })
}

fn unreachable_at(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::Missing(path.to_owned()),
        _ => Failure::NotExecutable(path.to_owned(), text_of(error)),
    }
}
