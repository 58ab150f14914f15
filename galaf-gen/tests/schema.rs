//! The schema against the parser: what an editor accepts is what galaf-gen accepts.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use galaf::config::Config;
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

/// Files that are refused for what they mean, which no schema can see.
const BEYOND_A_SCHEMA: [&str; 17] = [
    // Two keys are one to a schema's reader.
    "06-keys-there-twice",
    // What brackets, words and operators of nft mean.
    "14-rule-decides",
    "16-rule-unbalanced",
    "17-rule-of-others-sets",
    "18-rule-begins-with-an-operator",
    // What another part of the file, or the machine, says.
    "22-names-in-a-circle",
    "23-names-of-an-entry-without",
    "25-gid-range-reversed",
    "29-gid-range-of-an-entry",
    "50-missing-users",
    "51-group-outside-the-range",
    "52-group-with-a-member",
    "53-login-group",
    "56-containers-with-subordinate-ids",
    "57-range-is-full",
    "61-resolv-conf-of-another-port",
    "66-inbound-guard-against-nobody",
];

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&serde_json::from_str(galaf_gen::SCHEMA).unwrap()).unwrap());

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// The files below `dir`, by the name of their folder.
fn files(dir: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if let Ok(text) = fs::read_to_string(entry.path().join("galaf.json")) {
            files.push((entry.file_name().display().to_string(), text));
        }
    }
    assert!(!files.is_empty(), "nothing in '{}'", dir.display());
    files
}

