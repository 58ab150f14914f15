//! galaf-gen: turns galaf.json into groups, nftables rules and dnsmasq configuration.
//!
//! One direction: `input` -> `resolve` -> `render` -> `transaction` (compared with the running system) ->
//! `apply`. Everything before `apply` is pure or only reads.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod apply;
pub mod cli;
pub mod commands;
pub mod diff;
pub mod granted;
pub mod groups;
pub mod input;
pub mod judge;
pub mod kernel;
pub mod learned;
pub mod notices;
pub mod policy;
pub mod programs;
pub mod render;
pub mod resolve;
pub mod sources;
pub mod transaction;
pub mod upstream;
pub mod why;

/// The JSON Schema of galaf.json. It accepts whatever the parser accepts; what the parser refuses for its meaning, such as an
/// alias that leads nowhere, a schema cannot see.
pub const SCHEMA: &str = include_str!("../galaf.schema.json");
