//! What needs the kernel: netlink through rustables, and the host's own `nft`.

pub mod connections;
pub mod elements;
mod few_groups;
pub mod locked;
pub mod maps;
pub mod nft;
pub mod own;
pub mod read;

use nix::errno::Errno;
use rustables::error::QueryError;

/// What rustables says, with the kernel's own reason where it keeps that to itself.
fn text_of(error: &QueryError) -> String {
    match error {
        QueryError::NetlinkError(reply) => Errno::from_raw(reply.error).desc().to_lowercase(),
        QueryError::NetlinkOpenError(cause)
        | QueryError::NetlinkSendError(cause)
        | QueryError::NetlinkRecvError(cause) => cause.desc().to_lowercase(),
        other => other.to_string().to_lowercase(),
    }
}
