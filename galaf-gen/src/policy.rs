//! What is to be enforced: names and ids known, aliases followed, nothing left to look up.

use std::collections::BTreeSet;
use std::path::PathBuf;

use galaf::config::{
    Addresses, Dns, Domain, Family, Forward, Guard, Launch, MarkSource, Mode, Ports, Rate, Refusal, RuleText,
};
use galaf::fold::IdBase;
use galaf::id::{GidRange, GroupId, UserId};
use galaf::mark::Mark;
use galaf::name::Name;

/// The whole of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Where the gids of applications lie.
    pub gid_range: GidRange,
    /// Who sets the marks.
    pub mark: MarkSource,
    /// What becomes of what is refused.
    pub refuse: Refusal,
    /// Whether anything is refused, where a subject does not say it itself.
    pub mode: Mode,
    /// What becomes of packets between other machines.
    pub forward: Forward,
    /// Added to the priority of every chain with a hook.
    pub priority: i32,
    /// Id bases of containers whose ids count as the host's.
    pub containers: Vec<IdBase>,
    /// The resolver, if any name or the file calls for one.
    pub resolver: Option<Resolver>,
    /// Accounts that renew the machine's own addresses.
    pub dhcp_clients: Vec<UserId>,
    /// What may be reached from outside, in the order of the file.
    pub inbound: Vec<Service>,
    /// Who may reach none of it for a time.
    pub guard: Option<Guard>,
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

    /// Whether what `subject` is not granted, or is denied, is let through.
    pub fn audits(&self, subject: &Subject) -> bool {
        subject.mode.unwrap_or(self.mode) == Mode::Audit
    }

    /// Whether anything is let through that is not granted.
    pub fn audits_anything(&self) -> bool {
        self.mode == Mode::Audit || self.subjects().any(|subject| self.audits(subject))
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

/// What of an item of `inbound` one rule can say.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The item, from 0.
    pub index: usize,
    /// What people call it.
    pub name: Name,
    /// The family; the rule never admits the other.
    pub family: Family,
    /// From where; `None` for anywhere.
    pub from: Option<Addresses>,
    /// What is let in.
    pub with: With,
    /// Whose its connections are.
    pub mark: Option<Mark>,
    /// How many may begin.
    pub limit: Option<Rate>,
    /// What the file says of it.
    pub comment: Option<String>,
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
    /// Where it may not, whatever it or another entry is granted.
    pub denials: Vec<Grant>,
    /// Whether what it is not granted is refused; `None`: as for everybody.
    pub mode: Option<Mode>,
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

/// One rule, of what is granted or denied.
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
    /// Whether new connections are written to the kernel's log.
    pub log: bool,
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
    /// An element of `deny`, from 0.
    Deny(usize),
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
