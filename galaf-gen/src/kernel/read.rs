//! The running table, read over netlink.

use galaf::paths::TABLE;
use rustables::error::{DecodeError, QueryError};
use rustables::query::list_objects_with_data;
use rustables::set::Set;
use rustables::{Chain, ProtocolFamily, Table, list_chains_for_table, list_rules_for_chain, list_tables};
use serde_json::Value;

use super::nft::{NftError, list_json};
use crate::transaction::{Base, Live, Shape};

/// A message of nf_tables (linux/netfilter/nf_tables.h).
const NFT_MSG_GETSET: u16 = 10;
/// Flags of sets that are maps and of sets that nft made for `{ … }` inside a rule.
const NFT_SET_ANONYMOUS: u32 = 0x1;
const NFT_SET_MAP: u32 = 0x8;
/// A dump is begun again as often when the ruleset changes under it.
const TRIES: usize = 5;

/// Why the kernel could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Netlink.
    #[error("cannot read nf_tables: {}", super::text_of(.0))]
    Query(#[from] QueryError),
    /// rustables does not tell chains of equally named tables apart.
    #[error("more than one table is called '{TABLE}'; remove the one that is not of family inet")]
    Ambiguous,
    /// nft, for what rustables cannot decode.
    #[error(transparent)]
    Nft(#[from] NftError),
}

/// Our table, `None` if it is not loaded. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If netlink fails, or the ruleset changes faster than it can be read.
pub fn table() -> Result<Option<Live>, ReadError> {
    read(comments)
}

/// Our table without its rules, whose reading takes longer than all the rest: what a transaction needs to know.
///
/// # Errors
/// As [`table`].
pub fn outline() -> Result<Option<Live>, ReadError> {
    read(|_, _| Ok(Vec::new()))
}

/// What `rules` tells of a chain, by its name.
type Rules = fn(&Chain, &str) -> Result<Vec<String>, ReadError>;

fn read(rules: Rules) -> Result<Option<Live>, ReadError> {
    let tables: Vec<Table> =
        list_tables()?.into_iter().filter(|table| table.get_name().is_some_and(|name| name == TABLE)).collect();
    match tables.as_slice() {
        [] => Ok(None),
        // Ours has neither flags nor a comment, so it is equal to this one if it is of our family.
        [table] if *table == Table::new(ProtocolFamily::Inet).with_name(TABLE.to_owned()).with_flags(0u32) => {
            contents(table, rules).map(Some)
        }
        [_] => Ok(None),
        _ => Err(ReadError::Ambiguous),
    }
}

fn contents(table: &Table, rules: Rules) -> Result<Live, ReadError> {
    let mut tries = 1;
    loop {
        match try_contents(table, rules) {
            Err(error) if is_interrupted(&error) && tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

fn is_interrupted(error: &ReadError) -> bool {
    matches!(error, ReadError::Query(QueryError::ProcessNetlinkError(DecodeError::ConcurrentGenerationUpdate)))
}

fn try_contents(table: &Table, rules: Rules) -> Result<Live, ReadError> {
    let mut live = Live::default();
    let chains = list_chains_for_table(table)?;
    for chain in &chains {
        let Some(name) = chain.get_name() else { continue };
        live.chains.insert(name.clone(), rules(chain, name)?);
        let hook = chain.get_hook().and_then(|hook| Some((*hook.get_class()?, *hook.get_priority()?)));
        // rustables keeps the number unsigned, and the kernel's is signed.
        live.bases.extend(hook.map(|(hook, priority)| (name.clone(), Base { hook, priority: priority.cast_signed() })));
    }
    for set in sets()? {
        let (Some(name), Some(&flags), Some(&key_type)) = (set.get_name(), set.get_flags(), set.get_key_type()) else {
            continue;
        };
        if flags & NFT_SET_ANONYMOUS != 0 {
            continue;
        }
        if flags & NFT_SET_MAP != 0 {
            live.maps.push(name.clone());
        } else {
            live.sets.insert(name.clone(), Shape { key_type, flags });
        }
    }
    Ok(live)
}

/// The comment of each rule of `chain`.
///
/// rustables fails on a chain with a rule that it cannot decode, as one with a concatenated key. `nft` lists those.
fn comments(chain: &Chain, name: &str) -> Result<Vec<String>, ReadError> {
    match list_rules_for_chain(chain) {
        Ok(rules) => Ok(rules
            .iter()
            .map(|rule| rule.get_userdata().and_then(|data| comment(data)).unwrap_or_default())
            .collect()),
        Err(QueryError::ProcessNetlinkError(error)) if !matches!(error, DecodeError::ConcurrentGenerationUpdate) => {
            Ok(listed_comments(&list_json(&["chain", "inet", TABLE, name])?).unwrap_or_default())
        }
        Err(error) => Err(error.into()),
    }
}

/// The comments in nft's listing of a chain.
fn listed_comments(listing: &str) -> Option<Vec<String>> {
    let listing: Value = serde_json::from_str(listing).ok()?;
    let rules = listing.get("nftables")?.as_array()?.iter().filter_map(|object| object.get("rule"));
    Some(rules.map(|rule| rule.get("comment").and_then(Value::as_str).unwrap_or_default().to_owned()).collect())
}

fn sets() -> Result<Vec<Set>, QueryError> {
    let mut sets = Vec::new();
    let keep = |set: Set, sets: &mut Vec<Set>| {
        if set.get_table().is_some_and(|table| table == TABLE) {
            sets.push(set);
        }
        Ok(())
    };
    // With a filter, rustables names no family and the kernel finds no table; so every set of the machine is listed.
    list_objects_with_data(NFT_MSG_GETSET, &keep, None, &mut sets)?;
    Ok(sets)
}

/// The comment in a rule's user data: type 0, length, text with a final NUL (libnftnl, udata.h).
fn comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let (value, next) = rest.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            return String::from_utf8(text.to_vec()).ok();
        }
        data = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{comment, listed_comments};

    #[test]
    fn a_comment_is_found_among_other_user_data() {
        assert_eq!(comment(b"\x01\x02ab\x00\x03hi\x00").as_deref(), Some("hi"));
        assert_eq!(comment(b"\x00\x09hi"), None);
        assert_eq!(comment(b""), None);
    }

    #[test]
    fn comments_are_found_in_a_listing() {
        let listing = r#"{"nftables": [{"metainfo": {}}, {"chain": {}}, {"rule": {"comment": "a"}}, {"rule": {}}]}"#;
        assert_eq!(listed_comments(listing).unwrap(), ["a", ""]);
    }
}
