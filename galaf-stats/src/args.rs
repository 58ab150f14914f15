//! The command line.

use clap::{Parser, ValueEnum};

const AFTER_HELP: &str = "\
Columns:
  asked     what sockets tried to send, before the firewall decided (--wide)
  sent      what the firewall let out
  received  what the firewall let in
  refused   asked less sent
  While something is audited, a table of its own has what was let through and would have been refused.
  With a guard against port scans, another one has who is shut out, what it was refused since, and until when.
  The counters run since the firewall was first loaded; a reload keeps them.

Words in place of a name:
  (unmarked)  no mark: a packet of the kernel, or of a socket older than the mark program
  (other)     an id that does not fit into a mark
  (any)       not recorded: the mark was set by nftables, which knows one of the two ids
  -           no application: a process of that user with the user's own group, or root

Examples:
  galaf-stats                     both tables, most bytes first
  galaf-stats --only refused      what was refused, and where it wanted to go
  galaf-stats --json | jq '.refused[] | [.group.name, .address, .port]'

Privileges: root (CAP_NET_ADMIN), for the kernel shows its counters to nobody else.

Exit codes: 0 success, 1 the counters cannot be read, 2 wrong usage.

Files:
  /etc/passwd, /etc/group  names, before the name services are asked
  /usr/sbin/nft            reads the sets of table 'inet galaf'";

/// Shows what each user and application sent, received and was refused
///
/// Reads the counters that galaf's firewall keeps for every pair of user and application, and the destinations it
/// refused of late.
#[derive(Debug, Parser)]
#[command(name = "galaf-stats", version, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Print everything as one JSON document, with exact numbers
    #[arg(long, conflicts_with_all = ["bytes", "sort", "no_total", "only", "wide"])]
    pub(crate) json: bool,

    /// Print exact numbers instead of KiB, MiB, ...
    #[arg(long)]
    pub(crate) bytes: bool,

    /// What to sort by; numbers descend, ties follow the name
    #[arg(long, value_enum, value_name = "KEY", default_value_t = SortKey::Bytes)]
    pub(crate) sort: SortKey,

    /// Leave the last line with the totals out
    #[arg(long)]
    pub(crate) no_total: bool,

    /// Print one of the two tables
    #[arg(long, value_enum, value_name = "TABLE")]
    pub(crate) only: Option<Only>,

    /// Add what was asked for, the mark, and when a refusal is forgotten (wider than 80 columns)
    #[arg(long, short)]
    pub(crate) wide: bool,
}

/// The order of a table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// Most packets first
    Packets,
    /// Most bytes first
    Bytes,
    /// By user, then application
    Name,
}

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// What was sent, received and refused per user and application
    Traffic,
    /// The destinations that were refused, those that audit let through, and who is shut out
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn json_with_an_option_that_only_tables_know_is_wrong_usage() {
        for option in ["--bytes", "--sort=name", "--no-total", "--only=refused", "--wide"] {
            let error = Args::try_parse_from(["galaf-stats", "--json", option]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{option}");
        }
    }

    #[test]
    fn the_help_tells_exit_codes_privileges_and_files() {
        let help = Args::command().render_long_help().to_string();
        for part in ["Exit codes:", "CAP_NET_ADMIN", "/etc/group", "Examples:"] {
            assert!(help.contains(part), "no {part} in:\n{help}");
        }
    }
}
