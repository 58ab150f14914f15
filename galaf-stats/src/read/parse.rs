//! The JSON that `nft -j -n list set` prints (libnftables-json(5)), of nft 1.0.6 and later.
//!
//! An element is its bare key unless it has a counter, a timeout or a comment; a single flag may stand without its
//! array; a set without elements has no `elem`.

use std::net::IpAddr;

use galaf::mark::Mark;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error};
use serde_json::Error as JsonError;

use crate::model::{Counter, Protocol, Refusal, Set, Source, Traffic};

#[derive(Deserialize)]
struct Document<K> {
    nftables: Vec<Object<K>>,
}

/// One of `metainfo`, `set` and whatever later versions add.
#[derive(Deserialize)]
struct Object<K> {
    set: Option<SetObject<K>>,
}

#[derive(Deserialize)]
struct SetObject<K> {
    size: Option<usize>,
    /// Seconds, for elements that state none of their own.
    timeout: Option<u64>,
    #[serde(default = "Vec::new")]
    elem: Vec<Element<K>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Element<K> {
    Wrapped { elem: Body<K> },
    Bare(K),
}

#[derive(Deserialize)]
struct Body<K> {
    val: K,
    #[serde(default)]
    counter: Counter,
    timeout: Option<u64>,
    expires: Option<u64>,
}

/// `mark . address . protocol . port`.
#[derive(Deserialize)]
struct Destination {
    concat: (u32, IpAddr, ProtocolKey, u16),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ProtocolKey {
    Number(u8),
    Name(String),
}

#[derive(Deserialize)]
struct Tables {
    nftables: Vec<TableObject>,
}

#[derive(Deserialize)]
struct TableObject {
    table: Option<Table>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
}

/// A set with `type mark`.
pub(super) fn traffic(json: &[u8]) -> Result<Set<Traffic>, JsonError> {
    let set = set::<u32>(json)?;
    let elements = set.elem.into_iter().map(body).map(|e| Traffic { mark: Mark(e.val), counter: e.counter }).collect();
    Ok(Set { size: set.size, elements })
}

/// A set with `type mark . ipv4_addr . inet_proto . inet_service`, or with `ipv6_addr`.
pub(super) fn refusals(json: &[u8]) -> Result<Set<Refusal>, JsonError> {
    let set = set::<Destination>(json)?;
    let elements = set.elem.into_iter().map(body).map(|e| refusal(e, set.timeout)).collect::<Result<_, _>>()?;
    Ok(Set { size: set.size, elements })
}

/// A set with `type ipv4_addr`, or with `ipv6_addr`.
pub(super) fn sources(json: &[u8]) -> Result<Set<Source>, JsonError> {
    let set = set::<IpAddr>(json)?;
    let source = |element: Body<IpAddr>| Source {
        address: element.val,
        counter: element.counter,
        timeout: element.timeout.or(set.timeout),
        expires: element.expires,
    };
    Ok(Set { size: set.size, elements: set.elem.into_iter().map(body).map(source).collect() })
}

/// Whether the JSON of `list tables` names `table`.
pub(super) fn has_table(json: &[u8], table: &str) -> bool {
    serde_json::from_slice::<Tables>(json)
        .is_ok_and(|tables| tables.nftables.into_iter().filter_map(|object| object.table).any(|t| t.name == table))
}

fn set<K: DeserializeOwned>(json: &[u8]) -> Result<SetObject<K>, JsonError> {
    let document: Document<K> = serde_json::from_slice(json)?;
    document.nftables.into_iter().find_map(|object| object.set).ok_or_else(|| JsonError::custom("it holds no set"))
}

fn body<K>(element: Element<K>) -> Body<K> {
    match element {
        Element::Wrapped { elem } => elem,
        Element::Bare(val) => Body { val, counter: Counter::default(), timeout: None, expires: None },
    }
}

fn refusal(element: Body<Destination>, set_timeout: Option<u64>) -> Result<Refusal, JsonError> {
    let (mark, address, protocol, port) = element.val.concat;
    let protocol = match protocol {
        ProtocolKey::Number(number) => Protocol(number),
        ProtocolKey::Name(name) => {
            Protocol::from_name(&name).ok_or_else(|| JsonError::custom(format_args!("unknown protocol '{name}'")))?
        }
    };
    Ok(Refusal {
        mark: Mark(mark),
        address,
        protocol,
        port: protocol.has_ports().then_some(port),
        counter: element.counter,
        timeout: element.timeout.or(set_timeout),
        expires: element.expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const METAINFO: &str =
        r#"{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}"#;

    fn document(set: &str) -> Vec<u8> {
        format!(r#"{{"nftables": [{METAINFO}, {{"set": {set}}}]}}"#).into_bytes()
    }

    fn one_refusal(element: &str) -> Result<Refusal, JsonError> {
        let json = document(&format!(r#"{{"name": "refused4", "timeout": 3600, "elem": [{element}]}}"#));
        refusals(&json).map(|set| set.elements.into_iter().next().unwrap())
    }

    #[test]
    fn a_set_of_nft_1_0_6_with_and_without_counters_is_read() {
        let json = document(
            r#"{"family": "inet", "name": "out_before", "table": "galaf", "type": "mark", "handle": 2, "size": 65535,
            "elem": [{"elem": {"val": 0, "counter": {"packets": 4, "bytes": 268}}}, 1966343144], "stmt": [{"counter": null}]}"#,
        );
        let set = traffic(&json).unwrap();
        assert_eq!(set.size, Some(65535));
        assert_eq!(
            set.elements,
            [
                Traffic { mark: Mark::UNMARKED, counter: Counter { packets: 4, bytes: 268 } },
                Traffic { mark: Mark(0x7534_03e8), counter: Counter::default() },
            ]
        );
    }

    #[test]
    fn a_set_of_newer_nft_with_dynamic_flag_and_unknown_keys_is_read() {
        for flags in [r#"["dynamic"]"#, r#""dynamic""#] {
            let json = document(&format!(
                r#"{{"name": "in_after", "flags": {flags}, "gc-interval": 5, "elem":
                [{{"elem": {{"val": 1, "counter": {{"packets": 1, "bytes": 18446744073709551615}}, "comment": "x"}}}}]}}"#
            ));
            let set = traffic(&json).unwrap();
            assert_eq!((set.size, set.elements[0].counter.bytes), (None, u64::MAX));
        }
    }

    #[test]
    fn a_set_without_elements_is_empty() {
        assert_eq!(traffic(&document(r#"{"name": "out_after"}"#)).unwrap().elements, []);
    }

    #[test]
    fn a_refusal_is_read_with_the_timeout_of_its_set_or_its_own() {
        let refusal =
            one_refusal(r#"{"elem": {"val": {"concat": [3, "192.0.2.7", 6, 443]}, "expires": 3540, "counter": {"packets": 2, "bytes": 120}}}"#)
                .unwrap();
        assert_eq!(refusal.address, IpAddr::from([192, 0, 2, 7]));
        assert_eq!((refusal.mark, refusal.protocol, refusal.port), (Mark(3), Protocol(6), Some(443)));
        assert_eq!((refusal.counter.packets, refusal.last_seen()), (2, Some(60)));

        let own = one_refusal(r#"{"elem": {"val": {"concat": [3, "::1", 17, 53]}, "timeout": 300, "expires": 298}}"#)
            .unwrap();
        assert_eq!((own.address.is_ipv6(), own.last_seen()), (true, Some(2)));
    }

    #[test]
    fn a_source_is_read_with_its_own_timeout() {
        let json = document(
            r#"{"name": "guarded4", "timeout": 3600, "elem":
            [{"elem": {"val": "192.0.2.7", "timeout": 600, "expires": 590, "counter": {"packets": 2, "bytes": 120}}}]}"#,
        );
        let expected = Source {
            address: IpAddr::from([192, 0, 2, 7]),
            counter: Counter { packets: 2, bytes: 120 },
            timeout: Some(600),
            expires: Some(590),
        };
        assert_eq!(sources(&json).unwrap().elements, [expected]);
    }

    #[test]
    fn protocols_come_as_numbers_or_names_and_only_some_have_ports() {
        let read = |protocol: &str| {
            one_refusal(&format!(r#"{{"concat": [3, "192.0.2.7", {protocol}, 80]}}"#)).map(|r| (r.protocol.0, r.port))
        };
        assert_eq!(read("253").unwrap(), (253, None));
        assert_eq!(read("\"tcp\"").unwrap(), (6, Some(80)));
        assert_eq!(read("\"icmp\"").unwrap(), (1, None));
        assert!(read("\"martian\"").unwrap_err().to_string().contains("unknown protocol 'martian'"));
    }

    #[test]
    fn output_that_is_no_set_is_an_error_and_not_an_empty_table() {
        assert!(traffic(b"").is_err());
        assert!(traffic(br#"{"nftables": []}"#).is_err());
        assert!(traffic(&document(r#"{"name": "x", "elem": [{"elem": {"val": "foo"}}]}"#)).is_err());
    }

    #[test]
    fn a_table_is_found_by_its_whole_name() {
        let json = br#"{"nftables": [{"metainfo": {}}, {"table": {"family": "inet", "name": "galaf2", "handle": 1}}]}"#;
        assert!(has_table(json, "galaf2"));
        assert!(!has_table(json, "galaf"));
        assert!(!has_table(b"", "galaf"));
    }
}
