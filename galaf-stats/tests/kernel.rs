//! galaf-stats against a real firewall. Needs root; everything happens in a network namespace of its own.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "outside a #[test] function, too, a test that cannot go on fails")]

mod support;

use serde_json::{Value, json};
use support::Namespace;

const APPLICATION: u32 = 0x7534_fffe;

/// The element of one mark.
fn element(report: &Value, set: &str, mark: u32) -> Value {
    let elements = report["sets"][set]["elements"].as_array().unwrap();
    elements.iter().find(|element| element["mark"] == mark).cloned().unwrap_or(Value::Null)
}

/// Shell that sends `count` datagrams of 2 bytes from the application's group.
fn send(count: u32, address: &str, port: u16) -> String {
    let once = format!("echo x 2>/dev/null >/dev/udp/{address}/{port} || true");
    format!("setpriv --reuid 65534 --regid 30004 --clear-groups bash -c 'for i in $(seq {count}); do {once}; done'\n")
}

#[test]
fn real_packets_are_counted_for_their_application_and_refusals_recorded() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    namespace.shell(&[send(3, "127.0.0.1", 7), send(2, "127.0.0.1", 9), send(1, "::1", 9)].concat());
    let report = namespace.stats(&["--json"]).json();

    // 20 or 40 bytes of IP header, 8 of UDP, 2 of text.
    let counts = |set| {
        let element = element(&report, set, APPLICATION);
        (element["packets"].clone(), element["bytes"].clone())
    };
    assert_eq!(counts("out_before"), (json!(6), json!(5 * 30 + 50)), "{report}");
    assert_eq!(counts("out_after"), (json!(3), json!(90)), "{report}");
    assert_eq!(counts("in_after"), (json!(3), json!(90)), "{report}");
    assert_eq!(element(&report, "out_before", APPLICATION)["user"]["id"], 65534);
    assert_eq!(element(&report, "out_before", APPLICATION)["group"]["id"], 30004);

    let refused = report["refused"].as_array().unwrap();
    let seen: Vec<_> =
        refused.iter().map(|r| (&r["address"], &r["protocol_name"], &r["port"], &r["packets"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("127.0.0.1"), &json!("udp"), &json!(9), &json!(2)),
            (&json!("::1"), &json!("udp"), &json!(9), &json!(1))
        ]
    );

    let table = namespace.stats(&["--only", "refused"]);
    assert!(
        table.out.contains("127.0.0.1") && table.out.contains("9/udp") && table.out.contains("60 B"),
        "{}",
        table.out
    );
}

#[test]
fn an_audit_is_told_by_its_sets_and_its_destinations_are_no_refusals() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    assert_eq!(namespace.stats(&["--json"]).json()["audited"], Value::Null);
    let set = |family| {
        format!(
            "type mark . ipv{family}_addr . inet_proto . inet_service; flags dynamic,timeout; timeout 1h; size 4; counter;"
        )
    };
    namespace.nft(&format!(
        "add set inet galaf audited4 {{ {} }}
         add set inet galaf audited6 {{ {} }}
         add element inet galaf audited6 {{ 0x7534fffe . ::1 . udp . 9 counter packets 5 bytes 150 }}",
        set(4),
        set(6)
    ));
    let report = namespace.stats(&["--json"]).json();
    assert_eq!((&report["refused"], &report["sets"]["audited6"]["count"]), (&json!([]), &json!(1)));
    assert_eq!((&report["audited"][0]["address"], &report["audited"][0]["packets"]), (&json!("::1"), &json!(5)));
    let table = namespace.stats(&["--only", "refused"]).out;
    assert!(table.starts_with("nothing refused of late\n\nlet through by audit"), "{table}");
}

