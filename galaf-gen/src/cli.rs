//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use galaf::paths::{CONFIG_PATH, STATE_DIR};
use jiff::{SignedDuration, Timestamp};

/// Turns galaf.json into groups, nftables rules and dnsmasq configuration.
#[derive(Debug, Parser)]
#[command(name = "galaf-gen", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  galaf-gen check examples/minimal/galaf.json     is the file good, here?
  galaf-gen render galaf.json --out /tmp/look     what would it become?
  galaf-gen diff                                  what would an apply change?
  sudo galaf-gen apply                            put /etc/galaf/galaf.json into force
  sudo galaf-gen apply --confirm 1m               the same, undone unless you confirm in time
  sudo galaf-gen reset                            locked out: take the firewall away

Exit status: 0 done; 1 it could not be done, or 'diff' found something; 2 the file or the command line is bad, nothing was changed.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say everything that is wrong with a file; changes nothing, needs no privilege.
    Check(CheckArgs),
    /// Write what a file becomes into a folder; changes nothing else, needs no privilege.
    Render(RenderArgs),
    /// Say what applying a file would change; exit status 1 if anything. Changes nothing, needs no privilege.
    Diff(DiffArgs),
    /// Print the JSON Schema of the file, for editors; changes nothing, needs no privilege.
    Schema,
    /// Put a file into force: groups, firewall, resolver, launcher. Needs root.
    #[command(
        after_help = "All or nothing: a file that is bad, or that nft or dnsmasq refuses, leaves everything as it is.\n\
        Connections, counters and learned addresses survive."
    )]
    Apply(ApplyArgs),
    /// Keep what 'apply --confirm' put into force. Needs root.
    Confirm(StateArgs),
    /// Return to the state before the last apply; a second time, to the state after it. Needs root.
    Rollback(RollbackArgs),
    /// Take the firewall away: every program can talk to the network. Needs root.
    Reset(StateArgs),
    /// Load the last good ruleset; if that is not possible, let nothing through. For the boot. Needs root.
    Boot(StateArgs),
}

/// Where accounts are read from.
#[derive(Debug, Args)]
pub struct EtcArgs {
    /// Folder with passwd, group, subuid and subgid of the machine the file is for.
    #[arg(long = "etc", value_name = "DIR", default_value = "/etc")]
    pub etc_dir: PathBuf,
}

/// Where the state is kept.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Folder of the last good ruleset, the launcher's index and dnsmasq's configuration.
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    pub state_dir: PathBuf,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file.
    #[arg(value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub etc: EtcArgs,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The file.
    #[arg(value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    /// Folder to write galaf.nft, dnsmasq.conf, group and applications into; made if missing.
    #[arg(long = "out", value_name = "DIR")]
    pub out_dir: PathBuf,
    /// The time that durations in 'until' begin at, instead of now; makes the output the same every time.
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<Timestamp>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub etc: EtcArgs,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The file.
    #[arg(value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
    /// Return to the former state after this time (30s, 5m) unless 'galaf-gen confirm' comes before.
    ///
    /// The way to try a file on a machine that is far away: if it locks you out, wait.
    #[arg(long, value_name = "TIME", value_parser = parse_patience)]
    pub confirm: Option<SignedDuration>,
    /// Do not look up names ahead.
    ///
    /// The addresses of an entry that lost a name are forgotten, those of its other names too. Programs may remember them,
    /// so these names are looked up again, for five seconds at most; without that, when somebody asks.
    #[arg(long)]
    pub no_resolve: bool,
}

fn parse_patience(text: &str) -> Result<SignedDuration, String> {
    let patience: SignedDuration = text.parse().map_err(|_| "expected a time such as 30s or 5m".to_owned())?;
    if patience.as_secs() > 0 { Ok(patience) } else { Err("expected at least 1s".to_owned()) }
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
    /// Wait so many seconds first; what 'apply --confirm' starts.
    #[arg(long, value_name = "SECONDS", hide = true, requires = "if_pending")]
    pub after: Option<u64>,
    /// Do nothing unless this apply waits to be confirmed.
    #[arg(long, value_name = "ID", hide = true)]
    pub if_pending: Option<String>,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The file.
    #[arg(value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub etc: EtcArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
}
