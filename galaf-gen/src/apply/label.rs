//! Whether sockets really get their mark.

use galaf::config::MarkSource;
use galaf::fold::IdBase;
use galaf::id::{GroupId, UserId};
use galaf::mark::Mark;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt};
use nix::unistd::{getgid, getuid};

use crate::policy::Policy;

/// What is wrong with the marks, if anything is: a socket of our own is made and looked at.
/// `containers` are those that the program was told of when it was loaded.
pub(super) fn problem(policy: &Policy, containers: &[IdBase]) -> Option<String> {
    if policy.mark == MarkSource::Nft {
        return None;
    }
    let expected = Mark::new(GroupId(getgid().as_raw()), UserId(getuid().as_raw()));
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok()?;
    let found = Mark(getsockopt(&socket, sockopt::Mark).ok()?);
    if found != expected {
        return Some(format!(
            "sockets are not labelled (a new one has the mark {found}, expected {expected}): nothing is counted by \
             application and no names are resolved; load the program with 'galaf-ebpf load', or set \"mark\": \"nft\""
        ));
    }
    (containers != policy.containers)
        .then(|| "the trusted containers are others than before: have 'galaf-ebpf load' tell the program".to_owned())
}
