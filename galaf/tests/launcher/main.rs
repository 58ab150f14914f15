//! The launcher as an ordinary user meets it: the built program with its file capability, real groups, real
//! system calls.
//!
//! Needs root, to build for each test a mount namespace of its own in which `/opt` and `/var/lib` are empty.

#![cfg(feature = "launcher")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy's exception for tests leaves their helpers out")]

mod command_line;
mod environment;
mod identity;
mod isolation;
mod seccomp;
mod trust;
mod world;
