//! galaf at work, for somebody who wants to see it before installing it.

#![forbid(unsafe_code)]

mod client;
mod interrupt;
mod narrator;
mod server;
mod stage;
mod story;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use galaf_tests::lab::obstacle;

const NAME: &str = "galaf-demo";
/// Of the process that is supervised.
const TELL: &str = "tell";
const HELP: &str = "\
Shows galaf at work: a workstation and a small internet, made of namespaces.

Usage: galaf-demo

An ordinary user launches applications; what each may reach, what is refused and
what is counted is shown as commands and their output. All programs are real:
galaf, galaf-gen, galaf-ebpf, galaf-stats, nft, dnsmasq. The machine's own
firewall, groups and DNS are not touched, and everything is removed at the end,
also after an interrupt.

Exit codes:
  0    every step went as expected
  1    a step did not, or the workstation cannot be made
  130  interrupted

Environment:
  GALAF_BIN_DIR  folder of galaf's programs, if not the demo's own
  NO_COLOR       print no colours, which only a terminal gets anyway

Privileges: root. 'scripts/demo' asks for it, and builds everything first.";

fn main() -> ExitCode {
    let mut arguments = env::args();
    let called = arguments.next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or(NAME).to_owned();
    let arguments: Vec<String> = arguments.collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&name, &arguments) {
        Ok(code) => code,
        Err(_) if interrupt::happened() => {
            eprintln!("{name}: interrupted; everything is removed");
            ExitCode::from(interrupt::INTERRUPTED)
        }
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workstation's applications are copies of this program under other names.
fn run(name: &str, arguments: &[&str]) -> Result<ExitCode> {
    match arguments {
        _ if name != NAME => client::run(arguments)?,
        ["serve", sockets @ ..] => server::run(sockets)?,
        ["-h" | "--help"] => narrator::print(&format!("{HELP}\n"))?,
        [] => {
            if let Some(reason) = obstacle() {
                bail!("{reason}");
            }
            return interrupt::supervise(TELL);
        }
        [TELL] => {
            interrupt::watch()?;
            return story::tell();
        }
        [other, ..] => {
            eprintln!("{NAME}: unknown argument '{other}'; see '{NAME} --help'");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
