//! What putting a file into force costs.

use std::time::Duration;

use anyhow::Result;

use super::firewall::{ETC, Grant, linear, load_rendered, load_text, prepare, render, timed};
use super::place::{Binaries, INSTALLED, Place};
use super::report::Report;
use super::statistics::Spread;

const PORTS: &str = "a port each";
const NAME: &str = "a name each";
const NAMES: &str = "four names each";
/// How many linear rules there are.
const LINEAR: [u32; 3] = [200, 1000, 30_000];
/// How many applications there are, with what, and how far each goes.
const FILES: [(u32, Grant, &str, Last); 10] = [
    (200, Grant::Rule, PORTS, Last::Apply),
    (1000, Grant::Rule, PORTS, Last::Apply),
    (30_000, Grant::Rule, PORTS, Last::Apply),
    (200, Grant::Name, NAME, Last::Apply),
    (1000, Grant::Name, NAME, Last::Apply),
    // Each takes two sets in the one table, and the kernel looks for a set's name among all of them.
    (2000, Grant::Name, NAME, Last::Load),
    (4000, Grant::Name, NAME, Last::Load),
    (8000, Grant::Name, NAME, Last::Load),
    (1000, Grant::Names(4), NAMES, Last::Apply),
    (30_000, Grant::Names(4), NAMES, Last::Render),
];
/// A time is the middle one of so many; of less where each takes long.
const REPETITIONS: u32 = 3;
const LONG: Duration = Duration::from_secs(3);

/// The last step that is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Render,
    Load,
    Apply,
}

/// Times of each step, for files without and with names.
pub(super) fn run(binaries: &Binaries, report: &mut Report) -> Result<()> {
    let mut rows = Vec::new();
    for applications in LINEAR {
        eprintln!("bench: loading {applications} linear rules");
        let times = (0..REPETITIONS).map(|_| load_text(&Place::new(binaries)?, &linear(applications)));
        rows.extend(row("linear rules: nft -f", applications, times.collect::<Result<_>>()?));
    }
    for (applications, grant, what, last) in FILES {
        eprintln!("bench: putting {applications} applications into force, {what}");
        let mut steps: Vec<(&str, Vec<Duration>)> = Vec::new();
        for _ in 0..REPETITIONS {
            let times = once(binaries, applications, grant, last)?;
            let took: Duration = times.iter().map(|(_, time)| *time).sum();
            for (step, time) in times {
                match steps.iter_mut().find(|(name, _)| *name == step) {
                    Some((_, times)) => times.push(time),
                    None => steps.push((step, vec![time])),
                }
            }
            if took > LONG {
                break;
            }
        }
        rows.extend(steps.into_iter().filter_map(|(step, times)| row(&format!("{what}: {step}"), applications, times)));
    }
    report.list("Putting a file into force", &rows)
}

fn row(name: &str, applications: u32, times: Vec<Duration>) -> Option<(String, u32, Duration)> {
    Some((name.to_owned(), applications, Spread::of(times)?.median))
}

/// Each step in a fresh place.
fn once(binaries: &Binaries, applications: u32, grant: Grant, last: Last) -> Result<Vec<(&'static str, Duration)>> {
    let place = Place::new(binaries)?;
    prepare(&place, applications, grant)?;
    let mut steps = vec![("galaf-gen render", render(&place)?)];
    if last >= Last::Load {
        steps.push(("nft -f", load_rendered(&place)?));
    }
    if last == Last::Apply {
        place.script(&format!("nft delete table inet galaf && mount --bind {ETC}/group /etc/group"))?;
        let (generator, file) = (format!("{INSTALLED}/galaf-gen"), format!("{INSTALLED}/galaf.json"));
        for (step, arguments) in [
            ("galaf-gen apply, the first time", vec!["apply", &file]),
            ("galaf-gen apply, unchanged", vec!["apply", &file]),
            ("galaf-gen boot", vec!["boot"]),
        ] {
            steps.push((step, timed(place.command().arg(&generator).args(arguments))?));
        }
    }
    Ok(steps)
}
