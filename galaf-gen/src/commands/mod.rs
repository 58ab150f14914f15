//! What each subcommand does.

mod offline;
mod online;

use std::io::Write as _;

use anyhow::{Result, bail};
use galaf::config::Problems;
use galaf::json::JsonPath;
use jiff::Timestamp;

use crate::input::Input;
use crate::render::{Artifacts, render as render_policy};

pub use offline::{check, diff, render, schema};
pub use online::{apply, boot, confirm, reset, rollback};

/// Seconds since the epoch.
fn now() -> i64 {
    Timestamp::now().as_second()
}

fn rendered(input: &Input) -> Result<Artifacts> {
    render_policy(&input.policy).map_err(|problems| input.bad(problems).into())
}

fn show_notices(input: &Input, more: Vec<(JsonPath, String)>) {
    let mut all = input.notices.clone();
    all.0.extend(Problems::placed(more, &input.text).0);
    all.0.sort_by_key(|notice| notice.position);
    for notice in &mut all.0 {
        notice.message.insert_str(0, "notice: ");
    }
    eprint!("{}", all.display(&input.file));
}

fn require_root(command: &str) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("'{command}' needs root; try 'sudo galaf-gen {command}'");
    }
    Ok(())
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn say(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
