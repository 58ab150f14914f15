//! Loads the program that marks sockets, and tells what it does.
//!
//! Nothing keeps running: the link between program and cgroup is pinned in a bpf file system and holds both.
//! The object comes ready-made with the binary; `cargo xtask ebpf` rebuilds it.
//!
//! Minimum kernel version: 5.8.

#![forbid(unsafe_code)]

mod attach;
mod bpffs;
mod cause;
mod cli;
mod command;
mod host;
mod link;
mod object;
mod pins;
mod probe;
mod program;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};

/// The answer is no, or a mark is not what it should be.
const NO: u8 = 1;
/// It could not be done.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Load(options) => command::load(&options).map(|()| true),
        Command::Unload(options) => command::unload(&options).map(|()| true),
        Command::Status(options) => command::status(&options),
        Command::Probe(options) => command::probe(&options).map(|()| true),
        Command::Log(options) => command::log(&options).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NO),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("galaf-ebpf: {error:#}");
            ExitCode::from(FAILURE)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
