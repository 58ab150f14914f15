//! The JSON document. Its keys are described in `galaf-stats/README.md`; a change to their meaning raises [`VERSION`].

use std::io::{self, Write};
use std::net::IpAddr;

use galaf::id::{GroupId, UserId};
use galaf::mark::{Half, Mark, Owner};
use serde::Serialize;

use crate::model::{Counter, Names, Refusal, Set, Snapshot, Source, Traffic};

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    sets: Sets<'a>,
    refused: Vec<RefusedObject<'a>>,
    audited: Option<Vec<RefusedObject<'a>>>,
    guarded: Option<Vec<SourceObject>>,
}

#[derive(Serialize)]
struct Sets<'a> {
    out_before: SetObject<'a>,
    out_after: SetObject<'a>,
    in_after: SetObject<'a>,
    refused4: Fill,
    refused6: Fill,
    audited4: Option<Fill>,
    audited6: Option<Fill>,
    guarded4: Option<Fill>,
    guarded6: Option<Fill>,
}

#[derive(Serialize)]
struct SetObject<'a> {
    #[serde(flatten)]
    fill: Fill,
    elements: Vec<TrafficObject<'a>>,
}

#[derive(Serialize)]
struct Fill {
    size: Option<usize>,
    count: usize,
    full: bool,
}

#[derive(Serialize)]
struct TrafficObject<'a> {
    #[serde(flatten)]
    owner: OwnerObject<'a>,
    #[serde(flatten)]
    counter: Counter,
}

#[derive(Serialize)]
struct RefusedObject<'a> {
    #[serde(flatten)]
    owner: OwnerObject<'a>,
    address: IpAddr,
    protocol: u8,
    protocol_name: Option<&'static str>,
    port: Option<u16>,
    #[serde(flatten)]
    counter: Counter,
    timeout_seconds: Option<u64>,
    expires_seconds: Option<u64>,
}

#[derive(Serialize)]
struct SourceObject {
    address: IpAddr,
    prefix: u8,
    #[serde(flatten)]
    counter: Counter,
    timeout_seconds: Option<u64>,
    expires_seconds: Option<u64>,
}

#[derive(Serialize)]
struct OwnerObject<'a> {
    mark: u32,
    kind: OwnerKind,
    user: Option<IdObject<'a>>,
    group: Option<IdObject<'a>>,
    own_group: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum OwnerKind {
    Unmarked,
    Root,
    Pair,
}

#[derive(Serialize)]
struct IdObject<'a> {
    kind: IdKind,
    id: Option<u32>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum IdKind {
    Id,
    Other,
    Any,
    Reserved,
}

/// Writes the document and a newline.
pub(crate) fn write(out: &mut impl Write, snapshot: &Snapshot, names: &Names) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        sets: Sets {
            out_before: set(&snapshot.out_before, names),
            out_after: set(&snapshot.out_after, names),
            in_after: set(&snapshot.in_after, names),
            refused4: fill(&snapshot.refused4),
            refused6: fill(&snapshot.refused6),
            audited4: snapshot.audited.as_ref().map(|audited| fill(&audited.ipv4)),
            audited6: snapshot.audited.as_ref().map(|audited| fill(&audited.ipv6)),
            guarded4: snapshot.guarded.as_ref().map(|guarded| fill(&guarded.ipv4)),
            guarded6: snapshot.guarded.as_ref().map(|guarded| fill(&guarded.ipv6)),
        },
        refused: destinations(snapshot.refusals(), names),
        audited: snapshot.let_through().map(|audited| destinations(audited, names)),
        guarded: snapshot.guarded.as_ref().map(|guarded| sources(guarded.elements())),
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn set<'a>(set: &Set<Traffic>, names: &'a Names) -> SetObject<'a> {
    let mut elements: Vec<&Traffic> = set.elements.iter().collect();
    elements.sort_by_key(|element| element.mark);
    let elements = elements.into_iter().map(|e| TrafficObject { owner: owner(e.mark, names), counter: e.counter });
    SetObject { fill: fill(set), elements: elements.collect() }
}

fn fill<E>(set: &Set<E>) -> Fill {
    Fill { size: set.size, count: set.elements.len(), full: set.is_full() }
}

fn destinations<'a>(refusals: impl Iterator<Item = &'a Refusal>, names: &'a Names) -> Vec<RefusedObject<'a>> {
    let mut refusals: Vec<&Refusal> = refusals.collect();
    refusals.sort_by_key(|r| (r.mark, r.address, r.protocol, r.port));
    refusals.into_iter().map(|refusal| refused(refusal, names)).collect()
}

fn sources<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<SourceObject> {
    let mut sources: Vec<&Source> = sources.collect();
    sources.sort_by_key(|source| source.address);
    let object = |source: &Source| SourceObject {
        address: source.address,
        prefix: source.prefix(),
        counter: source.counter,
        timeout_seconds: source.timeout,
        expires_seconds: source.expires,
    };
    sources.into_iter().map(object).collect()
}

