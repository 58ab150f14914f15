//! The groups of applications as the machine has them, and what is wrong with them.

pub mod inventory;
pub mod processes;
pub mod routing;
