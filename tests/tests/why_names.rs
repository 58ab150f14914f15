//! What 'galaf-gen why' says of names, against what the resolver answers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use galaf_tests::lab::{Lab, Marking, NAME_SERVER};
use galaf_tests::run::Identity;
use serde_json::{Value, json};

const NAMES: [&str; 6] = ["a.test", "5.4.3.2.1.a.test", "6.5.4.3.2.1.a.test", "b.test", "ab.test", "www.c.test"];
/// Below those that the kernel gives.
const FIRST_PORT: u16 = 20_000;
const APPLICATIONS: [Option<&str>; 5] = [None, Some("narrow"), Some("wide"), Some("watched"), Some("idle")];

fn config(marking: Marking, mode: &str) -> Value {
    let app = |more: Value| {
        let mut app = json!({ "execv": ["/usr/bin/env", "…"] });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app
    };
    json!({
        "config": {
            "dns": { "upstream": [NAME_SERVER.to_string()] },
            "mode": mode,
            "mark": if marking == Marking::Ebpf { "ebpf" } else { "nft" }
        },
        "users": { "root": { "domains": ["b.test"] }, "alice": { "allow": [{ "to": ["b.test", "198.51.100.1"] }] } },
        "groups": {
            "narrow": app(json!({ "domains": ["a.test"], "deny": [{ "to": "www.c.test" }] })),
            "wide": app(json!({ "allow": [{ "to": "any", "tcp": 443 }] })),
            "watched": app(json!({ "mode": "audit" })),
            "idle": app(json!({}))
        }
    })
}

/// What is said and what is done, for everybody and every name.
fn compare(marking: Marking, mode: &str) {
    let Some(lab) = Lab::for_test(marking) else { return };
    lab.apply(&config(marking, mode)).unwrap();
    lab.internet().serve_names(&["address=/test/198.51.100.7"]).unwrap();
    lab.start_resolver().unwrap();
    let (mut answered, mut refused) = (0, 0);
    for application in APPLICATIONS {
        // Root may launch nothing, and has the group of an application all the same where it takes it.
        let root = application.map_or(Identity::ROOT, |name| Identity::new(0, lab.gid(name).unwrap().0));
        let launch: Vec<&str> = application.iter().flat_map(|name| ["galaf", *name]).collect();
        for (user, who, launch) in
            [("alice", lab.alice(), launch.as_slice()), ("bob", lab.bob(), &launch), ("root", &root, &[])]
        {
            for name in NAMES {
                // Of each its own: without the mark program, a port that changes hands keeps the mark of its flow.
                let port = (FIRST_PORT + answered + refused).to_string();
                let is_answered = !lab.ask(who, launch, name, &["4", "udp", &port]).unwrap().is_blocked();
                let mut args = vec!["galaf-gen", "why"];
                args.extend(application);
                args.extend([name, "--user", user, "--json"]);
                let said = lab.run(&Identity::ROOT, &args).unwrap();
                let said: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
                let told = if is_answered { "answered" } else { "refused" };
                assert_eq!(said["name"], told, "{application:?}, {user}, {name}, {marking:?}, {mode}");
                if is_answered { answered += 1 } else { refused += 1 }
            }
        }
    }
    assert!(answered > 20 && (refused > 20 || mode == "audit"), "{answered} answered, {refused} refused");
}

#[test]
fn why_knows_which_names_the_resolver_answers_to_whom() {
    compare(Marking::Ebpf, "enforce");
}

#[test]
fn why_knows_which_names_are_answered_without_the_mark_program() {
    compare(Marking::Nft, "enforce");
}

#[test]
fn why_knows_that_audit_answers_every_name() {
    compare(Marking::Ebpf, "audit");
}
