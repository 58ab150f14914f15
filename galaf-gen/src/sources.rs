//! The administrator's file and the drop-ins beside it, read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use galaf::config::Part;
use galaf::paths::{CONFIG_PATH, DROP_IN_DIR};
use galaf::trust::{check_file, text_of};

use crate::input::InputError;

/// Files in the order they are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The file itself.
    pub file: PathBuf,
    /// The drop-ins, sorted by name.
    pub drop_ins: Vec<PathBuf>,
}

/// Where the drop-ins of `file` are.
pub fn drop_in_dir(file: &Path) -> PathBuf {
    file.with_file_name(DROP_IN_DIR)
}

impl Files {
    /// `file` alone.
    pub fn only(file: &Path) -> Self {
        Self { file: file.to_owned(), drop_ins: Vec::new() }
    }

    /// `file`, and every `*.json` of the folder `galaf.d` beside it. Hidden files, such as those an editor leaves, are not
    /// among them.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub fn find(file: &Path) -> Result<Self, InputError> {
        let dir = drop_in_dir(file);
        let is_drop_in = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "json")
                && path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        };
        let entries = std::fs::read_dir(&dir)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>());
        let mut drop_ins: Vec<PathBuf> = match entries {
            Ok(paths) => paths.into_iter().filter(is_drop_in).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(InputError::Read { path: dir, cause: text_of(&error) }),
        };
        drop_ins.sort();
        Ok(Self { file: file.to_owned(), drop_ins })
    }

    /// Checks that the administrator's file and its drop-ins are root's alone. Any other file was chosen by whoever named it.
    ///
    /// # Errors
    /// If others can write one, or it cannot be looked at.
    pub fn trust(&self) -> Result<(), InputError> {
        if self.file != Path::new(CONFIG_PATH) {
            return Ok(());
        }
        let first = Some(&self.file).filter(|file| file.exists());
        first.into_iter().chain(&self.drop_ins).try_for_each(|file| Ok(check_file(file).map(drop)?))
    }

    /// Reads them.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read(&self) -> Result<Vec<Part>, InputError> {
        let part = |path: &PathBuf| Ok(Part { name: path.display().to_string(), text: read_file(path)? });
        std::iter::once(&self.file).chain(&self.drop_ins).map(part).collect()
    }
}

/// Reads one file.
///
/// # Errors
/// If it cannot be read.
pub fn read_file(path: &Path) -> Result<String, InputError> {
    std::fs::read_to_string(path).map_err(|error| InputError::Read { path: path.to_owned(), cause: text_of(&error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_are_the_visible_json_files_in_the_order_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("galaf.json");
        assert_eq!(Files::find(&file).unwrap(), Files::only(&file));
        let drop_ins = dir.path().join(DROP_IN_DIR);
        std::fs::create_dir(&drop_ins).unwrap();
        for name in ["b.json", "10-a.json", ".b.json.swp", ".hidden.json", "a.json~", "README", "9.json"] {
            std::fs::write(drop_ins.join(name), "{}").unwrap();
        }
        let found = Files::find(&file).unwrap().drop_ins;
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["10-a.json", "9.json", "b.json"]);
    }
}
