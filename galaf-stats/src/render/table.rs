//! What both tables have in common.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
};

use super::Style;

/// ASCII, so that it reads on a console without UTF-8 too.
const RULED_HEADER: TableStyle = TableStyle::new().header_separator(LineStyle::new('-', '-', '-', '-'));
/// Spaces between two columns.
const GAP: u16 = 2;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the left; broken where the terminal is too narrow.
    Text,
    /// To the right; never broken, for half a number misleads.
    Number,
}

/// A heading of one or two lines, and its kind.
pub(super) type Column = (String, Kind);

/// A table with its header, in which every row must have as many cells.
pub(super) fn new(columns: &[Column], style: &Style) -> Table {
    let mut table = Table::new();
    table.load_style(RULED_HEADER);
    match style.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(columns.iter().map(|(title, _)| emphasised(Cell::new(title), style)));
    for (index, (column, (_, kind))) in table.column_iter_mut().zip(columns).enumerate() {
        column.set_padding((0, if index + 1 == columns.len() { 0 } else { GAP }));
        if *kind == Kind::Number {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// A row that is a header or a total.
pub(super) fn emphasised(cell: Cell, style: &Style) -> Cell {
    if style.colour { cell.add_attribute(Attribute::Bold) } else { cell }
}

/// A number of something that was refused.
pub(super) fn alarming(cell: Cell, style: &Style) -> Cell {
    if style.colour { cell.fg(Color::Red) } else { cell }
}

/// The table as lines without trailing spaces, each ended.
pub(super) fn lines(table: &Table) -> String {
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}
