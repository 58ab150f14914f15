//! Whether this process may do it, from the effective capabilities in `/proc/self/status` (proc_pid_status(5)).

use std::path::Path;

use super::{Unreadable, read};

/// Capability numbers of capability.h. CAP_SYS_ADMIN is needed to find a loaded program's maps by id.
const NEEDED: [(u32, &str); 3] = [(12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN"), (39, "CAP_BPF")];

/// Names of the needed capabilities that are missing.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn missing(proc: &Path) -> Result<Vec<&'static str>, Unreadable> {
    Ok(missing_in(&read(&proc.join("self/status"))?))
}

fn missing_in(status: &str) -> Vec<&'static str> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    NEEDED.iter().filter(|(number, _)| effective & 1 << number == 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_lacks_all_of_them() {
        assert_eq!(
            missing_in("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n"),
            ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_BPF"]
        );
    }

    #[test]
    fn a_service_with_some_is_told_of_the_others() {
        assert_eq!(missing_in("CapEff:\t0000008000001000\n"), ["CAP_SYS_ADMIN"]);
    }

    #[test]
    fn root_lacks_none() {
        assert!(missing_in("CapEff:\t000001ffffffffff\n").is_empty());
    }
}
