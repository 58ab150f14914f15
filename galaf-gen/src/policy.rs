//! What is to be enforced: names and ids known, aliases followed, nothing left to look up.

use std::collections::BTreeSet;
use std::path::PathBuf;

use galaf::config::{Addresses, Dns, Domain, Family, Launch, MarkSource, Ports, RuleText};
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
    /// What the file says, or the defaults; with the servers that the machine asks if the file names none.
    pub dns: Dns,
    /// The file of the machine that the servers are from, if they are not from the administrator's.
    pub found_in: Option<PathBuf>,
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
}

impl Subject {
    /// Every name it may ask for, sorted.
    pub fn domains(&self) -> BTreeSet<&Domain> {
        self.grants.iter().flat_map(|grant| grant.to.names()).collect()
    }

    /// Whether something is granted to it by other means than names and addresses: then it may look up every name.
    pub fn may_ask_everything(&self) -> bool {
        self.grants.iter().any(|grant| grant.to == To::Anywhere)
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Where in the entry it is from.
    pub place: Place,
    /// The family; the rule never admits the other.
    pub family: Family,
    /// Where to.
    pub to: To,
    /// What with.
    pub with: With,
    /// When it lapses, in seconds since the epoch.
    pub until: Option<i64>,
    /// What the file says of it.
    pub comment: Option<String>,
}

/// The part of an entry that a grant is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `domains`, `rule` and `rule6`.
    Rule,
    /// An element of `allow`, from 0.
    Allow(usize),
}

/// Where to.
#[derive(Clone, Debug, PartialEq)]
pub enum To {
    /// Every address.
    Anywhere,
    /// Answers for these names and their subdomains.
    Names(Vec<Domain>),
    /// These addresses, of the grant's family.
    Addresses(Addresses),
}

impl To {
    /// The names, if it is by name.
    pub fn names(&self) -> &[Domain] {
        match self {
            Self::Names(names) => names,
            Self::Anywhere | Self::Addresses(_) => &[],
        }
    }
}

/// What with.
#[derive(Clone, Debug, PartialEq)]
pub enum With {
    /// The administrator's own matches.
    Text(RuleText),
    /// Every protocol.
    Everything,
    /// TCP; `None` for every port.
    Tcp(Option<Ports>),
    /// UDP; `None` for every port.
    Udp(Option<Ports>),
    /// Echo requests.
    Icmp,
}

/// What a subject is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
