//! Whether the committed object is what the source gives.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{OBJECT, RECORD};
use crate::workspace::{self, command, run};

/// Names the object that galaf-ebpf's tests load instead of the committed one.
const OBJECT_VARIABLE: &str = "GALAF_EBPF_OBJECT";
/// Makes a test that cannot run here fail.
const NO_SKIP_VARIABLE: &str = "GALAF_NO_SKIP";

pub(super) fn check(built: &Path, record: &str) -> Result<()> {
    let root = workspace::root()?;
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read '{}'", path.display()));
    let committed_record = fs::read_to_string(root.join(RECORD)).with_context(|| format!("cannot read '{RECORD}'"))?;
    if committed_record == record {
        ensure!(
            read(built)? == read(&root.join(OBJECT))?,
            "'{OBJECT}' is not what the source gives: run 'cargo xtask ebpf' and commit the result"
        );
        println!("{OBJECT}: identical to the source's, byte by byte");
        return Ok(());
    }
    println!("built with:\n{record}recorded:\n{committed_record}the versions differ: comparing what the objects do");
    run(command("cargo")
        .current_dir(root)
        .env(OBJECT_VARIABLE, built)
        .env(NO_SKIP_VARIABLE, "1")
        .args(["test", "--locked", "--package", "galaf-ebpf"])
        .args(["--test", "instructions", "--test", "marks"]))
    .context("the rebuilt program does not do what the committed one does")?;
    println!("{OBJECT}: the rebuilt program marks every socket of the test matrix the same");
    Ok(())
}
