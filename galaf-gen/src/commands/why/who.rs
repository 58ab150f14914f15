//! Who is asked about.

use anyhow::{Result, bail};
use galaf::config::did_you_mean;
use galaf::printable::printable;

use crate::accounts::Accounts;
use crate::cli::WhyArgs;
use crate::input::{Input, Machine};
use crate::policy::{Policy, SubjectId};

/// Whose packets.
pub(super) struct Who {
    application: Option<String>,
    user: Option<String>,
    pub(super) gid: Option<u32>,
    pub(super) uid: Option<u32>,
}

impl Who {
    pub(super) fn find(args: &WhyArgs, input: &Input, accounts: &Accounts, machine: Machine<'_>) -> Result<Self> {
        let gid = args.application.as_deref().map(|name| gid(name, input)).transpose()?;
        let uid = args.user.as_deref().map(|name| uid(name, &input.policy, accounts, machine)).transpose()?;
        Ok(Self { application: args.application.clone(), user: args.user.clone(), gid, uid })
    }

    /// Whether these are its ids: accounts of several names may share one.
    pub(super) fn is(&self, id: SubjectId) -> bool {
        match id {
            SubjectId::Group(gid) => Some(gid.0) == self.gid,
            SubjectId::User(uid) => Some(uid.0) == self.uid,
        }
    }

    /// The entry that a grant would be written to.
    pub(super) fn entry(&self) -> (&'static str, &str) {
        match (&self.application, &self.user) {
            (Some(name), _) => ("groups", name),
            (None, user) => ("users", user.as_deref().unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.application, &self.user) {
            (Some(application), Some(user)) => write!(f, "{application} as {user}"),
            (Some(name), None) | (None, Some(name)) => f.write_str(name),
            (None, None) => Ok(()),
        }
    }
}

fn gid(name: &str, input: &Input) -> Result<u32> {
    let mut applications = input.policy.applications.iter().map(|application| &application.subject);
    match applications.clone().find(|subject| subject.name.as_str() == name) {
        Some(subject) => Ok(subject.id.number()),
        None => {
            let hint = did_you_mean(name, applications.by_ref().map(|subject| subject.name.as_str()));
            bail!("no application is called '{}' in {}{hint}", printable(name), input.source.described())
        }
    }
}

/// An account needs no entry.
fn uid(name: &str, policy: &Policy, accounts: &Accounts, machine: Machine<'_>) -> Result<u32> {
    let entry = policy.users.iter().find(|subject| subject.name.as_str() == name).map(|subject| subject.id.number());
    if let Some(uid) = entry.or_else(|| accounts.users.get(name).map(|user| user.uid.0)) {
        return Ok(uid);
    }
    match machine.is_here().then(|| nix::unistd::User::from_name(name)) {
        Some(Ok(Some(user))) => Ok(user.uid.as_raw()),
        _ => {
            let hint = did_you_mean(name, accounts.users.keys().map(String::as_str));
            bail!("this machine has no user '{}'{hint}", printable(name))
        }
    }
}
