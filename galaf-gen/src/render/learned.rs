//! Which names' answers go into which sets. Pure.
//!
//! Ordinarily a grant has a set of its own, and a name's line lists the sets of all grants with the name. Where such a
//! line becomes too long for dnsmasq, names that exactly the same grants have get one set together, which the rules
//! of all of these grants ask: whoever may reach an address in it for one of the names may for any of them.

use std::collections::{BTreeMap, BTreeSet};

use galaf::config::{Domain, Family};
use galaf::json::JsonPath;
use galaf::mark::is_plain;
use galaf::paths::TABLE;

use super::nft::names;
use crate::policy::{Grant, Policy, Subject, SubjectId};
use crate::resolve::Messages;

/// dnsmasq reads lines into a buffer of MAXDNAME (1025) bytes and calls a longer one a bad option.
pub(super) const MAX_LINE: usize = 1000;

/// A set and the family of its addresses.
type Target = (Family, String);

/// A question to the resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Somebody who may ask it.
    pub asker: SubjectId,
    /// The name.
    pub name: Domain,
    /// The family of the addresses.
    pub family: Family,
}

/// The sets that dnsmasq fills.
#[derive(Clone, Debug, Default)]
pub struct LearnedSets {
    by_name: BTreeMap<Domain, BTreeSet<Target>>,
    by_grant: BTreeMap<String, Vec<String>>,
}

impl LearnedSets {
    /// Plans the sets of `policy`.
    ///
    /// # Errors
    /// A name that so many entries have that not even a common set makes its line short enough.
    pub fn of(policy: &Policy) -> Result<Self, Messages> {
        let mut plan = Plan::of(policy);
        let too_long = plan.shorten();
        if too_long.is_empty() {
            Ok(plan.finish(policy))
        } else {
            Err(too_long.into_iter().map(|(name, length)| too_many(policy, &name, length)).collect())
        }
    }

