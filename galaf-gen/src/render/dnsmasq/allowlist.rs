//! Who may ask which names, by the mark of the connection that brings the query.

use std::fmt::Write;

use galaf::config::{Domain, Mode};
use galaf::id::UserId;
use galaf::json::JsonPath;
use galaf::mark::{GROUP_MASK, ROOT_GROUP, USER_MASK, half, is_plain};

use crate::policy::{Policy, Subject, SubjectId};
use crate::render::learned::MAX_LINE;
use crate::resolve::Messages;

/// `*` in a pattern never crosses a dot, so each depth of subdomains takes a pattern.
const SUBDOMAINS: [&str; 6] = ["", "*.", "*.*.", "*.*.*.", "*.*.*.*.", "*.*.*.*.*."];
/// Bits of the half that does not identify a subject.
const FREE_BITS: u32 = 16;
/// Subsets of more bits would take too many lines each.
const MAX_SUBSET: u32 = 3;

/// Appends the section.
pub(super) fn add(text: &mut String, policy: &Policy) -> Result<(), Messages> {
    if policy.mode == Mode::Audit {
        // dnsmasq refuses every mark that it has no line for, and most of those who are let through have no entry.
        text.push_str("\n# Audit: everybody may ask for every name.\n");
        return Ok(());
    }
    text.push_str(
        "\n# Names each application or user may ask for; everything else is refused (extended error 15, Blocked).\n\
         conntrack\n\
         connmark-allowlist-enable\n",
    );
    let mut problems = Messages::new();
    for subject in policy.subjects().filter(|subject| may_ask_something(policy, subject)) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {}", subject.name);
        let mut selectors = Selectors::of(subject.id);
        for patterns in lines(policy, subject) {
            let Some(selector) = selectors.next() else {
                problems.push(too_many(subject));
                break;
            };
            for (mark, mask) in selector.pairs() {
                // dnsmasq takes decimal numbers only.
                let _ = writeln!(text, "connmark-allowlist={mark}/{mask},{patterns}");
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether the lines of `subject` let it ask for `name`.
pub fn may_ask(policy: &Policy, subject: &Subject, name: &Domain) -> bool {
    let is_covered = || subject.domains().into_iter().any(|domain| is_a_pattern_of(domain, name));
    may_ask_something(policy, subject) && (may_ask_everything(policy, subject) || is_covered())
}

fn may_ask_something(policy: &Policy, subject: &Subject) -> bool {
    // Every user with an id that does not fit has the same half of a mark, those of user namespaces included.
    is_plain(subject.id.number()) && (!subject.grants.is_empty() || policy.audits(subject))
}

/// It has to be able to look up what it may reach, or is let through to.
fn may_ask_everything(policy: &Policy, subject: &Subject) -> bool {
    subject.may_ask_everything() || policy.audits(subject)
}

fn too_many(subject: &Subject) -> (JsonPath, String) {
    let at = JsonPath::root().key(subject.id.section()).key(subject.name.as_str());
    (
        at,
        "has more names than dnsmasq can tell apart for one application; leave out subdomains of names that are there"
            .to_owned(),
    )
}

/// The patterns of a subject, as many in a line as fit.
fn lines(policy: &Policy, subject: &Subject) -> Vec<String> {
    if may_ask_everything(policy, subject) {
        return vec!["*".to_owned()];
    }
    let room = MAX_LINE - "connmark-allowlist=4294967295/4294967295,".len();
    let mut lines: Vec<String> = Vec::new();
    for domain in subject.domains().into_iter().map(Domain::as_str) {
        for stars in wildcards(domain) {
            match lines.last_mut() {
                Some(line) if line.len() + 1 + stars.len() + domain.len() <= room => {
                    line.push('/');
                    line.push_str(stars);
                    line.push_str(domain);
                }
                Some(_) | None => lines.push([stars, domain].concat()),
            }
        }
    }
    lines
}

/// What stands before `domain` in its patterns: nothing, and wildcards for its subdomains to some depth, as far as a name
/// can be long (RFC 1035 section 2.3.4).
fn wildcards(domain: &str) -> impl Iterator<Item = &'static str> + '_ {
    SUBDOMAINS.into_iter().filter(move |stars| stars.len() + domain.len() <= 253)
}

/// Whether one of the patterns of `domain` matches `name`.
fn is_a_pattern_of(domain: &Domain, name: &Domain) -> bool {
    let depth = if name == domain {
        Some(0)
    } else {
        name.parents().position(|parent| parent == domain.as_str()).map(|at| at + 1)
    };
    depth.is_some_and(|depth| depth < wildcards(domain.as_str()).count())
}

/// Selects a subject's marks together with any value of `bits`, which lie in the other half.
#[derive(Clone, Copy)]
struct Selector {
    mark: u32,
    mask: u32,
    bits: u32,
}

impl Selector {
    /// Pairs of mark and mask, one for each value of the bits: together they match what the half alone matches.
    fn pairs(self) -> impl Iterator<Item = (u32, u32)> {
        // The next subset of a set of bits, from the empty one to the full one.
        let next = move |subset: &u32| (*subset != self.bits).then(|| subset.wrapping_sub(self.bits) & self.bits);
        std::iter::successors(Some(0), next).map(move |subset| (self.mark | subset, self.mask | self.bits))
    }
}

/// Ever other ways to select the same marks: dnsmasq takes one line for one pair of mark and mask, a line holds only
/// about 900 characters, and what several matching lines allow adds up.
struct Selectors {
    mark: u32,
    mask: u32,
    shift: u32,
    next: Option<u32>,
}

impl Selectors {
    fn of(id: SubjectId) -> Self {
        let group = |half: u16| (u32::from(half) << 16, GROUP_MASK, 0);
        let (mark, mask, shift) = match id {
            SubjectId::Group(gid) => group(half(gid.0)),
            // uid 0 alone would be mark 0, which dnsmasq does not take; root's own sockets have a group half of their own.
            SubjectId::User(UserId::ROOT) => group(ROOT_GROUP),
            SubjectId::User(uid) => (u32::from(half(uid.0)), USER_MASK, FREE_BITS),
        };
        Self { mark, mask, shift, next: Some(0) }
    }
}

impl Iterator for Selectors {
    type Item = Selector;

    /// Subsets of the free bits, small ones first, since each bit doubles the lines.
    fn next(&mut self) -> Option<Selector> {
        let subset = self.next?;
        self.next = following(subset);
        Some(Selector { mark: self.mark, mask: self.mask, bits: subset << self.shift })
    }
}

/// The next subset of the free bits: of the same size while there is one, then the first of the next size.
fn following(subset: u32) -> Option<u32> {
    let size = subset.count_ones();
    let first_of = |size: u32| (1 << size) - 1;
    let larger = (size < MAX_SUBSET).then(|| first_of(size + 1));
    if subset == 0 {
        return larger;
    }
    // The highest one of the lowest run moves up, the rest of the run down to the bottom.
    let moved = subset + (subset & subset.wrapping_neg());
    let run = subset & !moved;
    let same_size = moved | (run >> (run.trailing_zeros() + 1));
    if same_size < 1 << FREE_BITS { Some(same_size) } else { larger }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use galaf::id::GroupId;

    use super::*;

    #[test]
    fn a_pattern_covers_its_name_and_five_labels_and_no_other_name() {
        let domain = Domain::new("a.test").unwrap();
        for (name, covered) in [
            ("a.test", true),
            ("5.4.3.2.1.a.test", true),
            ("6.5.4.3.2.1.a.test", false),
            ("ba.test", false),
            ("x.test", false),
        ] {
            assert_eq!(is_a_pattern_of(&domain, &Domain::new(name).unwrap()), covered, "{name}");
        }
    }

    #[test]
    fn every_selector_matches_every_mark_of_its_subject_exactly_once_and_no_other() {
        for (id, own, foreign) in [
            (SubjectId::Group(GroupId(30004)), 0x7534_03e8u32, 0x7535_03e8u32),
            (SubjectId::User(UserId(1000)), 0x7534_03e8, 0x7534_03e9),
            (SubjectId::User(UserId::ROOT), 0xfff1_0000, 0x7534_0000),
        ] {
            let mut seen = BTreeSet::new();
            for selector in Selectors::of(id) {
                let pairs: Vec<(u32, u32)> = selector.pairs().collect();
                assert_eq!(pairs.iter().filter(|(mark, mask)| own & mask == *mark).count(), 1);
                assert_eq!(pairs.iter().filter(|(mark, mask)| foreign & mask == *mark).count(), 0);
                for (mark, mask) in pairs {
                    assert!(mark != 0 && mark & !mask == 0, "dnsmasq refuses {mark}/{mask}");
                    assert!(seen.insert((mark, mask)), "dnsmasq refuses a second {mark}/{mask}");
                }
            }
            assert_eq!(Selectors::of(id).count(), 1 + 16 + 120 + 560);
        }
    }
}
