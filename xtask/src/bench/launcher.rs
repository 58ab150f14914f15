//! What launching through galaf costs.

use anyhow::{Context, Result};

use super::firewall::{Grant, RENDERED, name, prepare, render};
use super::place::{Binaries, INSTALLED, Place, USER};
use super::report::{Report, Row};
use super::statistics::Series;

/// Launches a round.
const LAUNCHES: u32 = 20;
/// How many applications the index has.
const SIZES: [u32; 2] = [100, 30_000];
const PROGRAM: &str = "/bin/true";

/// A program alone, and the same through the launcher.
pub(super) fn run(binaries: &Binaries, rounds: u32, report: &mut Report) -> Result<()> {
    let title = "Launching /bin/true, until it has ended";
    eprintln!("bench: {title}");
    let launcher = format!("{INSTALLED}/galaf");
    let mut asked = Vec::new();
    for applications in [None].into_iter().chain(SIZES.map(Some)) {
        let place = Place::new(binaries)?;
        let mut program = vec![PROGRAM.to_owned()];
        if let Some(number) = applications {
            install(&place, number)?;
            program = vec![launcher.clone(), name(number - 1)];
        }
        let title = if applications.is_some() { "galaf" } else { "directly" }.to_owned();
        asked.push((place, program, Row { name: title, applications, series: Series::default() }));
    }
    for round in 0..=rounds {
        for (place, program, row) in &mut asked {
            let mut task = vec!["launch".to_owned(), LAUNCHES.to_string()];
            task.extend(program.iter().cloned());
            let task: Vec<&str> = task.iter().map(String::as_str).collect();
            let samples = place.measure(None, USER, &task)?;
            if round > 0 {
                row.series.push(samples);
            }
        }
    }
    let rows: Vec<Row> = asked.into_iter().map(|(_, _, row)| row).collect();
    report.compare(title, &rows)
}

/// The launcher with its capability, and the index that the generator makes.
fn install(place: &Place, applications: u32) -> Result<()> {
    prepare(place, applications, Grant::Rule)?;
    render(place)?;
    let state = galaf::paths::STATE_DIR;
    let index = galaf::paths::LAUNCH_INDEX;
    place
        .script(&format!(
            "install -d -m 755 {state} && install -m 644 {RENDERED}/{index} {state}/{index} && \
             setcap cap_setgid+ep {INSTALLED}/galaf"
        ))
        .context("cannot install the launcher")
}
