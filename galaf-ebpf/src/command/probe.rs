//! `galaf-ebpf probe`

use std::io::{self, Write};

use anyhow::Result;
use galaf::trust::text_of;
use serde_json::json;

use crate::cli;
use crate::probe::{self, Name, Probe};

pub(crate) fn probe(options: &cli::Probe) -> Result<()> {
    let probes = probe::all();
    let mut out = io::stdout().lock();
    if options.json {
        let rows: Vec<_> = probes.iter().map(row).collect();
        writeln!(out, "{}", json!({ "sockets": rows }))?;
        return Ok(());
    }
    for Probe { kind, mark } in probes {
        match mark {
            Ok(mark) => writeln!(out, "{kind:<5}  {mark}  {}", Name(mark))?,
            Err(error) => writeln!(out, "{kind:<5}  {}", text_of(&error.into()))?,
        }
    }
    Ok(())
}

fn row(Probe { kind, mark }: &Probe) -> serde_json::Value {
    match mark {
        Ok(mark) => json!({ "kind": kind, "mark": mark.0 }),
        Err(error) => json!({ "kind": kind, "error": text_of(&(*error).into()) }),
    }
}
