//! What a person should know of a file that is good.

use galaf::json::JsonPath;

use crate::policy::{Place, Policy, Subject};
use crate::programs;
use crate::resolve::Messages;

/// Programs that would not start and grants that have lapsed at `now`, in seconds since the epoch.
pub fn notices(policy: &Policy, now: i64) -> Messages {
    let mut notices = programs::notices(policy);
    notices.extend(policy.subjects().flat_map(|subject| lapsed(subject, now)));
    notices
}

fn lapsed(subject: &Subject, now: i64) -> Messages {
    let at = JsonPath::root().key(subject.id.section()).key(subject.name.as_str()).key("allow");
    let mut notices = Messages::new();
    for grant in &subject.grants {
        if let (Place::Allow(index), true) = (grant.place, grant.until.is_some_and(|until| until <= now)) {
            let notice = (at.index(index).key("until"), "is over: this grants nothing any more".to_owned());
            if notices.last() != Some(&notice) {
                notices.push(notice);
            }
        }
    }
    notices
}
