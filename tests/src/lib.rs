//! A workstation and a small internet, made of namespaces, for tests with real packets.
//!
//! [`lab::Lab`] is where galaf's programs run; [`run`] starts programs in it as anybody; [`peer`] is what is tried
//! over the network and how it came out. Everything ends with the value that holds it, also when the test panics or is killed.

#![forbid(unsafe_code)]

pub mod lab;
pub mod peer;
pub mod run;
