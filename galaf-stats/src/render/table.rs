//! What both tables have in common.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use super::Style;

/// ASCII, so that it reads on a console without UTF-8 too.
const RULED_HEADER: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-'));

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the left; where the terminal is too narrow, broken into lines of at least this width.
    Text(u16),
    /// To the right; never broken, for half a number misleads.
    Number,
    /// As [`Kind::Number`], and close to the column that follows.
    FirstOfPair,
}

impl Kind {
    /// Besides the one that comfy-table puts between any two columns.
    fn spaces_behind(self) -> u16 {
        match self {
            Self::FirstOfPair => 0,
            Self::Text(_) | Self::Number => 1,
        }
    }
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
        column.set_padding((0, if index + 1 == columns.len() { 0 } else { kind.spaces_behind() }));
        if matches!(kind, Kind::Number | Kind::FirstOfPair) {
            column.set_cell_alignment(CellAlignment::Right);
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
pub(super) fn lines(mut table: Table, columns: &[Column]) -> String {
    let widths = table.column_max_content_widths();
    for ((column, (_, kind)), width) in table.column_iter_mut().zip(columns).zip(widths) {
        column.set_constraint(match *kind {
            Kind::Text(least) if width > least => {
                ColumnConstraint::LowerBoundary(Width::Fixed(least + column.padding_width()))
            }
            _ => ColumnConstraint::ContentWidth,
        });
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}
