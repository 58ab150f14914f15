//! What is tried over the network, how it came out, and the program `galaf-peer` that tries it.

mod attempt;
pub mod dns;
mod target;

pub use attempt::{Attempt, Verdict, assert_reached, assert_refused};
pub use target::{Protocol, Target};

/// What the echo server answers on, over TCP and UDP (RFC 862).
pub const ECHO: u16 = 7;
/// Where the server sends without end (RFC 864).
pub const CHARGEN: u16 = 19;
