//! Which names fill which set, read from a resolver configuration of ours.
//!
//! An address in a learned set does not tell the name it was an answer for. So when an entry loses a name, its set has to be
//! emptied: what stayed in it would stay granted, and traffic would renew it for ever.

use std::collections::{BTreeMap, BTreeSet};

use galaf::config::Domain;

/// Sets of `new` that were filled by names in `former` that do not fill them any more; without `former`, all of them.
pub fn outdated(former: Option<&str>, new: &str) -> BTreeSet<String> {
    let wanted = names_by_set(new);
    let Some(former) = former else { return wanted.into_keys().map(str::to_owned).collect() };
    let lost = |(set, names): &(&str, BTreeSet<Domain>)| {
        wanted.get(set).is_some_and(|wanted| names.iter().any(|name| !covers(wanted, name)))
    };
    names_by_set(former).into_iter().filter(lost).map(|(set, _)| set.to_owned()).collect()
}

/// Whether `name` or a parent of it is among `names`.
fn covers(names: &BTreeSet<Domain>, name: &Domain) -> bool {
    std::iter::once(name.as_str()).chain(name.parents()).any(|name| names.contains(name))
}

/// Every `nftset=/NAME/FAMILY#inet#TABLE#SET,…` line.
fn names_by_set(conf: &str) -> BTreeMap<&str, BTreeSet<Domain>> {
    let mut names: BTreeMap<&str, BTreeSet<Domain>> = BTreeMap::new();
    for (name, sets) in conf.lines().filter_map(|line| line.strip_prefix("nftset=/")?.split_once('/')) {
        let Ok(name) = Domain::new(name) else { continue };
        for set in sets.split(',').filter_map(|set| set.rsplit('#').next()) {
            names.entry(set).or_default().insert(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::outdated;

    fn line(name: &str, set: &str) -> String {
        format!("nftset=/{name}/4#inet#galaf#{set}\n")
    }

    #[test]
    fn a_set_that_loses_a_name_is_outdated_and_its_neighbour_is_not() {
        let former = line("a.test", "x") + &line("b.test", "x") + &line("b.test", "y");
        let new = line("a.test", "x") + &line("b.test", "y");
        assert_eq!(outdated(Some(&former), &new), ["x".to_owned()].into());
    }

    #[test]
    fn more_names_and_a_parent_in_the_place_of_its_child_keep_what_was_learned() {
        let former = line("www.a.test", "x");
        let new = line("a.test", "x") + &line("b.test", "x");
        assert!(outdated(Some(&former), &new).is_empty());
    }

    #[test]
    fn a_child_in_the_place_of_its_parent_is_a_loss() {
        assert!(!outdated(Some(&line("a.test", "x")), &line("www.a.test", "x")).is_empty());
    }

    #[test]
    fn sets_that_are_gone_or_new_are_no_matter_but_an_unknown_past_is() {
        assert!(outdated(Some(&line("a.test", "x")), &line("a.test", "y")).is_empty());
        assert_eq!(outdated(None, &line("a.test", "y")), ["y".to_owned()].into());
        assert!(outdated(Some(""), &line("a.test", "y")).is_empty());
    }
}