#[test]
fn sources_that_are_shut_out_are_told_while_there_is_a_guard() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    let without = namespace.stats(&["--json"]).json();
    assert_eq!((&without["guarded"], &without["sets"]["guarded4"]), (&Value::Null, &Value::Null));
    let set = |family| format!("type ipv{family}_addr; flags dynamic,timeout; timeout 1h; size 4; counter;");
    namespace.nft(&format!(
        "add set inet galaf guarded4 {{ {} }}
         add set inet galaf guarded6 {{ {} }}
         add element inet galaf guarded4 {{ 127.0.0.1 timeout 10m }}
         add element inet galaf guarded6 {{ 2001:db8:: timeout 10m }}
         add rule inet galaf input ip saddr @guarded4 drop",
        set(4),
        set(6)
    ));
    namespace.shell(&send(3, "127.0.0.1", 7));
    let report = namespace.stats(&["--json"]).json();
    let guarded = &report["guarded"];
    let first = (&guarded[0]["address"], &guarded[0]["packets"], &guarded[0]["timeout_seconds"]);
    assert_eq!(first, (&json!("127.0.0.1"), &json!(3), &json!(600)), "{report}");
    assert_eq!((&guarded[1]["address"], &guarded[1]["prefix"]), (&json!("2001:db8::"), &json!(64)), "{report}");
    assert_eq!(report["sets"]["guarded6"], json!({ "size": 4, "count": 1, "full": false }));
    let table = namespace.stats(&["--only", "refused"]).out;
    assert!(table.contains("shut out by the guard") && table.contains("2001:db8::/64"), "{table}");
}

#[test]
fn a_repeated_refusal_is_seen_anew() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    namespace.nft(
        "add element inet galaf refused4 { 0x7534fffe . 127.0.0.1 . udp . 9 counter packets 5 bytes 150 timeout 1h expires 10m }",
    );
    let expires = || namespace.stats(&["--json"]).json()["refused"][0]["expires_seconds"].as_u64().unwrap();
    assert!(expires() <= 600);
    namespace.shell(&send(1, "127.0.0.1", 9));
    assert!(expires() > 3500, "the firewall's update does not set the timeout anew");
}

#[test]
fn the_table_joins_the_three_sets_with_totals_and_prints_no_escape_sequences_into_a_pipe() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    namespace.nft(
        "add element inet galaf out_before { 0 counter packets 3 bytes 216, 0xfff10000 counter packets 40 bytes 4000, 0x75350001 counter packets 20 bytes 2500 }
         add element inet galaf out_after { 0 counter packets 3 bytes 216, 0xfff10000 counter packets 40 bytes 4000 }
         add element inet galaf in_after { 0xfff10000 counter packets 1 bytes 60 }",
    );
    let run = namespace.stats(&["--only", "traffic", "--bytes"]);
    let rows: Vec<Vec<&str>> = run.out.lines().skip(3).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["root", "-", "40", "4000", "1", "60", "0", "0"], "{}", run.out);
    assert_eq!(rows[1][1..], ["30005", "0", "0", "0", "0", "20", "2500"], "{}", run.out);
    assert_eq!(rows[2], ["(unmarked)", "-", "3", "216", "0", "0", "0", "0"], "{}", run.out);
    assert_eq!(rows[3], ["total", "43", "4216", "1", "60", "20", "2500"], "{}", run.out);
    assert!(!run.out.contains('\u{1b}'));

    let unsummed = namespace.stats(&["--no-total", "--sort", "name"]);
    assert!(!unsummed.out.contains("total"), "{}", unsummed.out);
}

#[test]
fn colour_is_for_terminals_that_did_not_refuse_it() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    namespace.nft("add element inet galaf out_before { 1 counter packets 3 bytes 216 }");
    let on_terminal = |environment: &str| {
        let command = format!("stty cols 80; {environment} {}", env!("CARGO_BIN_EXE_galaf-stats"));
        namespace.run(&["script", "-qec", &command, "/dev/null"]).out
    };
    assert!(on_terminal("TERM=xterm").contains("\u{1b}["));
    for plain in ["NO_COLOR=1", "TERM=dumb"] {
        let text = on_terminal(plain);
        assert!(text.contains("total") && !text.contains('\u{1b}'), "{plain}: {text}");
    }
}

#[test]
fn a_full_set_is_reported() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    let elements =
        |count: u32| (0..count).map(|i| format!("0x1 . 192.0.2.{i} . tcp . 443")).collect::<Vec<_>>().join(", ");
    namespace.nft(&format!("add element inet galaf refused4 {{ {} }}", elements(3)));
    assert!(!namespace.stats(&[]).out.contains("full"));
    namespace.nft(&format!("add element inet galaf refused4 {{ {} }}", elements(4)));

    let note = "note: set 'refused4' is full (4): further destinations are not recorded\n";
    assert!(namespace.stats(&[]).out.ends_with(note));
    let report = namespace.stats(&["--json"]).json();
    assert_eq!(report["sets"]["refused4"], json!({ "size": 4, "count": 4, "full": true }));
    assert_eq!(report["sets"]["refused6"]["full"], false);
}

