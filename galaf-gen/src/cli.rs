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
  galaf-gen why browser example.org:443           may it, and which rule says so?
  sudo galaf-gen apply                            put /etc/galaf/galaf.json into force
  sudo galaf-gen apply --confirm 1m               the same, undone unless you confirm in time
  sudo galaf-gen grant git --to example.org --for 1h    one destination more, for an hour
  sudo galaf-gen reset                            locked out: take the firewall away

Exit status: 0 done; 1 it could not be done, or 'diff' found something; 2 the file or the command line is bad, nothing was changed.";

const WHY_HELP: &str = "\
DEST is a name, an IPv4 address or an IPv6 address, then :PORT (a number or a name of services(5); an IPv6 address stands in \
brackets then) and /tcp, /udp or /icmp. A port alone is one of tcp. Without a port, all that is granted is told.

Asked is whether something can begin now. Offline, two things are not known: whether the resolver answered an address for a name \
that is granted ('--live' knows), and what nft makes of a rule's text that is more than ports, addresses and protocols. Then \
the answer says what it depends on. That of a name is for an address that belongs to no other name of the rules and is in none of \
their lists; lines with 'but' tell what such an address would change.

Examples:
  galaf-gen why browser example.org:443
  galaf-gen why browser '[2001:db8::1]:53/udp'
  galaf-gen why mail imap.example.org --user alice    with what both are granted and denied
  galaf-gen why --user _apt deb.example.org:http --json
  sudo galaf-gen why browser 192.0.2.7:443 --live     what the kernel does now

Exit status: 0 let through, also by audit; 1 refused; 2 the file or the command line is bad, or it could not be told; 3 it depends.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say everything that is wrong with a file; changes nothing, needs no privilege.
    Check(CheckArgs),
    /// Write what a file becomes into a folder; changes nothing else, needs no privilege.
    Render(RenderArgs),
    /// Say what applying a file would change; exit status 1 if anything. Changes nothing, needs no privilege.
    Diff(DiffArgs),
    /// Say which rule decides about a destination, and why. Changes nothing, needs no privilege without --live.
    #[command(allow_missing_positional = true, after_help = WHY_HELP)]
    Why(WhyArgs),
    /// Print the JSON Schema of the file, for editors; changes nothing, needs no privilege.
    Schema,
    /// Put a file into force: groups, firewall, resolver, launcher. Needs root.
    #[command(
        after_help = "All or nothing: a file that is bad, or that nft or dnsmasq refuses, leaves everything as it is.\n\
        Connections, counters and learned addresses survive."
    )]
    Apply(ApplyArgs),
    /// Grant something to an application or a user, for a time or for good, and apply. Needs root.
    #[command(
        after_help = "The grant is written to galaf.d/50-granted.json beside the file, and grants there that have lapsed are removed.\n\
        Everything else that changed in the files since the last apply comes into force, too. If something fails, all is as it was.\n\n\
        Examples:\n  \
        galaf-gen grant git --to git.example.org --tcp ssh,443 --for 1h --comment 'one clone'\n  \
        galaf-gen grant --user _apt --to deb.example.org\n\n\
        Exit status: 0 granted; 1 it could not be done; 2 the files or the command line are bad."
    )]
    Grant(GrantArgs),
    /// Take away what 'grant' granted, and apply. Needs root.
    #[command(after_help = "What galaf.json or another drop-in grants is not touched.\n\n\
        Exit status: 0 revoked; 1 there was no such grant, or it could not be done; 2 the files or the command line are bad.")]
    Revoke(RevokeArgs),
    /// The groups of applications: list them, give one another name, delete one.
    Groups {
        /// What to do with them.
        #[command(subcommand)]
        command: GroupsCommand,
    },
    /// Keep what 'apply --confirm' put into force. Needs root.
    Confirm(StateArgs),
    /// Return to the state before the last apply; a second time, to the state after it. Needs root.
    Rollback(RollbackArgs),
    /// Take the firewall away: every program can talk to the network. Needs root.
    Reset(StateArgs),
    /// Load the last good ruleset; if that is not possible, let nothing through. For the boot. Needs root.
    Boot(StateArgs),
}

