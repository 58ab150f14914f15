//! The only part that changes the system.
//!
//! In this order, so that a failure leaves the former state: everything is checked, groups are made,
//! the kernel takes the ruleset in one transaction and is read back, then the files that the boot and the
//! launcher read are replaced, and the resolver follows.

mod ahead;
mod dnsmasq;
pub mod files;
pub mod groups;
mod label;
pub mod lock;
pub mod pending;
pub mod ping;
mod report;
pub mod resolv_conf;
pub mod restore;
pub mod state;
pub mod unown;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use galaf::fold::IdBase;
use galaf::launch::Index;
use galaf::paths::{DNSMASQ_CONF, LAUNCH_INDEX, RULESET};

use crate::diff::diff;
use crate::kernel::{maps, nft, read};
use crate::learned;
use crate::policy::Policy;
use crate::render::Artifacts;
use crate::transaction::{differences, transaction};
use crate::upstream;

pub use ahead::Ahead;
use dnsmasq::Outcome;
pub use report::Report;
use resolv_conf::ResolvConf;

/// Puts `artifacts` into force and keeps them in `state_dir`.
///
/// # Errors
/// If a step fails; the firewall is then the former one, unless the error says otherwise.
pub fn apply(policy: &Policy, artifacts: &Artifacts, state_dir: &Path, ahead: Ahead) -> Result<Report> {
    std::fs::create_dir_all(state_dir).with_context(|| format!("cannot make '{}'", state_dir.display()))?;
    let conf_path = state_dir.join(DNSMASQ_CONF);
    let staged_conf = artifacts.dnsmasq.as_ref().map(|text| files::Staged::new(&conf_path, text)).transpose()?;
    if let Some(conf) = &staged_conf {
        dnsmasq::test(conf.path())?;
    }
    let ruleset_path = state_dir.join(RULESET);
    let live = read::table()?;
    let mut former = state::read(state_dir);
    let outdated = learned::outdated(former.dnsmasq.as_deref(), artifacts.dnsmasq.as_deref().unwrap_or_default());
    if live.is_none() {
        // Nothing was granted or refused, whatever the file of the last ruleset says.
        former.ruleset.clear();
    }
    let transaction = transaction(live.as_ref(), &artifacts.table, &artifacts.ruleset, &outdated);
    let made = groups::add(&policy.new_groups)?;
    if let Err(error) = nft::load(&transaction.text) {
        let removed = groups::remove(&made);
        return Err(error).context("the firewall is as it was").map_err(|error| match removed {
            Ok(()) => error,
            Err(left) => error.context(left),
        });
    }
    verify(artifacts, &ruleset_path)?;

    files::replace(&ruleset_path, &artifacts.ruleset.text)?;
    let index_path = state_dir.join(LAUNCH_INDEX);
    let marks = label::problem(policy, &applied_containers(&index_path));
    files::replace(&index_path, &artifacts.launch_index)?;
    let conf_changed = match staged_conf {
        Some(conf) => conf.commit()?,
        None => files::remove(&conf_path).map(|()| false)?,
    };
    let resolver = match (&policy.resolver, conf_changed, transaction.made_anew.is_empty()) {
        (None, ..) => Outcome::NotUsed,
        (Some(_), true, _) => dnsmasq::restart(&conf_path)?,
        (Some(_), false, false) => dnsmasq::forget_answers(&conf_path)?,
        (Some(_), false, true) => Outcome::Unchanged,
    };
    let questions = match resolver {
        Outcome::NotUsed | Outcome::NotRunning => Vec::new(),
        Outcome::Unchanged | Outcome::Restarted | Outcome::Forgot => {
            artifacts.learned.questions(policy, &transaction.made_anew)
        }
    };
    let ahead = match &policy.resolver {
        // A question from a socket without its mark would only wait for its time to pass.
        Some(resolver) if ahead == Ahead::LookUp && !questions.is_empty() && marks.is_none() => {
            // Everything is in force already; who asks later is answered all the same.
            let listen = resolver.dns.listen;
            Some(match ahead::look_up(&questions, (listen.address, listen.port).into()) {
                Ok(answered) => answered.to_string(),
                Err(error) => format!("not looked up ahead: {error:#}"),
            })
        }
        _ => None,
    };
    let upstream = policy.resolver.as_ref().and_then(upstream::described);
    let resolv_conf = ResolvConf::new(state_dir).follow(policy.resolver.as_ref().map(|resolver| &resolver.dns))?;
    let ping = ping::widen(policy);
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
}

/// The containers of the index that is about to be replaced; none if there is no index.
fn applied_containers(index_path: &Path) -> Vec<IdBase> {
    let index = File::open(index_path).ok().and_then(|file| Index::open(file).ok());
    index.map(|index| index.header().containers.clone()).unwrap_or_default()
}

/// Compares the kernel with what it was given. If somebody else changed the table meanwhile, the former
/// ruleset goes back in, or the locked table.
fn verify(artifacts: &Artifacts, former: &Path) -> Result<()> {
    let mut found = differences(read::table()?.as_ref(), &artifacts.table);
    if found.is_empty() {
        found = maps::differences(&artifacts.table)?;
    }
    if found.is_empty() {
        return Ok(());
    }
    let state = match restore::last_good(former) {
        Ok(()) => "the former ruleset is loaded again".to_owned(),
        Err(error) => {
            crate::kernel::locked::lock()?;
            format!(
                "nothing may talk to the network until the next 'galaf-gen apply', since the former ruleset cannot be loaded either: {error:#}"
            )
        }
    };
    bail!("the kernel does not have what it was given: {}; {state}", found.join("; "))
}
