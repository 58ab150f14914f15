//! Whom a mark names, in words.

use std::collections::BTreeMap;

use galaf::id::{GroupId, UserId};
use galaf::mark::{Half, Mark, Owner};

/// An id that a name is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamedId {
    User(UserId),
    Group(GroupId),
}

/// What the system knows of a uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    /// The primary group.
    pub(crate) gid: GroupId,
}

/// The names of the ids in a report. An id without a name is absent.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) groups: BTreeMap<GroupId, String>,
    /// How many ids there was no time to ask the name services for.
    pub(crate) not_asked: usize,
}

/// One cell that says who. The order of the variants is the order of sorting by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// A name from the system, which may hold anything.
    Name(String),
    /// An id without a name.
    Number(u32),
    /// No application.
    None,
    /// No mark.
    Unmarked,
    /// An id that does not fit into a mark.
    Other,
    /// Not recorded in the mark.
    Any,
    /// A value that no version of galaf writes.
    Reserved(u16),
}

/// A mark in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) user: Label,
    pub(crate) application: Label,
}

impl Names {
    /// The ids in `mark` that a name may exist for.
    pub(crate) fn ids_of(mark: Mark) -> impl Iterator<Item = NamedId> {
        let (group, user) = match mark.owner() {
            Owner::Unmarked => (None, None),
            Owner::Root => (Some(GroupId(0)), Some(UserId::ROOT)),
            Owner::Pair { group, user } => (id(group).map(GroupId), id(user).map(UserId)),
        };
        group.map(NamedId::Group).into_iter().chain(user.map(NamedId::User))
    }

    pub(crate) fn identity(&self, mark: Mark) -> Identity {
        match mark.owner() {
            Owner::Unmarked => Identity { user: Label::Unmarked, application: Label::None },
            Owner::Root => Identity { user: self.user(UserId::ROOT), application: Label::None },
            Owner::Pair { group, user } => {
                let application =
                    if self.is_own_group(mark) { Label::None } else { label(group, |gid| self.group(GroupId(gid))) };
                Identity { user: label(user, |uid| self.user(UserId(uid))), application }
            }
        }
    }

    /// Whether the group is the primary group of the user: a process that no launcher moved.
    pub(crate) fn is_own_group(&self, mark: Mark) -> bool {
        match mark.owner() {
            Owner::Root => true,
            Owner::Pair { group: Half::Id(gid), user: Half::Id(uid) } => {
                self.users.get(&UserId(uid.into())).is_some_and(|user| user.gid == GroupId(gid.into()))
            }
            _ => false,
        }
    }

    fn user(&self, uid: UserId) -> Label {
        self.users.get(&uid).map_or(Label::Number(uid.0), |user| Label::Name(user.name.clone()))
    }

    fn group(&self, gid: GroupId) -> Label {
        self.groups.get(&gid).map_or(Label::Number(gid.0), |name| Label::Name(name.clone()))
    }
}

fn id(half: Half) -> Option<u32> {
    match half {
        Half::Id(id) => Some(id.into()),
        _ => None,
    }
}

fn label(half: Half, named: impl Fn(u32) -> Label) -> Label {
    match half {
        Half::Id(id) => named(id.into()),
        Half::Overflow => Label::Other,
        Half::Unknown => Label::Any,
        Half::Reserved(value) => Label::Reserved(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use galaf::mark::{OVERFLOW, UNKNOWN};

    fn names() -> Names {
        let user = |name: &str, gid| User { name: name.to_owned(), gid: GroupId(gid) };
        Names {
            users: [(UserId(0), user("root", 0)), (UserId(1000), user("alice", 1000))].into(),
            groups: [
                (GroupId(0), "root".to_owned()),
                (GroupId(1000), "alice".to_owned()),
                (GroupId(30004), "firefox".to_owned()),
            ]
            .into(),
            not_asked: 0,
        }
    }

    fn name(text: &str) -> Label {
        Label::Name(text.to_owned())
    }

    #[test]
    fn unmarked_root_and_a_plain_process_are_told_apart() {
        let of = |mark| names().identity(mark);
        assert_eq!(of(Mark::UNMARKED), Identity { user: Label::Unmarked, application: Label::None });
        assert_eq!(of(Mark::ROOT), Identity { user: name("root"), application: Label::None });
        assert_eq!(of(Mark::from_halves(1000, 1000)), Identity { user: name("alice"), application: Label::None });
        assert_eq!(of(Mark::from_halves(0, 1000)), Identity { user: name("alice"), application: name("root") });
    }

    #[test]
    fn root_inside_an_application_is_the_application() {
        let identity = names().identity(Mark::from_halves(30004, 0));
        assert_eq!(identity, Identity { user: name("root"), application: name("firefox") });
    }

    #[test]
    fn ids_without_a_name_are_numbers() {
        let identity = names().identity(Mark::from_halves(30005, 1001));
        assert_eq!(identity, Identity { user: Label::Number(1001), application: Label::Number(30005) });
    }

    #[test]
    fn equal_numbers_of_an_unknown_user_are_not_taken_for_its_own_group() {
        let identity = names().identity(Mark::from_halves(1001, 1001));
        assert_eq!(identity.application, Label::Number(1001));
    }

    #[test]
    fn halves_that_are_no_id_are_neither_named_nor_looked_up() {
        let mark = Mark::from_halves(OVERFLOW, UNKNOWN);
        assert_eq!(names().identity(mark), Identity { user: Label::Any, application: Label::Other });
        assert_eq!(Names::ids_of(mark).count(), 0);
        assert_eq!(names().identity(Mark::from_halves(0xfff5, 1000)).application, Label::Reserved(0xfff5));
    }

    #[test]
    fn every_id_that_can_be_named_is_looked_up() {
        let ids: Vec<NamedId> = Names::ids_of(Mark::from_halves(30004, 1000)).collect();
        assert_eq!(ids, [NamedId::Group(GroupId(30004)), NamedId::User(UserId(1000))]);
        assert_eq!(
            Names::ids_of(Mark::ROOT).collect::<Vec<_>>(),
            [NamedId::Group(GroupId(0)), NamedId::User(UserId::ROOT)]
        );
    }

    #[test]
    fn labels_sort_names_before_numbers_before_special_words() {
        let mut labels = [Label::Unmarked, Label::Number(7), name("b"), Label::None, name("a")];
        labels.sort();
        assert_eq!(labels, [name("a"), name("b"), Label::Number(7), Label::None, Label::Unmarked]);
    }
}
