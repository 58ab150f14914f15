//! Who reaches what: every kind of process, over every protocol, in both families, to where it was granted and to where
//! it was not; and that what the workstation counted for it is what the other side saw.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use galaf::config::Family;
use galaf::id::{GroupId, UserId};
use galaf::mark::{Mark, UNKNOWN};
use galaf_tests::lab::{Count, Lab, Marking, PEER, Seen, Site, WORKSTATION, elsewhere, office};
use galaf_tests::peer::{Attempt, ECHO, Protocol, Target, Verdict};
use galaf_tests::run::{Identity, Outcome};
use serde_json::json;

/// How a process comes to its socket.
enum Way {
    /// It opens one, having been started by this command.
    Own(Vec<String>),
    /// It is started by this command and given one that its starter had opened.
    Inherited(Vec<String>),
    /// It is passed one that this command opened.
    Passed(Vec<String>),
}

struct Subject {
    name: &'static str,
    who: Identity,
    way: Way,
    mark: Mark,
    /// Whether it was granted 198.51.100.0/24 and 2001:db8:100::/48.
    office: bool,
    /// Whether it was granted 203.0.113.0/24 and 2001:db8:200::/48.
    elsewhere: bool,
}

/// Takes a subordinate gid of its user's before it starts the rest of its arguments; `$0` is the gid.
const TAKE_SUBORDINATE_GID: &str = r#"
unshare --user sleep 30 & holder=$!
until [ "$(readlink /proc/$holder/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
newuidmap $holder 0 $(id -u) 1 && newgidmap $holder 0 "$0" 1 &&
    nsenter --user --target $holder --setuid 0 --setgid 0 -- "$@"
code=$?
kill $holder
exit $code
"#;

fn config() -> serde_json::Value {
    json!({
        "config": { "defaults": { "families": [4, 6] } },
        "users": {
            "bob": { "rule": "ip daddr 198.51.100.0/24", "rule6": "ip6 daddr 2001:db8:100::/48" }
        },
        "groups": {
            "editor": {
                "execv": ["/usr/bin/env", "…"],
                "rule": "ip daddr 198.51.100.0/24", "rule6": "ip6 daddr 2001:db8:100::/48"
            },
            "viewer": {
                "execv": ["/usr/bin/env", "…"],
                "rule": "ip daddr 203.0.113.0/24", "rule6": "ip6 daddr 2001:db8:200::/48"
            }
        }
    })
}

fn subjects(lab: &Lab) -> Vec<Subject> {
    let (alice, bob) = (lab.alice(), lab.bob());
    let (editor, viewer) = (lab.gid("editor").unwrap(), lab.gid("viewer").unwrap());
    let mark = |gid: GroupId, who: &Identity| Mark::new(gid, who.uid);
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    // What cutting to 16 bits would turn into the editor's gid; it lies in alice's subordinate ids.
    let forged = GroupId(2 * 0x1_0000 + editor.0);
    let subject = |name, who: &Identity, way, mark, office, elsewhere| Subject {
        name,
        who: who.clone(),
        way,
        mark,
        office,
        elsewhere,
    };
    vec![
        subject("an application", alice, Way::Own(words(&["galaf", "editor"])), mark(editor, alice), true, false),
        subject("another application", alice, Way::Own(words(&["galaf", "viewer"])), mark(viewer, alice), false, true),
        subject("a plain user", alice, Way::Own(vec![]), mark(alice.gid, alice), false, false),
        subject("a user with a rule", bob, Way::Own(vec![]), mark(bob.gid, bob), true, false),
        subject(
            "an application of a user with a rule",
            bob,
            Way::Own(words(&["galaf", "viewer"])),
            mark(viewer, bob),
            true,
            true,
        ),
        subject("root", &Identity::ROOT, Way::Own(vec![]), Mark::ROOT, false, false),
        subject(
            "a user with a subordinate gid that ends like an application's",
            alice,
            Way::Own(words(&["sh", "-c", TAKE_SUBORDINATE_GID, &forged.to_string()])),
            mark(forged, alice),
            false,
            false,
        ),
        subject(
            "a child of an application",
            alice,
            Way::Own(words(&["galaf", "editor", "timeout", "30"])),
            mark(editor, alice),
            true,
            false,
        ),
        subject(
            "an application with a socket of its plain starter",
            alice,
            Way::Inherited(words(&["galaf", "editor"])),
            mark(alice.gid, alice),
            false,
            false,
        ),
        subject(
            "a plain process with a socket of an application",
            alice,
            Way::Passed(words(&["galaf", "editor"])),
            mark(editor, alice),
            true,
            false,
        ),
    ]
}

impl Subject {
    fn attempts(&self, lab: &Lab, targets: &[Target]) -> Vec<Attempt> {
        match &self.way {
            Way::Own(launch) => {
                let launch: Vec<&str> = launch.iter().map(String::as_str).collect();
                lab.attempts(&self.who, &launch, targets).unwrap()
            }
            Way::Inherited(launch) => {
                let one = |target: &Target| {
                    let target = target.to_string();
                    let mut argv = vec![PEER, "open", &target, "--"];
                    argv.extend(launch.iter().map(String::as_str));
                    argv.extend([PEER, "use", &target]);
                    Attempt::from_json(&lab.run(&self.who, &argv).unwrap().success().unwrap()).unwrap()
                };
                targets.iter().map(one).collect()
            }
            Way::Passed(launch) => {
                let one = |target: &Target| {
                    let target = target.to_string();
                    const PATH: &str = "/tmp/socket";
                    let mut take = lab.command(&self.who, &[PEER, "take", PATH, &target]);
                    let taker = take.stdout(std::process::Stdio::piped()).spawn().unwrap();
                    let mut give: Vec<&str> = launch.iter().map(String::as_str).collect();
                    give.extend([PEER, "give", &target, PATH]);
                    lab.run(&self.who, &give).unwrap().success().unwrap();
                    let taken = Outcome::from(taker.wait_with_output().unwrap()).success().unwrap();
                    Attempt::from_json(&taken).unwrap()
                };
                targets.iter().map(one).collect()
            }
        }
    }
}

fn targets(site: Site) -> Vec<Target> {
    let both = |protocol| Family::ALL.map(|family| Target::new(protocol, site.address(family), ECHO));
    Protocol::ALL.into_iter().flat_map(both).collect()
}

#[test]
fn a_process_reaches_what_was_granted_and_is_refused_everything_else_at_once() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&config()).unwrap();
    let mut wrong = Vec::new();
    let mut sites: BTreeMap<u32, Vec<Site>> = BTreeMap::new();
    for (number, subject) in (1..).zip(subjects(&lab)) {
        // Sites of its own, so that what the other side saw of them is its traffic.
        sites.entry(subject.mark.0).or_default().extend([office(number), elsewhere(number)]);
        for (site, granted) in [(office(number), subject.office), (elsewhere(number), subject.elsewhere)] {
            for attempt in subject.attempts(&lab, &targets(site)) {
                let right = if granted { attempt.reached() } else { attempt.refused_at_once() };
                if !right {
                    wrong.push(format!("{} {}: {attempt}", subject.name, verb(granted)));
                }
                if attempt.mark != subject.mark {
                    wrong.push(format!("{} has the mark {}, not {}", subject.name, attempt.mark, subject.mark));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    the_counters_of_both_sides_agree(&lab, &sites);
}

fn verb(granted: bool) -> &'static str {
    if granted { "should reach" } else { "should be refused" }
}

fn the_counters_of_both_sides_agree(lab: &Lab, sites: &BTreeMap<u32, Vec<Site>>) {
    // The last packets of a connection pass after the program has ended.
    let start = Instant::now();
    loop {
        let differences = differences(lab, sites);
        if differences.is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(3), "{}", differences.join("\n"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn differences(lab: &Lab, sites: &BTreeMap<u32, Vec<Site>>) -> Vec<String> {
    let counters = lab.counters().unwrap();
    let seen = lab.internet().seen().unwrap();
    let mut differences = Vec::new();
    for (&mark, sites) in sites {
        let of = |set: &BTreeMap<u32, Count>| set.get(&mark).copied().unwrap_or_default();
        let (arrived, left) = seen_of(&seen, sites);
        let asked = of(&counters.out_before);
        let mut refused = counters.refused_to(Mark(mark));
        refused += of(&counters.out_after);
        for (what, counted, expected) in [
            ("sent", of(&counters.out_after), arrived),
            ("received", of(&counters.in_after), left),
            ("asked to send", asked, refused),
        ] {
            if counted != expected {
                differences.push(format!("{}: {what} {counted:?}, expected {expected:?}", Mark(mark)));
            }
        }
        if asked.packets == 0 {
            differences.push(format!("{}: nothing was counted", Mark(mark)));
        }
    }
    differences
}

/// What arrived at the sites and what left them, over all protocols.
fn seen_of(seen: &Seen, sites: &[Site]) -> (Count, Count) {
    let addresses: Vec<_> = sites.iter().flat_map(|site| Family::ALL.map(|family| site.address(family))).collect();
    let (mut arrived, mut left) = (Count::default(), Count::default());
    for (_, traffic) in seen.iter().filter(|((address, _), _)| addresses.contains(address)) {
        arrived += traffic.arrived;
        left += traffic.left;
    }
    (arrived, left)
}

#[test]
fn without_the_mark_program_the_verdicts_are_the_same_and_applications_and_users_are_counted() {
    let Some(lab) = Lab::for_test(Marking::Nft) else { return };
    let mut config = config();
    config["config"]["mark"] = json!("nft");
    lab.apply(&config).unwrap();
    let (alice, bob) = (lab.alice(), lab.bob());
    let by_application = Mark(u32::from(UNKNOWN) | lab.gid("editor").unwrap().0 << 16);
    let by_user = Mark(u32::from(UNKNOWN) << 16 | bob.uid.0);
    let nobody = Mark::from_halves(UNKNOWN, UNKNOWN);
    let mut sites = BTreeMap::new();
    for (number, (who, launch, granted, mark)) in (1..).zip([
        (alice, ["galaf", "editor"].as_slice(), true, by_application),
        (bob, &[], true, by_user),
        (alice, &[], false, nobody),
    ]) {
        sites.insert(mark.0, vec![office(number), elsewhere(number)]);
        for (site, granted) in [(office(number), granted), (elsewhere(number), false)] {
            for attempt in lab.attempts(who, launch, &targets(site)).unwrap() {
                let right = if granted { attempt.reached() } else { attempt.refused_at_once() };
                assert!(right, "{launch:?} {}: {attempt}", verb(granted));
                assert_eq!(attempt.mark, Mark::UNMARKED, "{attempt}");
            }
        }
    }
    the_counters_of_both_sides_agree(&lab, &sites);
}

#[test]
fn what_the_internet_begins_is_not_let_in_although_a_server_listens() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    let addresses = Family::ALL.map(|family| WORKSTATION.address(family).to_string());
    let _server = lab.background(&Identity::ROOT, &[PEER, "serve", &addresses[0], &addresses[1]]).unwrap();
    let try_all = || -> Vec<Attempt> {
        let children: Vec<_> = targets(WORKSTATION)
            .iter()
            .map(|target| {
                let mut command = lab.internet().command(&[PEER, "try", &target.to_string()]);
                command.stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let end = |child: std::process::Child| Outcome::from(child.wait_with_output().unwrap()).success().unwrap();
        children.into_iter().map(|child| Attempt::from_json(&end(child)).unwrap()).collect()
    };
    for attempt in try_all() {
        assert!(attempt.reached(), "without a firewall: {attempt}");
    }
    lab.apply(&config()).unwrap();
    let attempts = try_all();
    for attempt in &attempts {
        assert_eq!(attempt.verdict, Verdict::Silent, "{attempt}");
    }
    // Neighbour discovery is received without a mark; what was dropped is not received.
    let received = lab.counters().unwrap().in_after.get(&Mark::UNMARKED.0).map_or(0, |count| count.packets);
    assert!(received < u64::try_from(attempts.len()).unwrap(), "{received} packets were let in");
}

#[test]
fn what_statistics_print_is_what_nft_lists() {
    let Some(lab) = Lab::for_test(Marking::Ebpf) else { return };
    lab.apply(&config()).unwrap();
    lab.attempts(lab.alice(), &["galaf", "editor"], &targets(office(1))).unwrap();
    lab.attempts(lab.alice(), &[], &targets(elsewhere(1))).unwrap();
    let mark = Mark::new(lab.gid("editor").unwrap(), UserId(lab.alice().uid.0));
    // A FIN that is on its way is counted by one of two readings only.
    std::thread::sleep(Duration::from_millis(200));
    let counters = lab.counters().unwrap();
    for (set, counted) in
        [("out_before", &counters.out_before), ("out_after", &counters.out_after), ("in_after", &counters.in_after)]
    {
        let listing = lab.root(&["nft", "-n", "list", "set", "inet", "galaf", set]).unwrap();
        let Count { packets, bytes } = counted[&mark.0];
        let line = format!("{mark} counter packets {packets} bytes {bytes}");
        assert!(listing.contains(&line), "'{line}' is not in:\n{listing}");
    }
}
