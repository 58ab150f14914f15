//! What changes the system.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use galaf::config::{Instance, Part};

use super::{now, rendered, require_root, say, show_notices};
use crate::apply::kept::Kept;
use crate::apply::place::Place;
use crate::apply::resolv_conf::ResolvConf;
use crate::apply::state::{self, Journal};
use crate::apply::{self as steps, Ahead, Failure, Wanted, dnsmasq, files, lock, pending, restore};
use crate::cli::{ApplyArgs, RollbackArgs, StateArgs};
use crate::input::{self, Input, Machine};
use crate::judge::{Judgement, judge};
use crate::kernel::{locked, read};
use crate::notices::notices;
use crate::render::Artifacts;
use crate::sources::Files;

/// The account files of this machine.
pub(super) const ETC: &str = "/etc";

/// `apply`.
pub fn apply(args: &ApplyArgs) -> Result<()> {
    require_root("apply")?;
    let state_dir = &args.state.state_dir;
    let _lock = take_lock(state_dir)?;
    let files = Files::find(&args.file)?;
    files.trust()?;
    let (input, artifacts) = judged(&files, state_dir)?;
    show_notices(&input, notices(&input.policy, now()));
    if let Some(patience) = args.confirm {
        pending::begin(state_dir, patience.unsigned_abs())?;
    }
    let ahead = if args.no_resolve { Ahead::Leave } else { Ahead::LookUp };
    let report = match put_into_force(&input, &artifacts, state_dir, ahead) {
        Ok(report) => report,
        Err(failure) => {
            // Where the former state is back, the watcher has nothing to do. Where it is not, the watcher tries again.
            if !failure.is_half_done {
                pending::end(state_dir)?;
            }
            return Err(failure.error);
        }
    };
    say(&format!("applied {}\n{report}", input.source.described()))?;
    match args.confirm {
        Some(patience) => say(&format!(
            "now try what you need; unless 'galaf-gen confirm' comes within {patience:#}, the former state returns\n"
        )),
        None => Ok(()),
    }
}

/// One apply at a time, and none while another waits to be confirmed.
pub(super) fn take_lock(state_dir: &Path) -> Result<lock::Lock> {
    let lock = lock::take(state_dir)?;
    if pending::id(state_dir)?.is_some() {
        bail!("an apply waits to be confirmed; 'galaf-gen confirm' keeps it, 'galaf-gen rollback' takes it back");
    }
    Ok(lock)
}

/// `confirm`.
pub fn confirm(args: &StateArgs) -> Result<()> {
    require_root("confirm")?;
    let _lock = lock::take(&args.state_dir)?;
    if pending::id(&args.state_dir)?.is_none() {
        bail!("no apply waits to be confirmed; the former state may have returned already, see 'galaf-gen diff'");
    }
    pending::end(&args.state_dir)?;
    say("confirmed: it stays\n")
}

/// `rollback`.
pub fn rollback(args: &RollbackArgs) -> Result<()> {
    require_root("rollback")?;
    let state_dir = &args.state.state_dir;
    if let Some(seconds) = args.after {
        // The watcher: it must outlive the terminal that the apply was typed into. It may lead its session already.
        let _ = nix::unistd::setsid();
        std::thread::sleep(Duration::from_secs(seconds));
    }
    let _lock = if args.after.is_some() { lock::wait(state_dir)? } else { lock::take(state_dir)? };
    let waiting = pending::id(state_dir)?;
    if args.if_pending.is_some() && args.if_pending != waiting {
        return Ok(());
    }
    let text = take_back(waiting.is_some(), state_dir)?;
    say(&text)
}

/// Returns to the state before the apply that is pending, or else before the last one.
fn take_back(is_pending: bool, state_dir: &Path) -> Result<String> {
    let target = if is_pending { pending::target(state_dir) } else { state::former_path(state_dir) };
    let Some(target) = target else {
        if !is_pending {
            bail!("there is no former state to return to");
        }
        locked::remove()?;
        state::forget(state_dir)?;
        dnsmasq::leave(&Place::of(Instance::NetworkManager, state_dir))?;
        ResolvConf::new(state_dir).release()?;
        pending::end(state_dir)?;
        return Ok("taken back: there is no firewall, as before\n".to_owned());
    };
    let (input, artifacts) =
        judged(&Files::only(&target), state_dir).context("the former state does not fit this machine any more")?;
    let report = steps::apply(wanted(&input, &artifacts), state_dir, Ahead::LookUp).map_err(|failure| failure.error)?;
    pending::end(state_dir)?;
    Ok(format!("returned to the former state\n{report}"))
}

fn judged(files: &Files, state_dir: &Path) -> Result<(Input, Artifacts)> {
    judged_parts(files.read()?, state_dir)
}

