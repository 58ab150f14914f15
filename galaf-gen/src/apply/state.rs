//! What is in force, as the last apply left it.

use std::fs;
use std::path::Path;

use galaf::paths::{DNSMASQ_CONF, LAUNCH_INDEX, RULESET};

use crate::diff::Former;

/// Reads the files of `state_dir`; what is not there is nothing.
pub fn read(state_dir: &Path) -> Former {
    let text = |name: &str| fs::read_to_string(state_dir.join(name)).ok();
    Former {
        ruleset: text(RULESET).unwrap_or_default(),
        dnsmasq: text(DNSMASQ_CONF),
        launch_index: text(LAUNCH_INDEX).unwrap_or_default(),
    }
}
