//! What putting a file into force costs.

use std::time::Duration;

use anyhow::Result;

use super::firewall::{ETC, Grant, linear, load_rendered, load_text, prepare, render, timed};
use super::place::{Binaries, INSTALLED, Place};
use super::report::Report;
use super::statistics::Spread;

/// How many applications with a port each there are.
const WITH_PORTS: [u32; 3] = [100, 1000, 30_000];
/// With names fewer, since each takes two sets in the one table: the kernel looks for a set's name among all of them,
/// so that the time grows with the square of their number.
const WITH_NAMES: [u32; 3] = [100, 1000, 4000];
/// Above this, applying is left out: nft looks each gid up in /etc/group, as if it were a name, which takes the square
/// of their number again.
const MOST_TO_APPLY: u32 = 1000;
/// A time is the middle one of so many.
const REPETITIONS: u32 = 3;

/// Times of each step, for files without and with names.
pub(super) fn run(binaries: &Binaries, report: &mut Report) -> Result<()> {
    let mut rows = Vec::new();
    for applications in WITH_PORTS {
        eprintln!("bench: loading {applications} linear rules");
        let times = (0..REPETITIONS).map(|_| load_text(&Place::new(binaries)?, &linear(applications)));
        rows.extend(row("linear rules: nft -f", applications, times.collect::<Result<_>>()?));
    }
    let with_ports = WITH_PORTS.map(|applications| (applications, Grant::Rule, "a port each"));
    let with_names = WITH_NAMES.map(|applications| (applications, Grant::Name, "a name each"));
    for (applications, grant, what) in with_ports.into_iter().chain(with_names) {
        eprintln!("bench: putting {applications} applications into force, {what}");
        let mut steps: Vec<(&str, Vec<Duration>)> = Vec::new();
        for _ in 0..REPETITIONS {
            for (step, time) in once(binaries, applications, grant)? {
                match steps.iter_mut().find(|(name, _)| *name == step) {
                    Some((_, times)) => times.push(time),
                    None => steps.push((step, vec![time])),
                }
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
fn once(binaries: &Binaries, applications: u32, grant: Grant) -> Result<Vec<(&'static str, Duration)>> {
    let place = Place::new(binaries)?;
    prepare(&place, applications, grant)?;
    let mut steps = vec![("galaf-gen render", render(&place)?), ("nft -f", load_rendered(&place)?)];
    if applications <= MOST_TO_APPLY {
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
