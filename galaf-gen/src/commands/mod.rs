//! What each subcommand does.

mod grant;
pub mod groups;
mod offline;
mod online;
mod why;

use std::io::Write as _;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::input::Input;
use crate::render::{Artifacts, render as render_policy};
use crate::resolve::Messages;

pub use grant::{grant, revoke};
pub use offline::{check, diff, render, schema};
pub use online::{apply, boot, confirm, reset, rollback};
pub use why::why;

/// Seconds since the epoch.
fn now() -> i64 {
    Timestamp::now().as_second()
}

fn rendered(input: &Input) -> Result<Artifacts> {
    render_policy(&input.policy).map_err(|problems| input.bad(problems).into())
}

fn show_notices(input: &Input, more: Messages) {
    let all = input.notices.iter().cloned().chain(more);
    let told = all.map(|(path, message)| (path, format!("notice: {message}"))).collect();
    eprint!("{}", input.source.place(told));
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
