//! The program as an object file.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use galaf::trust::text_of;

static BUILT_IN: &[u8] = aya::include_bytes_aligned!("../object/galaf.bpf.o");

/// The object file of `--object` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read '{}': {cause}", path.display())]
pub(crate) struct ObjectError {
    path: PathBuf,
    cause: String,
}

/// The object at `path`, or the one built into this program.
///
/// # Errors
/// When `path` cannot be read.
pub(crate) fn read(path: Option<&Path>) -> Result<Cow<'static, [u8]>, ObjectError> {
    let Some(path) = path else { return Ok(Cow::Borrowed(BUILT_IN)) };
    fs::read(path).map(Cow::Owned).map_err(|error| ObjectError { path: path.to_owned(), cause: text_of(&error) })
}
