//! From a file and the machine's accounts to a [`Policy`].

mod grants;
mod groups;
mod inbound;
mod overlap;

use std::collections::BTreeMap;

use galaf::config::{Config, Dns, Entry, Launch};
use galaf::id::{GroupId, UserId};
use galaf::json::JsonPath;
use galaf::name::Name;

use crate::accounts::Accounts;
use crate::policy::{Application, Policy, Resolver, Subject, SubjectId};
use crate::upstream::{self, Source};

/// Messages, each with the value it is about.
pub type Messages = Vec<(JsonPath, String)>;

/// Accounts that run DHCP clients: dhclient and NetworkManager run as root, networkd as its own user.
const DHCP_CLIENTS: [&str; 2] = ["root", "systemd-network"];

const NO_SERVER: &str = "no name server is known that is not this machine itself, neither from NetworkManager, nor from \
    systemd-resolved, nor from resolv.conf(5): name one, as in \"upstream\": [\"192.0.2.53\"]";

/// Resolves `config` on a machine with `accounts` and name `servers` at `now`, in seconds since the epoch.
///
/// # Errors
/// Every name that is missing and every id that clashes.
pub fn resolve(config: &Config, accounts: &Accounts, servers: &[Source], now: i64) -> Result<Policy, Messages> {
    let mut problems = Messages::new();
    overlap::check(config, accounts, &mut problems);
    let allocation = groups::allocate(config, accounts, &mut problems);
    let context = Context { config, accounts, now };
    let policy = Policy {
        gid_range: config.settings.gid_range,
        mark: config.settings.mark,
        refuse: config.settings.refuse,
        mode: config.settings.mode,
        forward: config.settings.forward,
        priority: config.settings.priority,
        containers: config.settings.containers.clone(),
        resolver: resolver(config, accounts, servers, &mut problems),
        dhcp_clients: DHCP_CLIENTS.iter().filter_map(|name| accounts.users.get(*name)).map(|user| user.uid).collect(),
        applications: applications(&context, &allocation.gids, &mut problems),
        inbound: inbound::services(&context, &allocation.gids, &mut problems),
        guard: config.settings.inbound_guard.clone(),
        users: users(&context, &mut problems),
        new_groups: allocation.new_groups,
    };
    if problems.is_empty() { Ok(policy) } else { Err(problems) }
}

/// What every entry is resolved against.
struct Context<'a> {
    config: &'a Config,
    accounts: &'a Accounts,
    now: i64,
}

fn applications(context: &Context<'_>, gids: &BTreeMap<Name, GroupId>, problems: &mut Messages) -> Vec<Application> {
    let &Context { config, accounts, .. } = context;
    let at = JsonPath::root().key("groups");
    let mut applications = Vec::with_capacity(config.groups.len());
    for (name, entry) in &config.groups {
        let launch = entry.launch.as_ref().map(|launch| {
            let at = at.key(name.as_str()).key("users");
            (launch.clone(), launchers(launch, accounts, &at, problems))
        });
        // A group without a gid has its problem noted already.
        let Some(&gid) = gids.get(name) else { continue };
        let subject = subject(context, name, entry, SubjectId::Group(gid), problems);
        applications.push(Application { subject, gid, launch });
    }
    applications
}

fn launchers(launch: &Launch, accounts: &Accounts, at: &JsonPath, problems: &mut Messages) -> Option<Vec<UserId>> {
    let names = launch.users.as_ref()?;
    let ids = names.iter().enumerate().filter_map(|(index, name)| user(accounts, name, || at.index(index), problems));
    Some(ids.collect())
}

fn users(context: &Context<'_>, problems: &mut Messages) -> Vec<Subject> {
    let &Context { config, accounts, .. } = context;
    let at = JsonPath::root().key("users");
    let mut users = Vec::with_capacity(config.users.len());
    for (name, entry) in &config.users {
        if let Some(uid) = user(accounts, name, || at.key(name.as_str()), problems) {
            users.push(subject(context, name, entry, SubjectId::User(uid), problems));
        }
    }
    users
}

fn subject(context: &Context<'_>, name: &Name, entry: &Entry, id: SubjectId, problems: &mut Messages) -> Subject {
    let at = JsonPath::root().key(id.section()).key(name.as_str());
    let mut grants = grants::from_rules(context.config, entry);
    grants.extend(grants::from_allow(entry, context, &at, problems));
    let denials = grants::from_deny(entry, context, &at, problems);
    Subject { name: name.clone(), id, grants, denials, mode: entry.mode }
}

fn resolver(config: &Config, accounts: &Accounts, servers: &[Source], problems: &mut Messages) -> Option<Resolver> {
    let uses_names = |entry: &Entry| {
        let mut items = entry.allow.iter().chain(&entry.deny);
        !config.domains_of(entry).is_empty() || items.any(|item| !item.to.domains.is_empty())
    };
    let names_are_used = config.users.values().chain(config.groups.values()).any(uses_names);
    let mut dns = match &config.settings.dns {
        Some(dns) => dns.clone(),
        None if names_are_used => Dns::default(),
        None => return None,
    };
    let at = JsonPath::root().key("config").key("dns");
    let mut found_in = None;
    if dns.upstream.is_empty() {
        match upstream::find(servers, &dns.listen) {
            Some((found, path)) => (dns.upstream, found_in) = (found, Some(path)),
            None => problems.push((at.clone(), NO_SERVER.to_owned())),
        }
    }
    let uid = user(accounts, &dns.user, || at.key("user"), problems)?;
    Some(Resolver { dns, found_in, uid })
}

fn user(accounts: &Accounts, name: &Name, at: impl FnOnce() -> JsonPath, problems: &mut Messages) -> Option<UserId> {
    let found = accounts.users.get(name.as_str()).map(|user| user.uid);
    if found.is_none() {
        problems.push((at(), format!("this machine has no user '{name}'")));
    }
    found
}
