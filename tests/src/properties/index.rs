//! The launch index, damaged.

use std::io::Write;

use galaf::launch::{Index, IndexError};

/// Whatever the file has in it, reading it ends, and an application that is listed is found.
pub fn index(bytes: &[u8]) {
    let file = tempfile::tempfile().and_then(|mut file| file.write_all(bytes).map(|()| file));
    let index = match file {
        Ok(file) => Index::open(file),
        Err(error) => panic!("no temporary file: {error}"),
    };
    let Ok(index) = index.map_err(assert_format) else { return };
    for name in ["", "browser", "\u{10ffff}"] {
        // The search looks at some lines only, so that what it finds need not be the only one of that name.
        let _ = index.find(name).map_err(assert_format);
    }
    let Ok(entries) = index.all().map_err(assert_format) else { return };
    if entries.is_sorted_by(|(name, _), (next, _)| name < next) {
        for (name, entry) in &entries {
            match index.find(name) {
                Ok(found) => assert_eq!(found.as_ref(), Some(entry), "{name}"),
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
}

/// What is in a file cannot make the reading of it fail.
fn assert_format(error: IndexError) {
    assert!(matches!(error, IndexError::Format(_)), "{error}");
}
