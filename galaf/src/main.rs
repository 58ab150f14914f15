//! `galaf APP [ARG…]`: executes an application under its own group, which the firewall knows it by.
//!
//! The binary carries `cap_setgid+ep`, so everything here is written for a hostile caller. It reads one
//! file, root's index; it starts no thread, since capabilities and ids belong to threads; and from the
//! group switch on every deviation ends in exit code 125 without an execve.
//!
//! Descriptors the caller left open are passed on, as any program would: they hold only what the caller had
//! already. Closed ones among 0 to 2 are opened on a device before `main` by the C library (secure mode) and by
//! Rust's start-up code, so that no file of the application becomes its standard error.

#![forbid(unsafe_code)]

mod launcher;

fn main() -> std::process::ExitCode {
    launcher::run()
}
