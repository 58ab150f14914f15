//! The only part that changes the system.
//!
//! In this order, so that a failure leaves the former state: everything is checked and every file is on disk beside
//! the one it will replace, groups are made, the kernel takes the ruleset in one transaction and is read back, then the
//! files that the boot and the launcher read take their places, and the resolver follows.

mod ahead;
pub mod dnsmasq;
pub mod files;
pub mod groups;
pub(crate) mod kept;
mod label;
pub mod lock;
pub mod pending;
pub mod ping;
pub mod place;
mod report;
pub mod resolv_conf;
pub mod restore;
mod running;
pub mod state;
pub mod unown;

use std::path::Path;

use anyhow::{Result, anyhow};
use galaf::paths::RULESET;

use crate::diff::diff;
use crate::kernel::{maps, nft, read};
use crate::learned;
use crate::policy::Policy;
use crate::render::Artifacts;
use crate::transaction::{Transaction, differences, transaction};
use crate::upstream;

pub use ahead::Ahead;
use dnsmasq::Outcome;
use kept::Kept;
use place::Place;
pub use report::Report;
use resolv_conf::ResolvConf;
use state::Journal;

/// Why something could not be put into force.
#[derive(Debug)]
pub struct Failure {
    /// The cause.
    pub error: anyhow::Error,
    /// Whether the kernel has other rules than before all the same.
    pub is_half_done: bool,
}

impl Failure {
    fn half_done(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), is_half_done: true }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), is_half_done: false }
    }
}

/// What is to be put into force.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The merged configuration, to return to one day.
    pub text: &'a str,
    /// What it means on this machine.
    pub policy: &'a Policy,
    /// What it becomes.
    pub artifacts: &'a Artifacts,
}

/// Puts `wanted` into force and keeps it in `state_dir`. Only for who holds the [lock].
///
/// # Errors
/// If a step fails. The firewall is the former one then, unless the failure says otherwise.
pub fn apply(wanted: Wanted<'_>, state_dir: &Path, ahead: Ahead) -> Result<Report, Failure> {
    let Wanted { text, policy, artifacts } = wanted;
    files::sweep(state_dir)?;
    let instance = policy.resolver.as_ref().map(|resolver| resolver.dns.instance).unwrap_or_default();
    let place = Place::of(instance, state_dir);
    let kept = Kept::stage(artifacts, state_dir, &place.conf)?;
    kept.resolver().map(dnsmasq::test).transpose()?;
    let live = read::outline()?;
    let mut former = state::read(state_dir);
    let outdated = learned::outdated(former.dnsmasq.as_deref(), artifacts.dnsmasq.as_deref().unwrap_or_default());
    if live.is_none() {
        // Nothing was granted or refused, whatever the file of the last ruleset says.
        former.ruleset.clear();
    }
    let transaction = transaction(live.as_ref(), &artifacts.table, &artifacts.ruleset, &outdated);
    let marks = label::problem(policy, &kept::containers(state_dir));
    let journal = Journal::begin(state_dir, text)?;
    match change_kernel(wanted, &transaction, &state_dir.join(RULESET)) {
        Err(Failure { error, is_half_done: false }) => return Err(after(error, journal.abandon()).into()),
        result => result?,
    }

    let mut made_anew = transaction.made_anew;
    if journal.resumes() {
        // The apply before may have emptied sets without telling the resolver.
        made_anew = artifacts.table.learned_sets().map(str::to_owned).collect();
    }
    let follow = || -> Result<Report> {
        for other in Place::all(state_dir).iter().filter(|other| **other != place) {
            dnsmasq::leave(other)?;
        }
        let conf_changed = kept.commit()? || journal.resumes();
        let resolver = follow_resolver(policy, &place, conf_changed, !made_anew.is_empty())?;
        let ahead = look_up_ahead(wanted, resolver, &made_anew, marks.is_none() && ahead == Ahead::LookUp);
        let upstream = policy.resolver.as_ref().and_then(upstream::described);
        let resolv_conf = ResolvConf::new(state_dir).follow(policy.resolver.as_ref().map(|resolver| &resolver.dns))?;
        let ping = ping::widen(policy);
        journal.end()?;
        Ok(Report {
            diff: diff(&former, artifacts, &policy.new_groups),
            resolver,
            upstream,
            ahead,
            resolv_conf,
            ping,
            marks,
            audit: report::audit(policy),
        })
    };
    follow().map_err(Failure::half_done)
}

/// Makes the groups and gives the kernel the rules; if it does not take them, there is no group more than before.
fn change_kernel(wanted: Wanted<'_>, transaction: &Transaction, former: &Path) -> Result<(), Failure> {
    let made = groups::add(&wanted.policy.new_groups)?;
    if let Err(error) = nft::load(&transaction.text) {
        return Err(after(anyhow::Error::new(error).context("the firewall is as it was"), groups::remove(&made)).into());
    }
    verify(wanted.artifacts, former)
}

/// `error`, and what went wrong with the cleaning up after it.
fn after(error: anyhow::Error, cleaned: Result<()>) -> anyhow::Error {
    match cleaned {
        Ok(()) => error,
        Err(left) => error.context(format!("{left:#}")),
    }
}

fn follow_resolver(policy: &Policy, place: &Place, conf_changed: bool, made_anew: bool) -> Result<Outcome> {
    match (&policy.resolver, conf_changed, made_anew) {
        (None, ..) => Ok(Outcome::NotUsed),
        (Some(_), true, _) => dnsmasq::restart(place),
        (Some(_), false, true) => dnsmasq::forget_answers(place),
        (Some(_), false, false) => Ok(Outcome::Unchanged),
    }
}

/// Has the resolver fill the sets that are new or emptied; what became of it, if there was a reason to.
fn look_up_ahead(wanted: Wanted<'_>, outcome: Outcome, made_anew: &[String], may_ask: bool) -> Option<String> {
    let resolver = wanted.policy.resolver.as_ref()?;
    // A question from a socket without its mark would only wait for its time to pass.
    if !may_ask || matches!(outcome, Outcome::NotUsed | Outcome::NotRunning(_)) {
        return None;
    }
    let questions = wanted.artifacts.learned.questions(wanted.policy, made_anew);
    if questions.is_empty() {
        return None;
    }
    // Everything is in force already; who asks later is answered all the same.
    let listen = resolver.dns.listen;
    Some(match ahead::look_up(&questions, (listen.address, listen.port).into()) {
        Ok(answered) => answered.to_string(),
        Err(error) => format!("not looked up ahead: {error:#}"),
    })
}

/// Compares the kernel with what it was given. If somebody else changed the table meanwhile, the former
/// ruleset goes back in, or the locked table.
fn verify(artifacts: &Artifacts, former: &Path) -> Result<(), Failure> {
    let mut found = differences(read::table()?.as_ref(), &artifacts.table);
    if found.is_empty() {
        found = maps::differences(&artifacts.table)?;
    }
    if found.is_empty() {
        return Ok(());
    }
    let found = format!("the kernel does not have what it was given: {}", found.join("; "));
    match restore::last_good(former) {
        Ok(()) => Err(anyhow!("{found}; the former ruleset is loaded again").into()),
        Err(error) => {
            crate::kernel::locked::lock().map_err(Failure::half_done)?;
            Err(Failure::half_done(error.context(format!(
                "{found}; nothing may talk to the network until the next 'galaf-gen apply', since the former ruleset \
                 cannot be loaded either"
            ))))
        }
    }
}
