//! Developer chores: `cargo xtask CHORE`.

#![forbid(unsafe_code)]

mod ebpf;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer chores of galaf")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Ebpf(ebpf::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Ebpf(options) => ebpf::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
