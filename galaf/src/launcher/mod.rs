//! The launcher's parts, in the order in which a launch passes through them.

mod command_line;
mod help;

mod applications;
mod caller;
mod checks;
mod groups;
mod program;

mod environment;
mod execute;
mod privileges;
mod seccomp;

mod explain;
mod list;

mod failure;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::ExitCode;

use self::caller::Caller;
use self::checks::Request;
use self::command_line::Command;
use self::failure::Failure;

/// Runs the command line of this process. Returns only if no application was executed.
pub(crate) fn run() -> ExitCode {
    dispatch().unwrap_or_else(|failure| {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "galaf: {failure}");
        ExitCode::from(failure.exit_code())
    })
}

fn dispatch() -> Result<ExitCode, Failure> {
    match command_line::parse(std::env::args_os())? {
        Command::Launch { name, further } => match launch(&name, &further)? {},
        Command::Help => print(help::TEXT)?,
        Command::Version => print(&format!("galaf {}\n", env!("CARGO_PKG_VERSION")))?,
        Command::List => {
            let caller = unprivileged()?;
            print(&list::text(&applications::open()?.all()?, &caller))?;
        }
        Command::Explain { name, further } => {
            let caller = unprivileged()?;
            let index = applications::open()?;
            let entry = applications::find(&index, &name)?;
            let range = index.header().gid_range;
            let (text, exit_code) =
                explain::text(&name, &Request { caller: &caller, range, entry: &entry, further: &further });
            print(&text)?;
            return Ok(ExitCode::from(exit_code));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The caller as found, after which nothing needs a capability any more.
fn unprivileged() -> Result<Caller, Failure> {
    let caller = Caller::read()?;
    privileges::drop_capabilities()?;
    Ok(caller)
}

fn launch(name: &OsStr, further: &[OsString]) -> Result<Infallible, Failure> {
    let index = applications::open()?;
    let entry = applications::find(&index, name)?;
    let caller = Caller::read()?;
    let range = index.header().gid_range;
    checks::first_failure(checks::run(&Request { caller: &caller, range, entry: &entry, further }))?;
    let (program, arguments) = program::command(&entry, further)?;
    let groups = groups::supplementary(&caller, range);

    privileges::switch(&caller, entry.gid, &groups.kept)?;
    let environment = environment::select(environment::of_caller(), &entry.keep_env, &entry.env);
    if entry.no_new_privileges {
        privileges::set_no_new_privileges()?;
    }
    if entry.seccomp {
        seccomp::apply()?;
    }
    Err(execute::execute(&program, arguments, environment.variables))
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}
