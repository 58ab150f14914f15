//! What is in a learned set. rustables cannot list elements, so `nft -j` does.

use std::collections::BTreeSet;
use std::net::IpAddr;

use galaf::paths::TABLE;
use serde_json::Value;

use super::nft::{NftError, list_json};

/// The addresses in the learned set `set`, those whose time is over excepted. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If there is no such set, or `nft` cannot list it.
pub fn addresses(set: &str) -> Result<BTreeSet<IpAddr>, NftError> {
    let listing = list_json(&["set", "inet", TABLE, set])?;
    read(&listing).ok_or_else(|| NftError::Refused(format!("cannot read its listing of '{set}'")))
}

/// An element with a timeout is wrapped, any other is the bare address.
fn read(listing: &str) -> Option<BTreeSet<IpAddr>> {
    let listing: Value = serde_json::from_str(listing).ok()?;
    let set = listing.get("nftables")?.as_array()?.iter().find_map(|object| object.get("set"))?;
    let Some(elements) = set.get("elem") else { return Some(BTreeSet::new()) };
    let address = |element: &Value| {
        let value = element.get("elem").map_or(Some(element), |element| element.get("val"))?;
        value.as_str()?.parse().ok()
    };
    elements.as_array()?.iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn addresses_are_read_as_nft_lists_them() {
        let listing = r#"{"nftables": [{"metainfo": {}}, {"set": {"name": "s", "elem": [
            {"elem": {"val": "192.0.2.7", "timeout": 86400, "expires": 86399}}, "2001:db8::7"]}}]}"#;
        let addresses = ["192.0.2.7", "2001:db8::7"].map(|address| address.parse().unwrap());
        assert_eq!(read(listing), Some(addresses.into()));
        assert_eq!(read(r#"{"nftables": [{"set": {}}]}"#), Some([].into()));
        assert_eq!(read("{}"), None);
    }
}
