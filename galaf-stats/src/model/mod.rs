//! Counters, whom they belong to, and the rows a report is made of. Pure: no privilege, no files.

mod counter;
mod guarded;
mod names;
mod report;
mod snapshot;

pub(crate) use counter::Counter;
pub(crate) use guarded::Source;
pub(crate) use names::{Identity, Label, NamedId, Names, User};
pub(crate) use report::{RefusedRow, Report};
pub(crate) use snapshot::{Families, Protocol, Refusal, Set, SetName, Snapshot, Traffic};
