//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use galaf::fold::IdBase;
use galaf::paths::{PIN_DIR, STATE_DIR};

/// Label every IPv4 and IPv6 socket with the group and user that create it.
///
/// A small program in the kernel runs at each socket(2) and sets the socket's mark (SO_MARK) to the creator's
/// gid in the upper 16 bits and uid in the lower. galaf's statistics and its DNS filter tell applications apart by it.
/// Ids that do not fit never share a mark with ids that do.
///
/// This command loads the program and leaves; the kernel keeps it until 'unload' or a reboot.
#[derive(Parser)]
#[command(name = "galaf-ebpf", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  galaf-ebpf load                       mark all sockets from now on
  galaf-ebpf load --trusted-base 524288 also those of the container with ids from 524288
  galaf-ebpf status --json              is it loaded, and does it mark?
  setpriv --regid 30004 --clear-groups galaf-ebpf probe
                                        the marks that a process of group 30004 gets

Exit codes:
  0  done; status: loaded and marking
  1  status: not loaded, or not marking
  2  it could not be done (usage, privileges, kernel)

Files:
  /sys/fs/bpf/galaf/link  what keeps the program attached (bpf file system)

Needs Linux 5.8 or later with cgroup v2 mounted (also in hybrid mode), and root:
CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN. 'probe' needs no privilege.";

#[derive(Subcommand)]
pub(crate) enum Command {
    Load(Load),
    Unload(Unload),
    Status(Status),
    Probe(Probe),
    Log(Log),
}

/// Load the program and attach it, or replace the one that is attached.
///
/// The new program marks before the old one leaves: at no moment is a socket made without a mark.
/// Sockets that exist already keep what they have.
#[derive(Args)]
pub(crate) struct Load {
    /// Mark the sockets of this cgroup and those below it [default: the whole cgroup v2 mount]
    #[arg(long, value_name = "DIR")]
    pub(crate) cgroup: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pins: Pins,
    /// Folder that 'galaf-gen apply' keeps its state in: the file's 'containers' are trusted too
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    pub(crate) state_dir: PathBuf,
    /// First id of a container whose 65536 ids are marked as the container sees them (repeatable, up to 256)
    #[arg(long = "trusted-base", value_name = "ID", value_parser = parse_base)]
    pub(crate) trusted_bases: Vec<IdBase>,
    /// Load this object instead of the one that is built in
    #[arg(long, value_name = "FILE")]
    pub(crate) object: Option<PathBuf>,
}

/// Detach and remove the program; new sockets are no longer marked.
///
/// Succeeds if none is loaded. The firewall stays as it is.
#[derive(Args)]
pub(crate) struct Unload {
    #[command(flatten)]
    pub(crate) pins: Pins,
}

/// Tell whether the program is loaded, where, and whether a socket made now is marked.
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) pins: Pins,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make one socket of each kind and print its mark.
#[derive(Args)]
pub(crate) struct Probe {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a line for each socket whose ids have no mark of their own, until interrupted.
///
/// Such a socket is made in a container whose ids root did not name as trusted, or by somebody who tries to
/// borrow an application's mark. Lines of the time before 'log' was started are printed too, as many as 128 KiB hold.
#[derive(Args)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) pins: Pins,
}

#[derive(Args)]
pub(crate) struct Pins {
    /// Folder in a bpf file system that holds the link
    #[arg(long = "pin-dir", value_name = "DIR", default_value = PIN_DIR)]
    pub(crate) dir: PathBuf,
}

fn parse_base(text: &str) -> Result<IdBase, String> {
    let number = text.parse::<u32>().map_err(|error| error.to_string())?;
    IdBase::new(number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_agree_with_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_trusted_base_that_is_no_blocks_beginning_is_refused_with_the_reason() {
        let refused =
            |base| Arguments::try_parse_from(["galaf-ebpf", "load", "--trusted-base", base]).err().unwrap().to_string();
        assert!(refused("100000").contains("100000 is not a multiple of 65536"));
        assert!(refused("0").contains("0 is the base of the host's own ids"));
        assert!(refused("4294967296").contains("number too large"));
    }
}