#[test]
fn sixty_thousand_marks_are_all_shown_and_a_reader_may_stop_early() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    // Few ids, so that no name service is slow enough to be remarked on.
    let marks = (1..=300u32).flat_map(|gid| (1..=200u32).map(move |uid| gid << 16 | uid));
    let elements: Vec<String> = marks.map(|mark| format!("{mark:#x} counter packets 2 bytes 100")).collect();
    for set in ["out_before", "out_after", "in_after"] {
        namespace.nft(&format!("add element inet galaf {set} {{ {} }}", elements.join(", ")));
    }
    let run = namespace.stats(&["--bytes", "--only", "traffic"]);
    assert_eq!(run.out.lines().count(), 3 + 60_000 + 1);
    let total: Vec<&str> = run.out.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(total, ["total", "120000", "6000000", "120000", "6000000", "0", "0"]);

    let program = env!("CARGO_BIN_EXE_galaf-stats");
    for arguments in ["", "--json"] {
        let script = format!("'{program}' {arguments} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}");
        let run = namespace.run(&["bash", "-c", &script]);
        assert_eq!((run.out.as_str(), run.err.as_str()), ("0\n", ""));
    }
}

#[test]
fn without_a_firewall_the_message_says_how_to_load_it() {
    let Some(namespace) = Namespace::new() else { return };
    let message = "galaf-stats: the firewall is not loaded: no table 'inet galaf'; load it with 'galaf-gen apply'\n";
    let run = namespace.stats(&[]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(1), "", message));

    namespace.nft("table inet galaf2 { set out_before { type mark; }; }\ntable ip galaf { }");
    assert_eq!(namespace.stats(&["--json"]).err, message, "another table was taken for galaf's");

    namespace.nft("table inet galaf { chain locked { type filter hook output priority 0; policy drop; }; }");
    let run = namespace.stats(&[]);
    let message = "galaf-stats: the firewall keeps no statistics: table 'inet galaf' has no set 'out_before'; \
                   load it anew with 'galaf-gen apply'\n";
    assert_eq!((run.code, run.err.as_str()), (Some(1), message));
}

#[test]
fn without_privilege_the_message_says_which() {
    use std::os::unix::fs::PermissionsExt;
    let Some(namespace) = Namespace::with_firewall() else { return };
    // The build's folder may be closed to others.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("galaf-stats");
    std::fs::copy(env!("CARGO_BIN_EXE_galaf-stats"), &program).unwrap();

    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program.to_str().unwrap()];
    let run = namespace.run(&nobody);
    assert_eq!(run.err, "galaf-stats: reading the firewall's counters needs root (CAP_NET_ADMIN)\n");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

#[test]
fn a_mark_that_iproute2_has_a_name_for_is_still_read_as_a_mark() {
    let Some(namespace) = Namespace::with_firewall() else { return };
    namespace.nft("add element inet galaf out_before { 0x753403e8 counter packets 5 bytes 300 }");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rt_marks"), "0x753403e8 vpn\n").unwrap();
    let script = format!(
        "mount -t tmpfs none /etc/iproute2 && cp '{}/rt_marks' /etc/iproute2 && nft list set inet galaf out_before >&2 && '{}' --json",
        dir.path().display(),
        env!("CARGO_BIN_EXE_galaf-stats")
    );
    let run = namespace.run(&["unshare", "-m", "sh", "-c", &script]);
    assert!(run.err.contains("vpn"), "nft does not use the name, so this test shows nothing: {}", run.err);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(element(&report, "out_before", 0x7534_03e8)["packets"], 5);
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let Some(namespace) = Namespace::new() else { return };
    assert_eq!(namespace.stats(&["--sort", "colour"]).code, Some(2));
    assert_eq!(namespace.stats(&["--json", "--bytes"]).code, Some(2));
    assert_eq!(namespace.stats(&["--help"]).code, Some(0));
}
