//! A workstation and a small internet, made of namespaces, for tests with real packets.
//!
//! [`properties`] is what must hold for any input, for the test program of that name and for `tests/fuzz`.
//!
//! [`lab::Lab`] is where galaf's programs run; [`run`] starts programs in it as anybody; [`peer`] is what is tried
//! over the network and how it came out. Everything ends with the value that holds it, also when the test panics or is killed.
//!
//! Needs root, cgroup v2 and the programs under test, built before (`cargo build`) into the folder that the tests are
//! built into, or into the one that `GALAF_BIN_DIR` names. A test that cannot run says `skipped: REASON`, and fails
//! instead if `GALAF_NO_SKIP` is `1`.

#![forbid(unsafe_code)]

pub mod lab;
pub mod peer;
pub mod properties;
pub mod run;
