//! Ids that ordinary users can take must not be an application's or a trusted container's.

use galaf::config::Config;
use galaf::json::JsonPath;

use super::Messages;
use crate::accounts::{Accounts, SubIds};

/// Ids in one container.
const CONTAINER_IDS: u32 = 0x1_0000;

pub(super) fn check(config: &Config, accounts: &Accounts, problems: &mut Messages) {
    let at = JsonPath::root().key("config");
    let range = config.settings.gid_range;
    for ids in accounts.subgids.iter().filter(|ids| ids.overlaps(range.min.0, range.max.0)) {
        problems.push((
            at.key("gid_range"),
            format!(
                "{range} overlaps {}: that user could take the gid of any application there",
                described(ids, "subgid")
            ),
        ));
    }
    let both =
        accounts.subuids.iter().map(|ids| (ids, "subuid")).chain(accounts.subgids.iter().map(|ids| (ids, "subgid")));
    for (ids, file) in both {
        for base in config.settings.containers.iter().map(|base| base.get()) {
            if ids.overlaps(base, base.saturating_add(CONTAINER_IDS - 1)) {
                problems.push((
                    // Sorted, so the index is not the file's.
                    at.key("containers"),
                    format!(
                        "the ids from {base} overlap {}: that user could pass for the container",
                        described(ids, file)
                    ),
                ));
            }
        }
    }
}

fn described(ids: &SubIds, file: &str) -> String {
    format!("{}-{}, which /etc/{file} gives to '{}'", ids.first, ids.last, ids.owner)
}
