//! `why`: who, where to, by which rules, and what is said.

mod remedy;
mod rules;
mod who;

use anyhow::Result;

use super::{now, rendered, require_root, say};
use crate::cli::WhyArgs;
use crate::input::{self, Machine};
use crate::kernel::own;
use crate::why::{Outcome, Target, json, words};
use remedy::remedy;
use rules::{Knowledge, Rules};
use who::Who;

/// `why`.
pub fn why(args: &WhyArgs) -> Result<Outcome> {
    let machine = Machine { etc_dir: &args.etc.etc_dir, state_dir: &args.state.state_dir };
    let accounts = input::accounts(machine.etc_dir)?;
    let target = Target::parse(&args.destination, &accounts.services)?;
    if args.live {
        require_root("why --live")?;
    }
    let rules = if args.live { Rules::applied(machine)? } else { Rules::of_file(&args.file, machine)? };
    let who = Who::find(args, &rules.input, &accounts, machine)?;
    let (running, found) = if args.live {
        let (running, found) = rules.running(&who)?;
        (Some(running), Some(found))
    } else {
        (None, None)
    };
    let own = if machine.is_here() { own::addresses() } else { Vec::new() };
    let knowledge = Knowledge { services: &accounts.services, own: &own, elements: found.as_ref() };
    let mut report = rules.report(&who, &target, &knowledge);
    report.running = running;
    report.remedy = remedy(args, &report, &rules, &who, &knowledge);
    say(&if args.json { format!("{:#}\n", json(&report)) } else { words(&report) })?;
    Ok(report.outcome())
}
