//! Sockets that one process opens and another one uses.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use galaf::mark::Mark;
use galaf_tests::peer::Target;
use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use crate::{socket, try_target};

/// Within this time the taker listens.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a socket and becomes `command` with it as standard input.
pub(crate) fn open(target: &Target, command: &[&str]) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else { bail!("no command after '--'") };
    let socket = socket::open(target)?;
    let error = Command::new(program).args(arguments).stdin(Stdio::from(socket)).exec();
    Err(error).with_context(|| format!("cannot run '{program}'"))
}

/// Tries with the socket on standard input.
pub(crate) fn use_inherited(target: &Target) -> Result<()> {
    let stdin = std::io::stdin();
    try_target::print(target, stdin.as_raw_fd(), socket::mark(&stdin)?);
    Ok(())
}

/// Opens a socket and passes it to whoever listens at `path`, with its mark, which the taker prints.
pub(crate) fn give(target: &Target, path: &Path) -> Result<()> {
    let socket = socket::open(target)?;
    let mark = socket::mark(&socket)?;
    let start = Instant::now();
    let stream = loop {
        match UnixStream::connect(path) {
            Ok(stream) => break stream,
            Err(error) if start.elapsed() > PATIENCE => {
                return Err(error).with_context(|| format!("nobody takes at '{}'", path.display()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let descriptors = [socket.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let bytes = mark.0.to_be_bytes();
    sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(&bytes)], &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// Listens at `path` for one socket and tries with it.
pub(crate) fn take(path: &Path, target: &Target) -> Result<()> {
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen at '{}'", path.display()))?;
    // The giver may be another user.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    let (stream, _) = listener.accept()?;
    std::fs::remove_file(path)?;
    let mut bytes = [0; 4];
    let mut buffer = cmsg_space!([std::os::fd::RawFd; 1]);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut slices, Some(&mut buffer), MsgFlags::empty())?;
    let socket = message.cmsgs()?.find_map(|part| match part {
        ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
        _ => None,
    });
    let socket = socket.context("no socket was passed")?;
    try_target::print(target, socket, Mark(u32::from_be_bytes(bytes)));
    Ok(())
}
