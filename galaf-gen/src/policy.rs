//! What is to be enforced: names and ids known, aliases followed, nothing left to look up.

use galaf::config::{Dns, Domain, Grant, Launch, MarkSource};
use galaf::fold::IdBase;
use galaf::id::{GidRange, GroupId, UserId};
use galaf::name::Name;

/// The whole of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Where the gids of applications lie.
    pub gid_range: GidRange,
    /// Who sets the marks.
    pub mark: MarkSource,
    /// Id bases of containers whose ids count as the host's.
    pub containers: Vec<IdBase>,
    /// The resolver, if any name or the file calls for one.
    pub resolver: Option<Resolver>,
    /// Accounts that renew the machine's own addresses.
    pub dhcp_clients: Vec<UserId>,
    /// Sorted by name.
    pub applications: Vec<Application>,
    /// Entries of `users`, sorted by name.
    pub users: Vec<Subject>,
    /// Groups that are not there yet, sorted by name.
    pub new_groups: Vec<NewGroup>,
}

impl Policy {
    /// Applications, then users.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.applications.iter().map(|application| &application.subject).chain(&self.users)
    }
}

/// The resolver and the account it runs as.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolver {
    /// What the file says, or the defaults.
    pub dns: Dns,
    /// The account's id.
    pub uid: UserId,
}

/// Somebody who is granted something.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The entry's name.
    pub name: Name,
    /// The id its sockets carry.
    pub id: SubjectId,
    /// Where it may talk to.
    pub grants: Vec<Grant>,
    /// Names that narrow every grant; empty for no such condition.
    pub domains: Vec<Domain>,
}

/// What a subject is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectId {
    /// The gid of an application.
    Group(GroupId),
    /// The uid of an account.
    User(UserId),
}

impl SubjectId {
    /// The id as a number.
    pub const fn number(self) -> u32 {
        match self {
            Self::Group(gid) => gid.0,
            Self::User(uid) => uid.0,
        }
    }

    /// The section of the file that such entries stand in.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Group(_) => "groups",
            Self::User(_) => "users",
        }
    }
}

/// An entry of `groups`.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its name, group and grants.
    pub subject: Subject,
    /// Its group again, as the launcher needs it.
    pub gid: GroupId,
    /// How it is started, and the ids of those who may; `None` for a group that only names a mark.
    pub launch: Option<(Launch, Option<Vec<UserId>>)>,
}

/// A group to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub gid: GroupId,
}
