//! Why a packet passes or does not: the policy, asked in the order in which the table asks it. Pure.
//!
//! [`walk()`] goes the way of `render::nft` with one packet and says which rules decide, or may decide. What is not known offline,
//! such as whether an address was an answer for a name, stays open: it is said and never guessed.

mod answer;
mod json;
mod packet;
mod rule;
mod target;
mod text;
mod walk;
mod words;

pub use answer::{Answer, By, Lookup, Open, Outcome, Step, Verdict};
pub use json::json;
pub use packet::{Facts, Packet};
pub use target::{Destination, Protocol, Target, TargetError};
pub use walk::walk;
pub use words::words;
