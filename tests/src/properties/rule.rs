//! A rule's text, as nft reads it.

use galaf::config::{Family, Part, RuleText};
use galaf::json::JsonPath;
use galaf_gen::judge::{Judgement, judge};
use galaf_gen::policy::Place;
use galaf_gen::render::nft::Ruleset;
use serde_json::json;

use super::files::made;
use super::kernel::{load, loaded};
use super::netlink::{assert_matches_and_accepts, rules};
use super::ruleset::{assert_is, refused_lines};

/// A text that counts as one rule's matches is that to nft: one rule of its family that matches and then accepts, in a table that is as it would be
/// with any other text. Or nft refuses it, or cannot list it again, and it is told that it is this line. Whether nft took it.
///
/// Only for a thread that has [entered](super::enter) a network of its own.
pub fn rule(family: Family, text: &str) -> bool {
    if RuleText::new(text).is_err() {
        return false;
    }
    let key = match family {
        Family::Ipv4 => "rule",
        Family::Ipv6 => "rule6",
    };
    let file = json!({ "groups": { "probe": { "families": [family.number()], key: text } } });
    let parts = [Part { name: "probe".to_owned(), text: file.to_string() }];
    let Some((_, artifacts)) = made(&parts) else { panic!("a good rule in a bad file: {file}") };
    let ruleset = &artifacts.ruleset;
    let path = JsonPath::root().key("groups").key("probe").key(key);
    match load(&ruleset.text) {
        Ok(messages) => {
            let Some(loaded) = loaded() else {
                assert_is_blamed(text, ruleset, &path);
                return false;
            };
            assert_is(&artifacts.table, &loaded);
            let rules = rules(&messages, "app_probe");
            let [rule] = rules.as_slice() else { panic!("{text:?} is {} rules:\n{messages}", rules.len()) };
            assert_matches_and_accepts(rule, family);
            true
        }
        Err(complaint) => {
            let is_own = |line| ruleset.origins.get(line).is_some_and(|origin| origin.place == Place::Rule);
            if !refused_lines(&complaint).iter().any(is_own) {
                assert_is_blamed(text, ruleset, &path);
            }
            false
        }
    }
}

/// nft does not always say which line it is.
fn assert_is_blamed(text: &str, ruleset: &Ruleset, path: &JsonPath) {
    match judge(ruleset) {
        Ok(Judgement::Bad(problems)) => assert!(problems.iter().all(|(at, _)| at == path), "{text:?}: {problems:?}"),
        Ok(Judgement::Good) => panic!("{text:?}: refused when it is loaded and not when it is checked"),
        Ok(Judgement::NotAsked(why)) => panic!("{why}"),
        Err(error) => panic!("{text:?}: not told whose rule it is: {error}"),
    }
}