/// The subcommands of `groups`.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// List the groups of the range, and what is wrong with them. Needs no privilege; root sees every process.
    List(ListArgs),
    /// Give an application's group another name; gid, files and rules stay. Needs root.
    Rename(RenameArgs),
    /// Delete the group of a former application, and take its files from it. Needs root.
    #[command(
        after_help = "Files of the group get the login group of their owner, or root's, and lose setuid and setgid bits. All local \
        file systems that are mounted are looked at, each from where it is mounted: what lies hidden below another mount, \
        in subvolumes that are not mounted, or on media that are not there, is not. If a file cannot be changed the group \
        stays: the next group with its gid would inherit the file.\n\nExit status: 0 done; 1 not done; 2 the file is bad."
    )]
    Delete(DeleteArgs),
}

/// Arguments of `groups list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The file.
    #[arg(value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub etc: EtcArgs,
}

/// Arguments of `groups rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The present name.
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The name it is to have.
    #[arg(value_name = "NEW")]
    pub new: String,
    /// The file whose applications they are.
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
}

/// Arguments of `groups delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The group.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// List the files that would be changed, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The file whose application it is not any more.
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
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
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub confirm: Option<SignedDuration>,
    /// Do not look up names ahead.
    ///
    /// The addresses of an entry that lost a name are forgotten, those of its other names too. Programs may remember them,
    /// so these names are looked up again, for five seconds at most; without that, when somebody asks.
    #[arg(long)]
    pub no_resolve: bool,
}

fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = text.parse().map_err(|_| "expected a time such as 30s, 5m or 1h".to_owned())?;
    if duration.as_secs() > 0 { Ok(duration) } else { Err("expected at least 1s".to_owned()) }
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The application, an entry of 'groups'.
    #[arg(value_name = "APPLICATION", required_unless_present = "user")]
    pub application: Option<String>,
    /// Where to.
    #[arg(value_name = "DEST[:PORT][/PROTOCOL]")]
    pub destination: String,
    /// The account that runs it; alone, any program of the account that is no application.
    ///
    /// Left out, one without an entry in 'users'.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The file.
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    /// Ask the last applied file and the kernel, with the addresses that it has learned. Needs root.
    #[arg(long, conflicts_with_all = ["file", "etc_dir"])]
    pub live: bool,
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

/// Whose grants `grant` and `revoke` change.
#[derive(Debug, Args)]
pub struct EntryArgs {
    /// The application, an entry of 'groups'.
    #[arg(value_name = "APPLICATION", required_unless_present = "user", conflicts_with = "user")]
    pub application: Option<String>,
    /// An account instead, an entry of 'users'; it need not be there yet.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The file whose folder 'galaf.d' the grants are in.
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub state: StateArgs,
}

/// Arguments of `grant`.
#[derive(Debug, Args)]
pub struct GrantArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub entry: EntryArgs,
    /// Where to: names, addresses, ranges, "lan", "any" or names of 'aliases', with commas or repeated.
    #[arg(long, value_name = "DEST", required = true, value_delimiter = ',')]
    pub to: Vec<String>,
    /// TCP ports: numbers, FIRST-LAST or names of services, with commas; "all" for every port.
    ///
    /// Without --tcp, --udp and --icmp the grant is for every protocol.
    #[arg(long, value_name = "PORTS", value_delimiter = ',')]
    pub tcp: Vec<String>,
    /// UDP ports.
    #[arg(long, value_name = "PORTS", value_delimiter = ',')]
    pub udp: Vec<String>,
    /// Echo requests (ping).
    #[arg(long)]
    pub icmp: bool,
    /// How long (30m, 1h); for good if left out. Granting the same again renews it.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub lasts: Option<SignedDuration>,
    /// Why; stands on the rules that 'nft list' shows.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Show what would change and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap takes the docs of the type")]
    pub entry: EntryArgs,
    /// Only what was granted to these destinations, written as they were to 'grant'; everything if left out.
    #[arg(long, value_name = "DEST", value_delimiter = ',')]
    pub to: Vec<String>,
    /// End its open connections as well, all of them: what it is still granted it can open again. Needs conntrack(8).
    #[arg(long)]
    pub now: bool,
    /// Show what would change and change nothing.
    #[arg(long, conflicts_with = "now")]
    pub dry_run: bool,
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