    /// dnsmasq's line for each name. It uses the line of the longest name that matches and no other: a name's line
    /// therefore carries the sets of its parents too.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.by_name.iter().map(|(name, sets)| line(name, sets))
    }

    /// The sets that dnsmasq puts answers for `name` into: those of the longest line that matches.
    pub fn filled_by<'a>(&'a self, name: &'a Domain, family: Family) -> impl Iterator<Item = &'a str> {
        let line = std::iter::once(name.as_str()).chain(name.parents()).find_map(|name| self.by_name.get(name));
        line.into_iter().flatten().filter(move |(other, _)| *other == family).map(|(_, set)| set.as_str())
    }

    /// Questions whose answers fill the sets `wanted`, each with somebody who may ask it.
    pub fn questions(&self, policy: &Policy, wanted: &[String]) -> Vec<Question> {
        let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        let mut askers = BTreeMap::new();
        // Whoever has no mark of its own is answered nothing.
        for subject in policy.subjects().filter(|subject| is_plain(subject.id.number())) {
            for name in subject.domains() {
                askers.entry(name).or_insert(subject.id);
            }
        }
        let mut questions = Vec::new();
        for (name, sets) in &self.by_name {
            let Some(&asker) = askers.get(name) else { continue };
            let families: BTreeSet<Family> =
                sets.iter().filter(|(_, set)| wanted.contains(set.as_str())).map(|(family, _)| *family).collect();
            questions.extend(families.into_iter().map(|family| Question { asker, name: name.clone(), family }));
        }
        questions
    }

    /// The sets that hold the addresses of a grant's names; none if it is not by name.
    pub fn of_grant(&self, subject: &Subject, grant: &Grant) -> &[String] {
        if grant.to.names().is_empty() {
            // A grant by address that stands beside one by name would have a set of the same name.
            return &[];
        }
        self.by_grant.get(&names::learned_set(subject, grant)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn line(name: &Domain, sets: &BTreeSet<Target>) -> String {
    let sets: Vec<String> =
        sets.iter().map(|(family, set)| format!("{}#inet#{TABLE}#{set}", family.number())).collect();
    format!("nftset=/{name}/{}", sets.join(","))
}

/// What is being decided.
struct Plan {
    /// Each name with the grants that have it, by the name of their own set.
    grants: BTreeMap<Domain, BTreeSet<Target>>,
    /// Names whose answers go into common sets.
    shared: BTreeSet<Domain>,
    /// The common set of each.
    common: BTreeMap<Domain, BTreeSet<Target>>,
}

impl Plan {
    fn of(policy: &Policy) -> Self {
        let mut grants: BTreeMap<Domain, BTreeSet<Target>> = BTreeMap::new();
        for subject in policy.subjects() {
            for grant in subject.grants.iter().chain(&subject.denials) {
                let set = (grant.family, names::learned_set(subject, grant));
                for name in grant.to.names() {
                    grants.entry(name.clone()).or_default().insert(set.clone());
                }
            }
        }
        Self { grants, shared: BTreeSet::new(), common: BTreeMap::new() }
    }

    /// Shares names until every line fits; those that do not fit all the same, with their lengths.
    fn shorten(&mut self) -> Vec<(Domain, usize)> {
        loop {
            let mut chosen = BTreeSet::new();
            let mut too_long = Vec::new();
            for name in self.grants.keys() {
                let length = line(name, &self.sets(name)).len();
                if length > MAX_LINE {
                    match self.longest(name) {
                        Some(longest) => drop(chosen.insert(longest.clone())),
                        None => too_long.push((name.clone(), length)),
                    }
                }
            }
            if chosen.is_empty() {
                return too_long;
            }
            self.shared.append(&mut chosen);
            self.name_common_sets();
        }
    }

    /// The name, or parent of it, that would save most by being shared.
    fn longest<'a>(&'a self, name: &'a Domain) -> Option<&'a Domain> {
        self.with_parents(name)
            .filter(|(name, sets)| !self.shared.contains(*name) && sets.len() > Family::ALL.len())
            .filter(|(name, _)| names::common_set(Family::Ipv4, name).len() <= names::MAX_LENGTH)
            .max_by_key(|(_, sets)| sets.len())
            .map(|(name, _)| name)
    }

    /// Names that the same grants of a family have share a set. It is called after the first of them.
    fn name_common_sets(&mut self) {
        let mut first: BTreeMap<(Family, Vec<&str>), &Domain> = BTreeMap::new();
        self.common.clear();
        for name in &self.shared {
            for family in Family::ALL {
                let grants: Vec<&str> = self.grants[name]
                    .iter()
                    .filter(|(other, _)| *other == family)
                    .map(|(_, set)| set.as_str())
                    .collect();
                if grants.is_empty() {
                    continue;
                }
                let namesake = *first.entry((family, grants)).or_insert(name);
                let set = (family, names::common_set(family, namesake));
                self.common.entry(name.clone()).or_default().insert(set);
            }
        }
    }

    /// The sets that answers for `name` go into.
    fn sets(&self, name: &Domain) -> BTreeSet<Target> {
        self.with_parents(name).flat_map(|(name, grants)| self.common.get(name).unwrap_or(grants)).cloned().collect()
    }

    fn with_parents<'a>(&'a self, name: &'a Domain) -> impl Iterator<Item = (&'a Domain, &'a BTreeSet<Target>)> {
        std::iter::once(name.as_str()).chain(name.parents()).filter_map(|name| self.grants.get_key_value(name))
    }

    fn finish(self, policy: &Policy) -> LearnedSets {
        let mut by_grant = BTreeMap::new();
        for subject in policy.subjects() {
            let grants = subject.grants.iter().chain(&subject.denials);
            for grant in grants.filter(|grant| !grant.to.names().is_empty()) {
                let own = names::learned_set(subject, grant);
                let is_needed = grant.to.names().iter().any(|name| !self.common.contains_key(name));
                let common: BTreeSet<&Target> =
                    grant.to.names().iter().filter_map(|name| self.common.get(name)).flatten().collect();
                let common =
                    common.into_iter().filter(|(family, _)| *family == grant.family).map(|(_, set)| set.clone());
                by_grant.insert(own.clone(), is_needed.then_some(own).into_iter().chain(common).collect());
            }
        }
        let by_name = self.grants.keys().map(|name| (name.clone(), self.sets(name))).collect();
        LearnedSets { by_name, by_grant }
    }
}

fn too_many(policy: &Policy, name: &Domain, length: usize) -> (JsonPath, String) {
    let sharing: Vec<&Subject> = policy.subjects().filter(|subject| subject.domains().contains(name)).collect();
    let entries: Vec<&str> = sharing.iter().map(|subject| subject.name.as_str()).collect();
    let at = sharing
        .last()
        .map_or_else(JsonPath::root, |subject| JsonPath::root().key(subject.id.section()).key(subject.name.as_str()));
    (
        at,
        format!(
            "the name '{name}' and its parents fill so many sets that dnsmasq's line has {length} of at most {MAX_LINE} characters; entries with it: {}",
            entries.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_where_the_longest_matching_name_says() {
        let target = |set: &str| (Family::Ipv4, set.to_owned());
        let by_name = [("a.test", vec![target("a")]), ("www.a.test", vec![target("a"), target("w")])];
        let by_name = by_name.map(|(name, sets)| (Domain::new(name).unwrap(), sets.into_iter().collect()));
        let learned = LearnedSets { by_name: by_name.into(), by_grant: BTreeMap::new() };
        for (name, sets) in [("x.a.test", &["a"][..]), ("x.www.a.test", &["a", "w"]), ("ba.test", &[])] {
            let name = Domain::new(name).unwrap();
            assert_eq!(learned.filled_by(&name, Family::Ipv4).collect::<Vec<_>>(), sets, "{name}");
            assert_eq!(learned.filled_by(&name, Family::Ipv6).count(), 0);
        }
    }

    /// A plan of these names, each with so many grants in both families, the first ones.
    fn plan(grants: &[(&str, std::ops::Range<usize>)]) -> Plan {
        let both = |number: usize| {
            Family::ALL.map(|family| (family, format!("app_with-a-long-name-{number:03}_dns{}", family.number())))
        };
        let grants = grants
            .iter()
            .map(|(name, numbers)| (Domain::new(name).unwrap(), numbers.clone().flat_map(both).collect()))
            .collect();
        Plan { grants, shared: BTreeSet::new(), common: BTreeMap::new() }
    }

    fn sets(plan: &Plan, name: &str) -> Vec<String> {
        plan.sets(&Domain::new(name).unwrap()).into_iter().map(|(_, set)| set).collect()
    }

    #[test]
    fn a_line_that_fits_is_left_alone() {
        let mut plan = plan(&[("few.test", 0..9), ("www.few.test", 0..1)]);
        assert!(plan.shorten().is_empty());
        assert!(plan.shared.is_empty());
    }

    #[test]
    fn names_of_the_same_many_share_one_set_and_others_do_not() {
        let mut plan = plan(&[("a.test", 0..500), ("b.test", 0..500), ("c.test", 1..500), ("few.test", 0..1)]);
        assert!(plan.shorten().is_empty());
        for name in ["a.test", "b.test"] {
            assert_eq!(sets(&plan, name), ["dns4_a.test", "dns6_a.test"]);
        }
        assert_eq!(sets(&plan, "c.test"), ["dns4_c.test", "dns6_c.test"]);
        assert_eq!(sets(&plan, "few.test"), ["app_with-a-long-name-000_dns4", "app_with-a-long-name-000_dns6"]);
    }

    #[test]
    fn a_child_carries_the_common_set_of_its_parent() {
        let mut plan = plan(&[("many.test", 0..100), ("www.many.test", 100..101)]);
        assert!(plan.shorten().is_empty());
        let own =
            ["app_with-a-long-name-100_dns4", "dns4_many.test", "app_with-a-long-name-100_dns6", "dns6_many.test"];
        assert_eq!(sets(&plan, "www.many.test"), own);
    }

    #[test]
    fn a_child_and_a_parent_of_several_each_are_shared_as_far_as_is_needed() {
        let mut plan = plan(&[("some.test", 0..8), ("www.some.test", 8..18)]);
        assert!(plan.shorten().is_empty());
        assert_eq!(plan.shared.iter().map(Domain::as_str).collect::<Vec<_>>(), ["www.some.test"]);
    }

    #[test]
    fn a_name_too_long_for_the_name_of_a_set_cannot_be_shared() {
        let name = format!("{}test", "abcdefg.".repeat(31));
        let mut plan = plan(&[(&name, 0..100)]);
        assert_eq!(plan.shorten().len(), 1);
    }
}
