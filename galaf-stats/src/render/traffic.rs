//! The table of what was sent, received and refused.

use comfy_table::Cell;

use super::table::{self, Column, Kind};
use super::{Style, label, units};
use crate::model::{Counter, Report};

pub(super) fn render(report: &Report, style: &Style) -> String {
    let columns = columns(style);
    let mut table = table::new(&columns, style);
    for row in &report.traffic {
        let mut cells = vec![Cell::new(label::text(&row.who.user)), Cell::new(label::text(&row.who.application))];
        if style.wide {
            cells.push(Cell::new(row.mark));
            cells.extend(pair(row.counts.asked, style));
        }
        cells.extend(pair(row.counts.sent, style));
        cells.extend(pair(row.counts.received, style));
        let refused = row.counts.refused();
        let alarm = refused != Counter::default();
        cells.extend(pair(refused, style).map(|cell| if alarm { table::alarming(cell, style) } else { cell }));
        table.add_row(cells);
    }
    if style.totals {
        let total = report.traffic_total();
        let mut cells = vec![Cell::new("total"), Cell::new("")];
        if style.wide {
            cells.push(Cell::new(""));
            cells.extend(pair(total.asked, style));
        }
        for counter in [total.sent, total.received, total.refused()] {
            cells.extend(pair(counter, style));
        }
        table.add_row(cells.into_iter().map(|cell| table::emphasised(cell, style)));
    }
    table::lines(table, &columns)
}

/// Each counter has two columns under one heading.
fn columns(style: &Style) -> Vec<Column> {
    let mut columns = vec![("\nuser".to_owned(), Kind::Text(8)), ("\napplication".to_owned(), Kind::Text(11))];
    let mut counters = vec!["sent", "received", "refused"];
    if style.wide {
        columns.push(("\nmark".to_owned(), Kind::Number));
        counters.insert(0, "asked");
    }
    for counter in counters {
        columns.push((format!("{counter}\npackets"), Kind::FirstOfPair));
        columns.push(("\nbytes".to_owned(), Kind::Number));
    }
    columns
}

fn pair(counter: Counter, style: &Style) -> [Cell; 2] {
    [Cell::new(units::packets(counter.packets, style.exact)), Cell::new(units::bytes(counter.bytes, style.exact))]
}
