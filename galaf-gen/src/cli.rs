//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use galaf::paths::{CONFIG_PATH, STATE_DIR};
use jiff::Timestamp;

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
    /// Put a file into force: groups, firewall, resolver, launcher. Needs root.
    #[command(
        after_help = "All or nothing: a file that is bad, or that nft or dnsmasq refuses, leaves everything as it is.\n\
        Connections, counters and learned addresses survive."
    )]
    Apply(ApplyArgs),
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
