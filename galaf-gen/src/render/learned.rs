//! Which names' answers go into which sets. Pure.
//!
//! Ordinarily a grant has a set of its own, and a name's line lists the sets of all grants with the name. Where such a
//! line becomes too long for dnsmasq, names that exactly the same grants have get one set together, which the rules
//! of all of these grants ask: whoever may reach an address in it for one of the names may for any of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use galaf::config::{Domain, Family};
use galaf::json::JsonPath;
use galaf::mark::is_plain;
use galaf::paths::TABLE;

use super::nft::names;
use crate::policy::{Grant, Place, Policy, Subject, SubjectId};
use crate::resolve::Messages;

/// dnsmasq reads lines into a buffer of MAXDNAME (1025) bytes and calls a longer one a bad option.
pub(super) const MAX_LINE: usize = 1000;

/// A set and the family of its addresses.
type Target = (Family, String);
/// Whose a set is: the grants of an item that differ only in what with have one together.
type Owner = (SubjectId, Place, Family);

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
    /// By their number.
    sets: Vec<Target>,
    /// The names in their order, each with the numbers of the sets that its answers go into.
    by_name: Vec<(Domain, Vec<usize>)>,
    by_grant: BTreeMap<Owner, Vec<String>>,
}

impl LearnedSets {
    /// Plans the sets of `policy`.
    ///
    /// # Errors
    /// A name that so many entries have that not even a common set makes its line short enough.
    pub fn of(policy: &Policy) -> Result<Self, Messages> {
        let (mut plan, owners) = Plan::of(policy);
        let too_long = plan.shorten();
        if too_long.is_empty() {
            Ok(plan.finish(owners))
        } else {
            Err(too_long.into_iter().map(|(name, length)| too_many(policy, &name, length)).collect())
        }
    }

    /// Adds dnsmasq's line for each name. It uses the line of the longest name that matches and no other: a name's line
    /// therefore carries the sets of its parents too.
    pub fn add_lines(&self, text: &mut String) {
        for (name, sets) in &self.by_name {
            add_line(text, name, sets, &self.sets);
            text.push('\n');
        }
    }

