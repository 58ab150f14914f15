//! The table of sources that are shut out.

use comfy_table::Cell;

use super::table::{self, Column, Kind};
use super::{Style, units};
use crate::model::Source;

pub(super) fn render(sources: &[Source], style: &Style) -> String {
    let columns: [Column; 4] = [
        ("source".to_owned(), Kind::Text(15)),
        ("packets".to_owned(), Kind::FirstOfPair),
        ("bytes".to_owned(), Kind::Number),
        ("ends".to_owned(), Kind::Number),
    ];
    let mut table = table::new(&columns, style);
    for source in sources {
        table.add_row([
            Cell::new(source),
            table::alarming(Cell::new(units::packets(source.counter.packets, style.exact)), style),
            table::alarming(Cell::new(units::bytes(source.counter.bytes, style.exact)), style),
            Cell::new(source.expires.map_or("-".to_owned(), |span| format!("in {}", units::seconds(span)))),
        ]);
    }
    table::lines(table, &columns)
}
