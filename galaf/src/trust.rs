//! Whether a file can be replaced or changed by anybody but root.
//!
//! A path is trusted when its file and every folder on the way to it, through every symbolic
//! link, belongs to root and is writable by nobody else. Then no unprivileged process can swap
//! it between this check and its use. Access control lists need no extra look: with one present the group
//! bits of the mode show its mask (acl(5)).

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::printable::printable;

/// As many symbolic links as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// Write permission of the group and of everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a path is not trusted, each with the place on the way that is at fault.
#[derive(Debug)]
pub enum Untrusted {
    /// It does not begin with `/`.
    Relative(PathBuf),
    /// It cannot be looked at.
    Io(PathBuf, io::Error),
    /// It belongs to this user.
    Owner(PathBuf, u32),
    /// Its permission bits let others write.
    Writable(PathBuf, u32),
    /// More than 40 symbolic links.
    Loop(PathBuf),
    /// Something on the way, or its end, is not of the kind it must be.
    NotAFile(PathBuf),
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A link may lead through names that somebody else chose.
        let shown = |path: &Path| format!("'{}'", printable(path));
        match self {
            Self::Relative(path) => write!(f, "{} is not an absolute path", shown(path)),
            Self::Io(path, error) => write!(f, "cannot look at {}: {}", shown(path), text_of(error)),
            Self::Owner(path, uid) => write!(f, "{} belongs to uid {uid}, not to root", shown(path)),
            Self::Writable(path, mode) => {
                write!(f, "{} can be written by others than root (mode {:04o})", shown(path), mode & 0o7777)
            }
            Self::Loop(path) => write!(f, "{} leads through more than {MAX_LINKS} symbolic links", shown(path)),
            Self::NotAFile(path) => write!(f, "{} is not a regular file", shown(path)),
        }
    }
}

impl std::error::Error for Untrusted {}

/// An [`io::Error`]'s text in lower case and without Rust's `(os error N)`.
pub fn text_of(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Follows `path` to its end and checks every step.
///
/// # Errors
/// The first [`Untrusted`] place met.
pub fn check_file(path: &Path) -> Result<PathBuf, Untrusted> {
    if !path.is_absolute() {
        return Err(Untrusted::Relative(path.to_owned()));
    }
    let mut ahead: VecDeque<OsString> = steps(path).collect();
    let mut here = PathBuf::from("/");
    let mut metadata = look(&here)?;
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        // `here` is about to be searched: whoever may write to it decides what comes next.
        if !metadata.is_dir() {
            return Err(Untrusted::NotAFile(here));
        }
        check_owner(&here, &metadata)?;
        if step == ".." {
            here.pop();
            metadata = look(&here)?;
            continue;
        }
        let next = here.join(&step);
        let next_metadata = look(&next)?;
        if next_metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(Untrusted::Loop(path.to_owned()));
            }
            let target = std::fs::read_link(&next).map_err(|e| Untrusted::Io(next.clone(), e))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
                metadata = look(&here)?;
            }
            for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
                ahead.push_front(step);
            }
        } else {
            here = next;
            metadata = next_metadata;
        }
    }
    if !metadata.is_file() {
        return Err(Untrusted::NotAFile(here));
    }
    check_owner(&here, &metadata)?;
    Ok(here)
}

fn look(path: &Path) -> Result<std::fs::Metadata, Untrusted> {
    std::fs::symlink_metadata(path).map_err(|e| Untrusted::Io(path.to_owned(), e))
}

fn check_owner(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Untrusted> {
    if metadata.uid() != 0 {
        return Err(Untrusted::Owner(path.to_owned(), metadata.uid()));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Untrusted::Writable(path.to_owned(), metadata.mode()));
    }
    Ok(())
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_refused() {
        assert!(matches!(check_file(Path::new("bin/true")), Err(Untrusted::Relative(_))));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = check_file(Path::new("/usr/bin/no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot look at '/usr/bin/no-such-program': no such file or directory");
    }

    #[test]
    fn a_system_program_is_trusted_through_its_links() {
        // /bin is a link to /usr/bin on a merged-usr system, and sh a link to dash.
        let end = check_file(Path::new("/bin/sh")).unwrap();
        assert!(!end.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn a_folder_is_not_a_program() {
        assert!(matches!(check_file(Path::new("/usr/bin")), Err(Untrusted::NotAFile(_))));
    }

    #[test]
    fn a_file_below_a_world_writable_folder_is_refused() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let file = dir.path().join("program");
        std::fs::write(&file, "").unwrap();
        let error = check_file(&file).unwrap_err();
        assert!(matches!(&error, Untrusted::Writable(path, _) if path == Path::new("/tmp")), "{error}");
    }

    #[test]
    fn a_link_out_of_a_writable_folder_is_refused_though_its_target_is_sound() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let link = dir.path().join("program");
        std::os::unix::fs::symlink("/usr/bin/env", &link).unwrap();
        assert!(matches!(check_file(&link), Err(Untrusted::Writable(..))));
    }
}
