//! One end of a connection: the servers of the small internet, and the clients that try to reach them.

#![forbid(unsafe_code)]

mod ask;
mod download;
mod flood;
mod pass;
mod serve;
mod socket;
mod throw;
mod try_target;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Tries connections and says how they came out, one JSON line each.

Usage:
  galaf-peer try TARGET...                 a new socket for each
  galaf-peer open TARGET -- COMMAND...     open a socket, hand it to COMMAND as its standard input
  galaf-peer use TARGET                    try with the socket on standard input
  galaf-peer give TARGET PATH              open a socket, pass it to whoever takes at PATH
  galaf-peer take PATH TARGET              try with the socket that is passed at PATH
  galaf-peer ask SERVER NAME [4|6] [udp|tcp|inherited] [FROM_PORT]
                                           ask a DNS server for addresses; 'inherited': over the stream on standard input
  galaf-peer flood TARGET                  send UDP until standard input ends, print what was sent and refused
  galaf-peer throw FLAGS TARGET...         send each one packet and wait for nothing; a TCP segment has FLAGS, letters
                                           of 'FSRPAU' or '-' for none; a TARGET needs its local address for that
  galaf-peer download TARGET               read from a connection until standard input ends, print how it went
  galaf-peer serve ADDRESS...              echo on port 7, characters on port 19, until standard input ends

TARGET is tcp:ADDRESS:PORT, udp:ADDRESS:PORT or icmp:ADDRESS, with an optional @LOCAL_PORT, @LOCAL_ADDRESS or both.

Exit codes: 0 it was tried, whatever came out; 1 it could not be tried.
Privileges: 'serve' binds ports below 1024, 'throw' needs CAP_NET_RAW for TCP; the others need none.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("galaf-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["--help"] => {
            println!("{HELP}");
            Ok(())
        }
        ["try", targets @ ..] => try_target::all(targets),
        ["open", target, "--", command @ ..] => pass::open(&target.parse()?, command),
        ["use", target] => pass::use_inherited(&target.parse()?),
        ["give", target, path] => pass::give(&target.parse()?, path.as_ref()),
        ["take", path, target] => pass::take(path.as_ref(), &target.parse()?),
        ["ask", server, name, options @ ..] => ask::ask(server.parse()?, name, options),
        ["flood", target] => flood::flood(&target.parse()?),
        ["throw", flags, targets @ ..] => throw::all(flags.parse()?, targets),
        ["download", target] => download::download(&target.parse()?),
        ["serve", addresses @ ..] => serve::serve(addresses),
        _ => bail!("wrong usage, see 'galaf-peer --help'"),
    }
}