pub(super) fn judged_parts(parts: Vec<Part>, state_dir: &Path) -> Result<(Input, Artifacts)> {
    let input = input::resolved(parts, Machine { etc_dir: Path::new(ETC), state_dir }, now())?;
    let artifacts = rendered(&input)?;
    // The ruleset in force was judged before it came into force; nft says no again when it is to load it.
    let in_force = std::fs::read(state_dir.join(galaf::paths::RULESET));
    if in_force.is_ok_and(|text| text == artifacts.ruleset.text.as_bytes()) {
        return Ok((input, artifacts));
    }
    if let Judgement::Bad(problems) = judge(&artifacts.ruleset)? {
        return Err(input.bad(problems).into());
    }
    Ok((input, artifacts))
}

fn wanted<'a>(input: &'a Input, artifacts: &'a Artifacts) -> Wanted<'a> {
    Wanted { text: &input.text, policy: &input.policy, artifacts }
}

/// All or nothing: a failure that leaves other rules than before is one that could not be taken back.
pub(super) fn put_into_force(
    input: &Input,
    artifacts: &Artifacts,
    state_dir: &Path,
    ahead: Ahead,
) -> Result<steps::Report, Failure> {
    match steps::apply(wanted(input, artifacts), state_dir, ahead) {
        Err(failure) if failure.is_half_done => Err(taken_back(failure.error, state_dir)),
        result => result,
    }
}

/// Puts back what was in force, which is not what the files say if they were edited since.
fn taken_back(error: anyhow::Error, state_dir: &Path) -> Failure {
    let take_back = || -> Result<bool> {
        let Some(text) = state::applied(state_dir)? else { return Ok(false) };
        let (input, artifacts) = judged_parts(vec![Part { name: "what was in force".to_owned(), text }], state_dir)?;
        steps::apply(wanted(&input, &artifacts), state_dir, Ahead::LookUp).map_err(|failure| failure.error)?;
        Ok(true)
    };
    let (is_half_done, state) = match take_back() {
        Ok(true) => (false, "what was in force before is in force again".to_owned()),
        Ok(false) => (true, "the new rules are in force, not all of the rest".to_owned()),
        Err(back) => (true, format!("what was in force before could not be put back in full: {back:#}")),
    };
    Failure { error: anyhow!("{error:#}; {state}"), is_half_done }
}

/// `reset`.
pub fn reset(args: &StateArgs) -> Result<()> {
    require_root("reset")?;
    let _lock = lock::take(&args.state_dir)?;
    locked::remove()?;
    pending::end(&args.state_dir)?;
    let released = ResolvConf::new(&args.state_dir).release().context("the firewall is gone, but")?;
    // Its sets are gone, and whom it refuses names is not to be refused them any more.
    dnsmasq::leave(&Place::of(Instance::NetworkManager, &args.state_dir)).context("the firewall is gone, but")?;
    say("the firewall is gone: every program can talk to the network\n\
         'galaf-gen apply' brings it back, and while galaf-firewall.service is enabled so do the next boot and a\n\
         restart of nftables.service\n")?;
    say(if released { "'/etc/resolv.conf' is the former one again\n" } else { "" })
}

/// `boot`.
pub fn boot(args: &StateArgs) -> Result<()> {
    require_root("boot")?;
    let path = args.state_dir.join(galaf::paths::RULESET);
    if !matches!(read::outline(), Ok(Some(_))) {
        // Whoever ends us early, such as a unit's time limit, leaves a machine that is locked and not one that is open.
        locked::lock().context("cannot even lock the network")?;
    }
    match take_back_unconfirmed(&args.state_dir).and_then(|()| restore::last_good(&path)) {
        Ok(()) => say(&format!("loaded '{}'\n", path.display())),
        Err(error) => {
            locked::lock().context("cannot even lock the network")?;
            bail!("locked: nothing may talk to the network until 'galaf-gen apply': {error:#}")
        }
    }
}

/// An apply that nobody confirmed before the machine went down does not come up again.
fn take_back_unconfirmed(state_dir: &Path) -> Result<()> {
    if pending::id(state_dir)?.is_none() {
        return Ok(());
    }
    let Some(target) = pending::target(state_dir) else {
        bail!("the only apply so far was never confirmed");
    };
    let (input, mut artifacts) = judged(&Files::only(&target), state_dir)?;
    let resolver = input.policy.resolver.as_ref().map(|resolver| &resolver.dns);
    let outside = Place::of(Instance::NetworkManager, state_dir).conf;
    let inside = Place::of(Instance::Own, state_dir).conf;
    let is_outside = resolver.is_some_and(|dns| dns.instance == Instance::NetworkManager);
    let text = artifacts.dnsmasq.take_if(|_| is_outside);
    let kept = Kept::stage(&artifacts, state_dir, &inside)?;
    let journal = Journal::begin(state_dir, &input.text)?;
    kept.commit()?;
    journal.end()?;
    pending::end(state_dir)?;
    // The rules are what the boot is for: not even a file system that cannot be written yet may keep them out.
    let put = || match text {
        Some(text) => files::replace(&outside, &text).map(drop),
        None => files::remove(&outside),
    };
    for followed in [put(), ResolvConf::new(state_dir).follow(resolver).map(drop)] {
        if let Err(error) = followed {
            eprintln!("galaf-gen: {error:#}; 'galaf-gen apply' tries again");
        }
    }
    Ok(())
}
