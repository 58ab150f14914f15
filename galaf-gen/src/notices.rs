//! What a person should know of a file that is good.

use galaf::json::JsonPath;
use galaf::mark::is_plain;

use crate::policy::{Place, Policy, Subject};
use crate::programs;
use crate::resolve::Messages;

/// Programs that would not start, grants that have lapsed at `now` (in seconds since the epoch), and users who cannot
/// be told from others.
pub fn notices(policy: &Policy, now: i64) -> Messages {
    let mut notices = programs::notices(policy);
    notices.extend(policy.subjects().filter_map(without_a_mark));
    notices.extend(policy.subjects().flat_map(|subject| lapsed(subject, now)));
    notices
}

fn without_a_mark(subject: &Subject) -> Option<(JsonPath, String)> {
    let id = subject.id.number();
    let at = JsonPath::root().key(subject.id.section()).key(subject.name.as_str());
    (!is_plain(id) && !subject.grants.is_empty()).then(|| {
        (
            at,
            format!(
                "the id {id} does not fit a mark: '{}' may look up no names and is counted with others",
                subject.name
            ),
        )
    })
}

fn lapsed(subject: &Subject, now: i64) -> Messages {
    let at = JsonPath::root().key(subject.id.section()).key(subject.name.as_str());
    let mut notices = Messages::new();
    for grant in subject.grants.iter().chain(&subject.denials) {
        let (item, does) = match grant.place {
            Place::Allow(index) => (at.key("allow").index(index), "grants"),
            Place::Deny(index) => (at.key("deny").index(index), "denies"),
            Place::Rule => continue,
        };
        let notice = (item.key("until"), format!("is over: this {does} nothing any more"));
        if grant.until.is_some_and(|until| until <= now) && notices.last() != Some(&notice) {
            notices.push(notice);
        }
    }
    notices
}
