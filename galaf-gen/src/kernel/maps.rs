//! The verdict maps as the kernel has them. rustables cannot list elements, so `nft -j` does.

use std::collections::BTreeMap;

use galaf::paths::TABLE;
use serde_json::Value;

use super::nft::{NftError, list_json};
use crate::render::nft::{Map, Table};

/// Where the elements of the kernel's maps are not the wanted ones.
///
/// # Errors
/// If `nft` cannot list a map.
pub fn differences(table: &Table) -> Result<Vec<String>, NftError> {
    let mut differences = Vec::new();
    for map in &table.maps {
        let listing = list_json(&["map", "inet", TABLE, map.name])?;
        if elements(&listing).as_ref() != Some(&wanted(map)) {
            differences.push(format!("map '{}' has other elements than the file asks for", map.name));
        }
    }
    Ok(differences)
}

fn wanted(map: &Map) -> BTreeMap<u64, String> {
    map.elements.iter().map(|(key, value)| (u64::from(*key), value.clone())).collect()
}

/// Key and value of each element; values in the form that the ruleset has them in.
fn elements(listing: &str) -> Option<BTreeMap<u64, String>> {
    let listing: Value = serde_json::from_str(listing).ok()?;
    let map = listing.get("nftables")?.as_array()?.iter().find_map(|object| object.get("map"))?;
    let Some(elements) = map.get("elem") else { return Some(BTreeMap::new()) };
    elements.as_array()?.iter().map(element).collect()
}

fn element(pair: &Value) -> Option<(u64, String)> {
    let [key, value] = pair.as_array()?.as_slice() else { return None };
    let text = match value.as_u64() {
        Some(mark) => galaf::mark::Mark(u32::try_from(mark).ok()?).to_string(),
        None => format!("jump {}", value.get("jump")?.get("target")?.as_str()?),
    };
    Some((key.as_u64()?, text))
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn maps_are_read_as_nft_lists_them() {
        let verdicts = r#"{"nftables": [{"metainfo": {}}, {"map": {"name": "m", "elem": [[30004, {"jump": {"target": "app_x"}}]]}}]}"#;
        assert_eq!(elements(verdicts).unwrap(), [(30004, "jump app_x".to_owned())].into());
        let marks = r#"{"nftables": [{"map": {"elem": [[30004, 1966407666]]}}]}"#;
        assert_eq!(elements(marks).unwrap(), [(30004, "0x7534fff2".to_owned())].into());
        assert_eq!(elements(r#"{"nftables": [{"map": {}}]}"#).unwrap(), [].into());
        assert_eq!(elements("{}"), None);
    }
}
