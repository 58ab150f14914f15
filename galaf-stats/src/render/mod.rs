//! From the model to text: tables for people, JSON for programs. Pure, but for the writer of the JSON.

mod guarded;
pub(crate) mod json;
mod label;
mod refused;
mod table;
pub(crate) mod text;
mod traffic;
mod units;

/// What the tables look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Exact numbers instead of units.
    pub(crate) exact: bool,
    /// The columns that do not fit into 80.
    pub(crate) wide: bool,
    pub(crate) totals: bool,
    /// Whether the table of traffic is shown.
    pub(crate) traffic: bool,
    /// Whether the table of refused destinations is shown.
    pub(crate) refused: bool,
    pub(crate) colour: bool,
    /// Columns of the terminal; none where there is no terminal, and then no line is broken.
    pub(crate) width: Option<u16>,
}
