//! The kernel-side program: marks every IPv4 and IPv6 socket with the group and user that create it.
//!
//! Minimum kernel version: 5.8 (ring buffer of the log; the cgroup link that keeps it attached needs 5.7).
//!
//! The ids are the real ones (`bpf_get_current_uid_gid`), in the initial user namespace's numbering. nftables'
//! `skgid` is the file system gid: the two agree after `setresgid`, which is how the launcher switches.
//! The program runs where `socket(2)` makes an `AF_INET` or `AF_INET6` socket; an accepted connection
//! inherits its listener's mark. It does not run for sockets that the kernel makes itself: an `IPPROTO_MPTCP`
//! socket is marked, but the TCP connections below it are not (seen on 6.18), though they have its `skgid`.
//! Rules must therefore not take a mark of 0 for a sign that no application is behind it.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]

#[cfg(target_arch = "bpf")]
mod kernel;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
