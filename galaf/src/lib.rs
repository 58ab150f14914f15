//! What galaf's programs share: the socket mark, the configuration file, and what the launcher reads.
//!
//! Without default features the crate is `no_std` and holds only [`id`], [`mark`] and [`fold`], which is what the
//! kernel-side program links. `std` adds the launcher's side, `config` the parser of `galaf.json`.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod fold;
pub mod id;
pub mod mark;

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "config")]
pub mod json;
#[cfg(feature = "std")]
pub mod launch;
#[cfg(feature = "std")]
pub mod name;
#[cfg(feature = "std")]
pub mod paths;
#[cfg(feature = "std")]
pub mod printable;
#[cfg(feature = "std")]
pub mod trust;