    /// The sets that dnsmasq puts answers for `name` into: those of the longest line that matches.
    pub fn filled_by<'a>(&'a self, name: &'a Domain, family: Family) -> impl Iterator<Item = &'a str> {
        let place = |name| self.by_name.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok();
        let line = std::iter::once(name.as_str()).chain(name.parents()).find_map(place);
        let sets = line.into_iter().flat_map(|place| &self.by_name[place].1).map(|&number| &self.sets[number]);
        sets.filter(move |(other, _)| *other == family).map(|(_, set)| set.as_str())
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
            let sets = sets.iter().map(|&number| &self.sets[number]);
            let families: BTreeSet<Family> =
                sets.filter(|(_, set)| wanted.contains(set.as_str())).map(|(family, _)| *family).collect();
            questions.extend(families.into_iter().map(|family| Question { asker, name: name.clone(), family }));
        }
        questions
    }

    /// The sets that hold the addresses of a grant's names; none if it is not by name.
    pub fn of_grant(&self, subject: &Subject, grant: &Grant) -> &[String] {
        if grant.to.names().is_empty() {
            // A grant by address that stands beside one by name would have the same.
            return &[];
        }
        self.by_grant.get(&owner(subject, grant)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn owner(subject: &Subject, grant: &Grant) -> Owner {
    (subject.id, grant.place, grant.family)
}

fn add_line(text: &mut String, name: &Domain, numbers: &[usize], sets: &[Target]) {
    text.push_str("nftset=/");
    text.push_str(name.as_str());
    for (place, &number) in numbers.iter().enumerate() {
        let (family, set) = &sets[number];
        text.push(if place == 0 { '/' } else { ',' });
        // Pushed and not formatted: there may be hundreds of thousands.
        text.push(char::from(b'0' + family.number()));
        ["#inet#", TABLE, "#", set].iter().for_each(|part| text.push_str(part));
    }
}

/// What is being decided.
#[derive(Default)]
struct Plan {
    /// Those of single grants, then common ones.
    sets: Vec<Target>,
    /// How many are of single grants.
    own: usize,
    /// In their order.
    names: Vec<Planned>,
    /// Names, by their place, whose answers go into common sets.
    shared: BTreeSet<usize>,
    /// The common sets of each.
    common: BTreeMap<usize, Vec<usize>>,
}

/// A name.
struct Planned {
    name: Domain,
    /// The sets of the grants that have it, by their number.
    grants: Vec<usize>,
    /// Places of the names that it is a subdomain of, nearest first.
    parents: Vec<usize>,
}

impl Plan {
    fn of(policy: &Policy) -> (Self, BTreeMap<Owner, usize>) {
        let mut plan = Self::default();
        let mut owners = BTreeMap::new();
        let mut places = HashMap::new();
        for subject in policy.subjects() {
            for grant in subject.grants.iter().chain(&subject.denials).filter(|grant| !grant.to.names().is_empty()) {
                let number = *owners.entry(owner(subject, grant)).or_insert_with(|| {
                    plan.sets.push((grant.family, names::learned_set(subject, grant)));
                    plan.sets.len() - 1
                });
                for name in grant.to.names() {
                    plan.add(&mut places, name, number);
                }
            }
        }
        (plan.sorted(), owners)
    }

    /// Notes that answers for `name` go into the set `number`; `places` has where each name is.
    fn add<'a>(&mut self, places: &mut HashMap<&'a Domain, usize>, name: &'a Domain, number: usize) {
        let place = *places.entry(name).or_insert_with(|| {
            self.names.push(Planned { name: name.clone(), grants: Vec::new(), parents: Vec::new() });
            self.names.len() - 1
        });
        self.names[place].grants.push(number);
    }

    /// Once all names are known.
    fn sorted(mut self) -> Self {
        self.own = self.sets.len();
        self.names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let places: HashMap<&str, usize> =
            (0..).zip(&self.names).map(|(place, name)| (name.name.as_str(), place)).collect();
        let parents_of = |name: &Domain| name.parents().filter_map(|parent| places.get(parent).copied()).collect();
        let parents: Vec<Vec<usize>> = self.names.iter().map(|planned| parents_of(&planned.name)).collect();
        for (planned, parents) in self.names.iter_mut().zip(parents) {
            planned.parents = parents;
            planned.grants.sort_unstable();
            planned.grants.dedup();
        }
        self
    }

    /// Shares names until every line fits; those that do not fit all the same, with their lengths.
    fn shorten(&mut self) -> Vec<(Domain, usize)> {
        loop {
            let mut chosen = BTreeSet::new();
            let mut too_long = Vec::new();
            let mut line = String::new();
            for (place, planned) in self.names.iter().enumerate() {
                line.clear();
                add_line(&mut line, &planned.name, &self.sets_of(place), &self.sets);
                if line.len() > MAX_LINE {
                    match self.longest(place) {
                        Some(longest) => drop(chosen.insert(longest)),
                        None => too_long.push((planned.name.clone(), line.len())),
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
    fn longest(&self, place: usize) -> Option<usize> {
        self.with_parents(place)
            .filter(|place| !self.shared.contains(place) && self.names[*place].grants.len() > Family::ALL.len())
            .filter(|&place| names::common_set(Family::Ipv4, &self.names[place].name).len() <= names::MAX_LENGTH)
            .max_by_key(|&place| self.names[place].grants.len())
    }

    /// Names that the same grants of a family have share a set. It is called after the first of them.
    fn name_common_sets(&mut self) {
        let mut first: BTreeMap<(Family, Vec<usize>), usize> = BTreeMap::new();
        self.common.clear();
        self.sets.truncate(self.own);
        for &place in &self.shared {
            let Planned { name, grants, .. } = &self.names[place];
            for family in Family::ALL {
                let grants: Vec<usize> =
                    grants.iter().copied().filter(|&number| self.sets[number].0 == family).collect();
                if grants.is_empty() {
                    continue;
                }
                let number = *first.entry((family, grants)).or_insert_with(|| {
                    self.sets.push((family, names::common_set(family, name)));
                    self.sets.len() - 1
                });
                self.common.entry(place).or_default().push(number);
            }
        }
    }

    /// The sets that answers for a name go into, in their order.
    fn sets_of(&self, place: usize) -> Vec<usize> {
        let of_one = |place: usize| self.common.get(&place).unwrap_or(&self.names[place].grants);
        let mut sets: Vec<usize> = self.with_parents(place).flat_map(of_one).copied().collect();
        sets.sort_unstable_by(|&a, &b| self.sets[a].cmp(&self.sets[b]));
        sets.dedup();
        sets
    }

    fn with_parents(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::once(place).chain(self.names[place].parents.iter().copied())
    }

    fn finish(self, owners: BTreeMap<Owner, usize>) -> LearnedSets {
        // A grant's own set, if any of its names is not shared, then common ones.
        let mut of_grant: Vec<BTreeSet<(bool, &str)>> = vec![BTreeSet::new(); self.own];
        for (place, planned) in self.names.iter().enumerate() {
            for &own in &planned.grants {
                let family = self.sets[own].0;
                let sets = self.common.get(&place).map_or(std::slice::from_ref(&own), Vec::as_slice);
                let sets = sets.iter().filter(|&&number| self.sets[number].0 == family);
                of_grant[own].extend(sets.map(|&number| (number != own, self.sets[number].1.as_str())));
            }
        }
        let names = |own: usize| of_grant[own].iter().map(|(_, set)| (*set).to_owned()).collect();
        let by_grant = owners.into_iter().map(|(owner, own)| (owner, names(own))).collect();
        let sets_of: Vec<Vec<usize>> = (0..self.names.len()).map(|place| self.sets_of(place)).collect();
        let by_name = self.names.into_iter().map(|planned| planned.name).zip(sets_of).collect();
        LearnedSets { sets: self.sets, by_name, by_grant }
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
        let sets = ["a", "w"].map(|set| (Family::Ipv4, set.to_owned())).into();
        let by_name = [("a.test", vec![0]), ("www.a.test", vec![0, 1])];
        let by_name = by_name.map(|(name, sets)| (Domain::new(name).unwrap(), sets)).into();
        let learned = LearnedSets { sets, by_name, by_grant: BTreeMap::new() };
        for (name, sets) in [("x.a.test", &["a"][..]), ("x.www.a.test", &["a", "w"]), ("ba.test", &[])] {
            let name = Domain::new(name).unwrap();
            assert_eq!(learned.filled_by(&name, Family::Ipv4).collect::<Vec<_>>(), sets, "{name}");
            assert_eq!(learned.filled_by(&name, Family::Ipv6).count(), 0);
        }
    }

    /// A plan of these names, each with so many grants in both families, the first ones.
    fn plan(grants: &[(&str, std::ops::Range<usize>)]) -> Plan {
        let mut plan = Plan::default();
        for number in 0..500 {
            let set = |family: Family| (family, format!("app_with-a-long-name-{number:03}_dns{}", family.number()));
            plan.sets.extend(Family::ALL.map(set));
        }
        let names: Vec<Domain> = grants.iter().map(|(name, _)| Domain::new(name).unwrap()).collect();
        let mut places = HashMap::new();
        for (name, (_, numbers)) in names.iter().zip(grants) {
            for number in 2 * numbers.start..2 * numbers.end {
                plan.add(&mut places, name, number);
            }
        }
        plan.sorted()
    }

    fn sets<'a>(plan: &'a Plan, name: &str) -> Vec<&'a str> {
        let place = plan.names.iter().position(|planned| planned.name.as_str() == name).unwrap();
        plan.sets_of(place).into_iter().map(|number| plan.sets[number].1.as_str()).collect()
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
        let shared: Vec<&str> = plan.shared.iter().map(|&place| plan.names[place].name.as_str()).collect();
        assert_eq!(shared, ["www.some.test"]);
    }

    #[test]
    fn a_name_too_long_for_the_name_of_a_set_cannot_be_shared() {
        let name = format!("{}test", "abcdefg.".repeat(31));
        let mut plan = plan(&[(&name, 0..100)]);
        assert_eq!(plan.shorten().len(), 1);
    }
}
