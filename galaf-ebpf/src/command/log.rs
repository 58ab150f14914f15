//! `galaf-ebpf log`

use std::io::{self, Write};
use std::mem;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::require_privileges;
use crate::cause::cause;
use crate::host::PROC;
use crate::{cli, link, pins};

/// How long a reload may stay unnoticed, in milliseconds.
const LOOK_AGAIN: u16 = 500;

/// Keeps messages until they are written, since a [`Log`] cannot tell of a closed pipe.
#[derive(Default)]
struct Messages(Mutex<Vec<String>>);

impl Messages {
    fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log for Messages {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// Prints until interrupted, following the program through reloads.
pub(crate) fn log(options: &cli::Log) -> Result<()> {
    require_privileges()?;
    let mut current = program_id(&options.pins.dir)?.context("not loaded: run 'galaf-ebpf load'")?;
    loop {
        follow(&options.pins.dir, current)?;
        current = program_id(&options.pins.dir)?.context("the program was unloaded")?;
    }
}

/// Prints what program `id` logs until another one takes its place.
fn follow(pin_dir: &Path, id: u32) -> Result<()> {
    let messages = Messages::default();
    let mut logger = EbpfLogger::init_from_id_with_logger(id, &messages)
        .map_err(|error| anyhow!("cannot read the log of program {id}: {}", cause(&error)))?;
    loop {
        // Asked before the last flush, so that nothing a leaving program logged is lost.
        let is_current = program_id(pin_dir)? == Some(id);
        logger.flush();
        let mut out = io::stdout().lock();
        for message in messages.take() {
            writeln!(out, "{message}")?;
        }
        out.flush()?;
        if !is_current {
            return Ok(());
        }
        match poll(&mut [PollFd::new(logger.as_fd(), PollFlags::POLLIN)], PollTimeout::from(LOOK_AGAIN)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

fn program_id(pin_dir: &Path) -> Result<Option<u32>> {
    let Some(fd) = pins::current(pin_dir)? else { return Ok(None) };
    let link =
        link::inspect(&fd, Path::new(PROC)).map_err(|error| anyhow!("the kernel does not tell: {}", cause(&error)))?;
    Ok(Some(link.program_id))
}
