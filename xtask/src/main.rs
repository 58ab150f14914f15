//! Developer chores: `cargo xtask CHORE`.

#![forbid(unsafe_code)]

mod bench;
mod deps;
mod ebpf;
mod lints;
mod security;
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
    Bench(bench::Options),
    #[command(hide = true)]
    BenchWorker(bench::worker::Options),
    Deps(deps::Options),
    Ebpf(ebpf::Options),
    Lints(lints::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Bench(options) => bench::run(&options),
        Chore::BenchWorker(options) => bench::worker::run(&options),
        Chore::Deps(options) => deps::run(&options),
        Chore::Ebpf(options) => ebpf::run(&options),
        Chore::Lints(options) => lints::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