fn refused<'a>(refusal: &Refusal, names: &'a Names) -> RefusedObject<'a> {
    RefusedObject {
        owner: owner(refusal.mark, names),
        address: refusal.address,
        protocol: refusal.protocol.0,
        protocol_name: refusal.protocol.name(),
        port: refusal.port,
        counter: refusal.counter,
        timeout_seconds: refusal.timeout,
        expires_seconds: refusal.expires,
    }
}

fn owner(mark: Mark, names: &Names) -> OwnerObject<'_> {
    let user_of = |half| id(half, |id| names.users.get(&UserId(id)).map(|user| user.name.as_str()));
    let group_of = |half| id(half, |id| names.groups.get(&GroupId(id)).map(String::as_str));
    let (kind, user, group) = match mark.owner() {
        Owner::Unmarked => (OwnerKind::Unmarked, None, None),
        Owner::Root => (OwnerKind::Root, Some(user_of(Half::Id(0))), Some(group_of(Half::Id(0)))),
        Owner::Pair { group, user } => (OwnerKind::Pair, Some(user_of(user)), Some(group_of(group))),
    };
    OwnerObject { mark: mark.0, kind, user, group, own_group: names.is_own_group(mark) }
}

fn id<'a>(half: Half, name: impl Fn(u32) -> Option<&'a str>) -> IdObject<'a> {
    match half {
        Half::Id(id) => IdObject { kind: IdKind::Id, id: Some(id.into()), name: name(id.into()) },
        Half::Overflow => IdObject { kind: IdKind::Other, id: None, name: None },
        Half::Unknown => IdObject { kind: IdKind::Any, id: None, name: None },
        Half::Reserved(_) => IdObject { kind: IdKind::Reserved, id: None, name: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Protocol, User};
    use galaf::mark::{OVERFLOW, UNKNOWN};
    use serde_json::{Value, json};

    const COUNTER: Counter = Counter { packets: 2, bytes: u64::MAX };

    fn document(marks: &[Mark]) -> Value {
        let elements = marks.iter().map(|&mark| Traffic { mark, counter: COUNTER }).collect();
        let none = || Set { size: None, elements: vec![] };
        let refusal = Refusal {
            mark: Mark::from_halves(30004, 1000),
            address: "2001:db8::1".parse().unwrap(),
            protocol: Protocol(6),
            port: Some(443),
            counter: COUNTER,
            timeout: Some(3600),
            expires: None,
        };
        let snapshot = Snapshot {
            out_before: Set { size: Some(marks.len()), elements },
            out_after: none(),
            in_after: none(),
            refused4: Set { size: Some(4096), elements: vec![] },
            refused6: Set { size: Some(4096), elements: vec![refusal] },
            audited: None,
            guarded: None,
        };
        let alice = User { name: "alice\u{1b}".to_owned(), gid: GroupId(1000) };
        let names = Names { users: [(UserId(1000), alice)].into(), ..Names::default() };
        let mut text = Vec::new();
        write(&mut text, &snapshot, &names).unwrap();
        assert!(text.ends_with(b"}\n") && !text.contains(&0x1b));
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn a_refused_destination_has_every_documented_key() {
        let id = |kind: &str, id: u32, name: Value| json!({ "kind": kind, "id": id, "name": name });
        assert_eq!(
            document(&[])["refused"][0],
            json!({
                "mark": 0x7534_03e8, "kind": "pair", "own_group": false,
                "user": id("id", 1000, json!("alice\u{1b}")), "group": id("id", 30004, Value::Null),
                "address": "2001:db8::1", "protocol": 6, "protocol_name": "tcp", "port": 443,
                "packets": 2, "bytes": u64::MAX, "timeout_seconds": 3600, "expires_seconds": null,
            })
        );
    }

    #[test]
    fn sets_tell_how_full_they_are_and_list_their_marks_in_order() {
        let document = document(&[Mark(9), Mark(7)]);
        let set = &document["sets"]["out_before"];
        assert_eq!((&set["size"], &set["count"], &set["full"]), (&json!(2), &json!(2), &json!(true)));
        assert_eq!((&set["elements"][0]["mark"], &set["elements"][1]["mark"]), (&json!(7), &json!(9)));
        assert_eq!(document["sets"]["out_after"], json!({ "size": null, "count": 0, "full": false, "elements": [] }));
        assert_eq!(document["sets"]["refused6"], json!({ "size": 4096, "count": 1, "full": false }));
        assert_eq!(document["version"], 1);
    }

    #[test]
    fn owners_are_told_apart_by_kind() {
        let odd = Mark::from_halves(OVERFLOW, UNKNOWN);
        let document = document(&[Mark::UNMARKED, Mark::from_halves(1000, 1000), odd, Mark::ROOT]);
        let elements = &document["sets"]["out_before"]["elements"];
        assert_eq!((&elements[0]["kind"], &elements[0]["user"]), (&json!("unmarked"), &Value::Null));
        assert_eq!((&elements[1]["kind"], &elements[1]["own_group"]), (&json!("pair"), &json!(true)));
        assert_eq!((&elements[2]["group"]["kind"], &elements[2]["user"]["kind"]), (&json!("other"), &json!("any")));
        assert_eq!((&elements[3]["kind"], &elements[3]["group"]["id"]), (&json!("root"), &json!(0)));
    }
}
