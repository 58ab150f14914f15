//! What the firewall costs, measured in network namespaces of its own.

mod dns;
mod firewall;
mod generator;
mod interrupt;
mod label;
mod launcher;
mod machine;
mod measure;
mod memory;
mod place;
mod report;
mod resolver;
mod site;
mod statistics;
pub(crate) mod worker;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use nix::unistd::geteuid;

use crate::workspace;
use place::Binaries;
use report::Report;
use site::Sites;

/// What is built and measured.
const PACKAGES: [&str; 4] = ["galaf", "galaf-gen", "galaf-ebpf", "xtask"];

/// Measure what the firewall costs, and print it as Markdown.
///
/// Builds release binaries, then measures new connections, refusals, UDP packets, sockets, launches, questions for
/// names, applying a file and the kernel's memory, each beside its alternatives, in rounds that take turns. Everything happens in network and mount namespaces
/// of its own; the machine's firewall, groups and configuration are not touched.
///
/// Needs root, and asks sudo for it after building; nft, dnsmasq, iproute2, util-linux, libcap2-bin; cgroup v2.
/// An otherwise idle machine gives the best figures. Takes about five minutes.
#[derive(Args)]
pub(crate) struct Options {
    /// How often each measurement has its turn
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Measure this alone; can be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Measure the binaries in this folder and build nothing
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Connections, packets and sockets
    Network,
    /// The launcher
    Launch,
    /// Questions for names
    Resolver,
    /// From a file to rules in force
    Apply,
    /// The kernel's memory
    Memory,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let Some(binaries) = &options.binaries else { return build_and_hand_over(options) };
    ensure!(geteuid().is_root(), "measuring needs root, for network namespaces");
    interrupt::watch()?;
    let binaries = Binaries::in_dir(binaries)?;
    let mut report = Report::new(&machine::describe()?);
    for part in Part::value_variants().iter().filter(|part| options.only.is_empty() || options.only.contains(part)) {
        match part {
            Part::Network => measure::run(&mut Sites::new(&binaries)?, options.rounds, &mut report)?,
            Part::Launch => launcher::run(&binaries, options.rounds, &mut report)?,
            Part::Resolver => resolver::run(&binaries, options.rounds, &mut report)?,
            Part::Apply => generator::run(&binaries, &mut report)?,
            Part::Memory => memory::run(&binaries, &mut report)?,
        }
    }
    report.print()
}

/// The release build of this program measures: what it does around a system call is measured with it.
fn build_and_hand_over(options: &Options) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    let mut build = Command::new(cargo);
    workspace::run(build.args(["build", "--release", "--quiet"]).args(packages).current_dir(workspace::root()?))?;
    let binaries = workspace::target_dir()?.join("release");
    let program: OsString = binaries.join("xtask").into();
    let mut bench = if geteuid().is_root() {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("--").arg(program);
        sudo
    };
    let rounds = options.rounds.to_string();
    bench.args(["bench", "--rounds", &rounds]);
    for part in options.only.iter().filter_map(ValueEnum::to_possible_value) {
        bench.args(["--only", part.get_name()]);
    }
    workspace::run(bench.arg("--binaries").arg(binaries))
}