#[test]
fn every_good_file_is_good_to_an_editor() {
    for (name, text) in files(&golden()).into_iter().chain(files(&golden().join("notices"))) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            VALIDATOR.iter_errors(&value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn every_bad_file_is_bad_to_an_editor_unless_only_its_meaning_is() {
    let beyond = BTreeSet::from(BEYOND_A_SCHEMA);
    let mut wrong = Vec::new();
    for (name, text) in files(&golden().join("rejected")) {
        let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
        let parsed = Config::parse(&text).is_ok();
        // What the parser takes is refused for the machine's sake.
        if VALIDATOR.is_valid(&value) != (parsed || beyond.contains(name.as_str())) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// One of `good`, or now and then one of `bad`: a document with two slips says little about either.
fn mostly<T: Clone + std::fmt::Debug + 'static>(good: Vec<T>, bad: Vec<T>) -> BoxedStrategy<T> {
    prop_oneof![12 => select(good), 1 => select(bad)].boxed()
}

/// Up to two of them, rarely none.
fn list(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![24 => prop::collection::vec(item.clone(), 1..3), 1 => prop::collection::vec(item, 0..1)]
        .prop_map(Value::from)
        .boxed()
}

fn name() -> BoxedStrategy<String> {
    let bad = vec!["", "1st", "a b", "-", "ä", "name-that-is-longer-than-a-group-may-be"];
    mostly(vec!["mail", "_apt", "x.y-z"], bad).prop_map(str::to_owned).boxed()
}

fn names() -> BoxedStrategy<Value> {
    list(name().prop_map(Value::from).boxed())
}

fn domains() -> BoxedStrategy<Value> {
    let bad = ["localhost", "*.a.test", ".a.test", "a..test", "-a.test", "", "a_b.test", "a/b.test", "ü/b.test"];
    let good = ["a.test", "A.Test.", "a-b.c.d.test", "xn--bcher-kva.test", "bücher.test"];
    list(mostly(good.map(Value::from).into(), bad.map(Value::from).into()))
}

fn families() -> BoxedStrategy<Value> {
    let bad = vec![json!([]), json!([4, 4]), json!([5]), json!("4"), json!(4), json!([4.5])];
    mostly(vec![json!([4]), json!([6]), json!([4, 6])], bad)
}

fn rule() -> BoxedStrategy<Value> {
    let bad = ["a; b", "a # b", "a\nb", "a $b", "a `b`", "a\\b", "a\tb"];
    mostly(["", "tcp dport 443", "ip daddr { 10.0.0.0/8 }"].map(Value::from).into(), bad.map(Value::from).into())
}

fn ports() -> BoxedStrategy<Value> {
    let good = vec![json!(1), json!(65535), json!("80-90"), json!("https"), json!("22")];
    let bad = vec![json!(0), json!(65536), json!(1.5), json!(null), json!("a b"), json!("")];
    let port = mostly(good, bad);
    prop_oneof![8 => port.clone(), 8 => list(port), 4 => Just(json!(true)), 1 => Just(json!(false))].boxed()
}

fn to() -> BoxedStrategy<Value> {
    // An address of a family that the entry leaves out is refused for its meaning.
    let good = ["any", "lan", "a.test"];
    let one = mostly(good.map(Value::from).into(), vec![json!(""), json!(7)]);
    prop_oneof![one.clone(), list(one)].boxed()
}

fn grant() -> BoxedStrategy<Value> {
    let until = mostly(vec![json!("2030-01-01T00:00:00Z"), json!("90m")], vec![json!(""), json!(7)]);
    let comment =
        mostly(vec![json!("why"), json!("ä")], vec![json!("a \"b\""), json!("a\nb"), json!("a\\b"), json!(7)]);
    let icmp = mostly(vec![json!(true)], vec![json!(false), json!("yes")]);
    let optional = some_of(
        vec![
            ("tcp", ports()),
            ("udp", ports()),
            ("icmp", icmp),
            ("log", boolean()),
            ("comment", comment),
            ("until", until),
        ],
        &["port"],
    );
    let to = prop_oneof![24 => to().prop_map(Some), 1 => Just(None)];
    (optional, to)
        .prop_map(|(mut grant, to)| {
            if let (Value::Object(grant), Some(to)) = (&mut grant, to) {
                grant.insert("to".to_owned(), to);
            }
            grant
        })
        .boxed()
}

fn boolean() -> BoxedStrategy<Value> {
    mostly(vec![json!(true), json!(false)], vec![json!("true"), json!(null)])
}

fn mode() -> BoxedStrategy<Value> {
    mostly(vec![json!("enforce"), json!("audit")], vec![json!("permissive"), json!(true)])
}

fn service() -> BoxedStrategy<Value> {
    let from = mostly(vec![json!("any"), json!(["lan", "192.0.2.0/24"])], vec![json!([]), json!("")]);
    let limit = mostly(
        vec![json!("10/second"), json!("1000000/day")],
        vec![json!("0/second"), json!("1000001/day"), json!("10/week"), json!(10)],
    );
    let icmp = mostly(vec![json!(true)], vec![json!(false)]);
    let name = || name().prop_map(Value::from);
    let keys = vec![
        ("tcp", ports()),
        ("udp", ports()),
        ("icmp", icmp),
        ("mark", name().boxed()),
        ("limit", limit),
        ("comment", Just(json!("why")).boxed()),
    ];
    let sometimes = |value: BoxedStrategy<Value>| prop_oneof![24 => value.prop_map(Some), 1 => Just(None)];
    (some_of(keys, &["to"]), sometimes(name().boxed()), sometimes(from))
        .prop_map(|(mut service, name, from)| {
            if let Value::Object(service) = &mut service {
                service.extend(name.map(|name| ("service".to_owned(), name)));
                service.extend(from.map(|from| ("from".to_owned(), from)));
            }
            service
        })
        .boxed()
}

/// An object with some of these keys, comments, and now and then one of `unknown`.
fn some_of(keys: Vec<(&'static str, BoxedStrategy<Value>)>, unknown: &'static [&'static str]) -> BoxedStrategy<Value> {
    let pair =
        |(key, value): (&'static str, BoxedStrategy<Value>)| (20, value.prop_map(move |value| (key, value)).boxed());
    let mut pairs: Vec<(u32, BoxedStrategy<(&str, Value)>)> = keys.into_iter().map(pair).collect();
    pairs.push((10, Just(("#note", json!([1, null]))).boxed()));
    pairs.push((2, select(unknown).prop_map(|key| (key, json!(1))).boxed()));
    prop::collection::vec(proptest::strategy::Union::new_weighted(pairs), 0..5)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into())
        .boxed()
}

fn entry(is_group: bool) -> BoxedStrategy<Value> {
    let mut keys = vec![
        ("domains", domains()),
        ("families", families()),
        ("rule", rule()),
        ("rule6", rule()),
        ("allow", list(grant())),
        ("deny", list(grant())),
        ("log", boolean()),
        ("mode", mode()),
    ];
    if !is_group {
        return prop_oneof![1 => Just(Value::Null), 12 => some_of(keys, &["execv", "ports"])].boxed();
    }
    let bad_env = vec![json!({ "1A": "" }), json!({ "A": 1 }), json!({ "A": "\u{0}" }), json!([])];
    let bad_execv = vec![
        json!(["/x", "…", "…"]),
        json!([]),
        json!(["x"]),
        json!(["…"]),
        json!("/x"),
        json!(["/x", 1]),
        json!(["/x", "a\u{0}"]),
    ];
    keys.extend([
        ("users", names()),
        ("env", mostly(vec![json!({ "A": "1" }), json!({ "#": 1 })], bad_env)),
        ("keep_env", mostly(vec![json!(["A", "_b1"]), json!([])], vec![json!(["1A"]), json!(["A=B"]), json!("A")])),
        ("no_new_privileges", boolean()),
        ("seccomp", boolean()),
        ("user_owned", boolean()),
    ]);
    let execv = mostly(vec![json!(["/bin/x"]), json!(["/bin/x", "…", ""])], bad_execv);
    let launched = (some_of(keys, &["exec", "ports"]), prop_oneof![4 => execv.prop_map(Some), 1 => Just(None)]);
    let launched = launched.prop_map(|(mut entry, execv)| {
        if let (Value::Object(entry), Some(execv)) = (&mut entry, execv) {
            entry.insert("execv".to_owned(), execv);
        }
        entry
    });
    prop_oneof![2 => Just(Value::Null), 1 => Just(json!("text")), 24 => launched].boxed()
}

fn config() -> BoxedStrategy<Value> {
    let bad_range = vec![
        json!([999, 2000]),
        json!([30000, 70000]),
        json!([30000]),
        json!([1000, 2000, 3000]),
        json!("all"),
        json!([30000.5, 40000]),
    ];
    let server = mostly(
        vec![json!("192.0.2.53"), json!("2001:db8::53#5353")],
        vec![json!("resolver.test"), json!(""), json!(53)],
    );
    let listen = mostly(vec![json!("127.0.0.1"), json!("::1#53")], vec![json!("localhost")]);
    let dns = some_of(
        vec![
            ("instance", mostly(vec![json!("own"), json!("networkmanager")], vec![json!("systemd"), json!(true)])),
            ("upstream", list(server)),
            ("listen", listen),
            ("user", name().prop_map(Value::from).boxed()),
            ("max_cache_ttl", mostly(vec![json!(1), json!(86400)], vec![json!(0), json!(86401), json!("1h")])),
            ("manage_resolv_conf", mostly(vec![json!(true), json!(false)], vec![json!("yes")])),
        ],
        &["server"],
    );
    let bad_containers = vec![json!([0]), json!([100_000]), json!([-65536]), json!([4_294_967_296u64])];
    let containers = mostly(vec![json!([65536]), json!([131_072, 65536]), json!([])], bad_containers);
    let defaults = some_of(
        vec![("domains", domains()), ("families", families()), ("rule", rule()), ("rule6", rule())],
        &["allow", "execv"],
    );
    some_of(
        vec![
            ("gid_range", mostly(vec![json!([30000, 39999]), json!([1000, 61183])], bad_range)),
            ("inet", mostly(vec![json!(true)], vec![json!(false), json!(1)])),
            ("table", mostly(vec![json!("filter")], vec![json!(1)])),
            ("mark", mostly(vec![json!("ebpf"), json!("nft")], vec![json!("other")])),
            ("dns", dns),
            ("containers", containers),
            ("defaults", defaults),
            ("refuse", mostly(vec![json!("reject"), json!("drop")], vec![json!("ignore"), json!(1)])),
            ("mode", mode()),
            ("forward", mostly(vec![json!("leave"), json!("drop")], vec![json!("accept"), json!(true)])),
            (
                "priority",
                mostly(vec![json!(-49), json!(0), json!(49)], vec![json!(-50), json!(50), json!("filter"), json!(1.5)]),
            ),
            ("inbound_guard", guard()),
        ],
        &["gidrange"],
    )
}

fn guard() -> BoxedStrategy<Value> {
    let closed_ports = mostly(
        vec![json!("2/second"), json!("20/minute"), json!("1000/day")],
        vec![json!("1/minute"), json!("1001/minute"), json!("20/week"), json!(20)],
    );
    let keys = vec![
        ("closed_ports", closed_ports),
        ("for", mostly(vec![json!("90s"), json!("1h 30m")], vec![json!(""), json!(600)])),
        ("except", mostly(vec![json!("lan"), json!(["192.0.2.0/24", "lan"])], vec![json!([]), json!("")])),
    ];
    prop_oneof![1 => boolean(), 3 => some_of(keys, &["ports"])].boxed()
}

fn document() -> BoxedStrategy<Value> {
    let entries = |is_group| {
        prop::collection::vec((name(), entry(is_group)), 0..3)
            .prop_map(|entries| entries.into_iter().collect::<Map<_, _>>().into())
            .boxed()
    };
    let aliases = prop::collection::vec((mostly(vec!["office", "dmz"], vec!["any", "a.b", "::1"]), to()), 0..2)
        .prop_map(|aliases| aliases.into_iter().map(|(name, to)| (name.to_owned(), to)).collect::<Map<_, _>>().into())
        .boxed();
    some_of(
        vec![
            ("config", config()),
            ("aliases", aliases),
            ("inbound", prop::collection::vec(service(), 0..2).prop_map(Value::from).boxed()),
            ("users", entries(false)),
            ("groups", entries(true)),
            ("$schema", mostly(vec![json!("galaf.schema.json")], vec![json!(1)])),
        ],
        &["group"],
    )
}

#[test]
fn the_corpus_has_good_files_and_bad_ones() {
    let mut runner = TestRunner::deterministic();
    let strategy = document();
    let drawn: Vec<bool> = (0..1000)
        .map(|_| Config::parse(&strategy.new_tree(&mut runner).unwrap().current().to_string()).is_ok())
        .collect();
    let good = drawn.iter().filter(|good| **good).count();
    assert!((200..=800).contains(&good), "{good} of 1000 are good");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parser_and_schema_agree(document in document()) {
        let text = document.to_string();
        let parsed = Config::parse(&text);
        let errors: Vec<String> = VALIDATOR.iter_errors(&document).map(|error| format!("{error} at {}", error.instance_path())).collect();
        let problems = parsed.err().map(|problems| problems.to_string());
        prop_assert_eq!(problems.is_none(), errors.is_empty(), "parser: {:?}\nschema: {:?}", problems, errors);
    }
}
