//! Why a packet passes or does not: the policy, asked in the order in which the table asks it. Pure.
//!
//! [`walk()`] goes the way of `render::nft` with one packet and says which rules decide, or may decide. What is not known offline,
//! such as whether an address was an answer for a name, stays open: it is said and never guessed. [`Report`] puts together what
//! a person asks: both families of a name, whether the resolver answers it, what the kernel runs, and what would grant it.

mod answer;
mod json;
mod packet;
mod phrases;
mod report;
mod rule;
mod target;
mod text;
mod walk;
mod words;

pub use answer::{Answer, By, Lookup, Missed, Open, Outcome, Step, Verdict, Why};
pub use json::json;
pub use packet::{Facts, Packet};
pub use report::{Remedy, Report, Running};
pub use target::{Destination, Protocol, Target, TargetError};
pub use walk::walk;
pub use words::words;
