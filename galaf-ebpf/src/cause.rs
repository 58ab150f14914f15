//! The cause of an error as people read it.

use std::error::Error;
use std::io;

use galaf::trust::text_of;

/// The innermost cause: the kernel's own word for it where there is one.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.downcast_ref::<io::Error>().map_or_else(|| innermost.to_string(), text_of)
}

/// Whether the kernel refused for want of a privilege.
pub(crate) fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aya::sys::SyscallError;

    #[test]
    fn the_kernels_word_is_found_below_the_librarys() {
        let error = SyscallError { call: "bpf_link_create", io_error: io::Error::from_raw_os_error(1) };
        assert_eq!(cause(&error), "operation not permitted");
        assert!(is_refusal(&error));
    }

    #[test]
    fn an_error_without_a_source_speaks_for_itself() {
        assert_eq!(cause(&aya::programs::ProgramError::NotLoaded), "the program is not loaded");
        assert!(!is_refusal(&io::Error::from_raw_os_error(22)));
    }
}
