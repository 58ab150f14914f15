//! Connections that are open, ended by their mark.

use std::path::Path;
use std::process::{Command, Output};

use galaf::mark::Mark;

const CONNTRACK: [&str; 2] = ["/usr/sbin/conntrack", "/sbin/conntrack"];
const SS: [&str; 3] = ["/usr/bin/ss", "/bin/ss", "/usr/sbin/ss"];
/// What conntrack(8) says when it did what it was asked; its exit status is 1 also if there was nothing to delete.
const DONE: &str = " flow entries have been deleted";

/// Why they could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The tool is not there.
    #[error("open connections were not ended, since there is no 'conntrack'; install the package 'conntrack'")]
    Missing,
    /// The tool did not do it.
    #[error("open connections were not ended: {0}")]
    Refused(String),
}

/// Which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// What their marks are, in the bits of the mask.
    pub mark: Mark,
    /// The bits that matter.
    pub mask: u32,
}

impl Marked {
    fn as_argument(self) -> String {
        format!("{:#x}/{:#x}", self.mark.0 & self.mask, self.mask)
    }
}

/// Makes the kernel forget every connection of `marked`, and says how many it knew. Needs `CAP_NET_ADMIN`.
///
/// A forgotten connection's next packet is judged like the first of a new one. TCP sockets whose mark the kernel
/// keeps are closed at once, so that programs notice; without that they wait for answers that do not come.
///
/// # Errors
/// If conntrack(8) is missing or fails.
pub fn end(marked: Marked) -> Result<usize, EndError> {
    // First, while the reset that the other side gets still belongs to a known connection. Kernels without
    // CONFIG_INET_DIAG_DESTROY, or an ss that cannot filter by mark, leave it to the programs' own patience.
    if let Some(ss) = installed(&SS) {
        let _ = Command::new(ss).args(["-K", "-n", "-t"]).arg(format!("fwmark = {}", marked.as_argument())).output();
    }
    let conntrack = installed(&CONNTRACK).ok_or(EndError::Missing)?;
    ["ipv4", "ipv6"].iter().try_fold(0, |sum, family| {
        let mark = marked.as_argument();
        let output = Command::new(conntrack).args(["-D", "-f", family, "--mark", &mark]).output();
        Ok(sum + deleted(&output.map_err(|error| EndError::Refused(galaf::trust::text_of(&error)))?)?)
    })
}

fn installed(paths: &[&'static str]) -> Option<&'static str> {
    paths.iter().copied().find(|path| Path::new(path).exists())
}

fn deleted(output: &Output) -> Result<usize, EndError> {
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once(DONE)?.0.rsplit(' ').next()?.parse().ok());
    count.ok_or_else(|| EndError::Refused(said.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use galaf::mark::GROUP_MASK;

    use super::*;

    #[test]
    fn an_application_is_selected_by_the_upper_half_alone() {
        let marked = Marked { mark: Mark::from_halves(30004, 1000), mask: GROUP_MASK };
        assert_eq!(marked.as_argument(), "0x75340000/0xffff0000");
    }

    #[test]
    fn nothing_to_delete_is_no_failure_and_a_refusal_is() {
        let output = |stderr: &str| Output {
            status: ExitStatus::from_raw(1 << 8),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
        };
        let none = output("conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.\n");
        assert_eq!(deleted(&none).unwrap(), 0);
        let some = output("conntrack v1.4.7 (conntrack-tools): 12 flow entries have been deleted.\n");
        assert_eq!(deleted(&some).unwrap(), 12);
        let refused = output("conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root\n");
        assert!(deleted(&refused).unwrap_err().to_string().contains("must be root"));
    }
}
