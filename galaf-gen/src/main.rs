//! The program; see the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

use galaf_gen::cli::{Cli, Command, GroupsCommand};
use galaf_gen::commands;
use galaf_gen::input::InputError;
use galaf_gen::why::Outcome;

/// The file or the command line is bad; clap uses the same.
const BAD_INPUT: u8 = 2;
/// 'why' cannot tell.
const DEPENDS: u8 = 3;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Why(args) => return told(commands::why(&args)),
        Command::Check(args) => commands::check(&args).map(|()| true),
        Command::Render(args) => commands::render(&args).map(|()| true),
        Command::Diff(args) => commands::diff(&args),
        Command::Schema => commands::schema().map(|()| true),
        Command::Apply(args) => commands::apply(&args).map(|()| true),
        Command::Confirm(args) => commands::confirm(&args).map(|()| true),
        Command::Rollback(args) => commands::rollback(&args).map(|()| true),
        Command::Grant(args) => commands::grant(&args).map(|()| true),
        Command::Revoke(args) => commands::revoke(&args).map(|()| true),
        Command::Groups { command: GroupsCommand::List(args) } => commands::groups::list(&args).map(|()| true),
        Command::Groups { command: GroupsCommand::Rename(args) } => commands::groups::rename(&args).map(|()| true),
        Command::Groups { command: GroupsCommand::Delete(args) } => commands::groups::delete(&args).map(|()| true),
        Command::Reset(args) => commands::reset(&args).map(|()| true),
        Command::Boot(args) => commands::boot(&args).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("galaf-gen: {error:#}");
            if error.is::<InputError>() { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
        }
    }
}

/// The answer of 'why'. No error may look like one.
fn told(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Allowed | Outcome::Audited) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::FAILURE,
        Ok(Outcome::Depends) => ExitCode::from(DEPENDS),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("galaf-gen: {error:#}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
