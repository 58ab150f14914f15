//! Tables of what each user and application sent, received and was refused.
//!
//! [`read`] asks nft and the name services, [`model`] joins, sorts and sums, [`render`] makes text.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::args::{Args, Only};
use crate::model::{Names, Report, Snapshot};
use crate::render::{Style, json, text};

mod args;
mod model;
mod read;
mod render;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("galaf-stats: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let snapshot = read::sets::read_all()?;
    let names = read::names::resolve(&named_ids(&snapshot), Path::new("/etc"));

    let mut out = BufWriter::new(io::stdout().lock());
    let written = if args.json {
        json::write(&mut out, &snapshot, &names)
    } else {
        let report = Report::new(&snapshot, &names, args.sort);
        out.write_all(text::render(&report, &style(args)).as_bytes())
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough: `galaf-stats | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write the report"),
    }
}

fn named_ids(snapshot: &Snapshot) -> BTreeSet<model::NamedId> {
    snapshot.marks().flat_map(Names::ids_of).collect()
}

fn style(args: &Args) -> Style {
    let terminal = io::stdout().is_terminal();
    let colour_wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|v| v != "dumb");
    Style {
        exact: args.bytes,
        wide: args.wide,
        totals: !args.no_total,
        traffic: args.only != Some(Only::Refused),
        refused: args.only != Some(Only::Traffic),
        colour: terminal && colour_wanted,
        width: if terminal { comfy_table::Table::new().width() } else { None },
    }
}
