//! Tables of destinations: refused, or let through by audit.

use comfy_table::Cell;

use super::table::{self, Column, Kind};
use super::{Style, label, units};
use crate::model::{Counter, Refusal, RefusedRow};

pub(super) fn render(rows: &[RefusedRow], style: &Style) -> String {
    let columns = columns(style);
    let mut table = table::new(&columns, style);
    for row in rows {
        let refusal = &row.refusal;
        let mut cells = vec![Cell::new(label::text(&row.who.user)), Cell::new(label::text(&row.who.application))];
        if style.wide {
            cells.push(Cell::new(refusal.mark));
        }
        cells.push(Cell::new(refusal.address));
        cells.push(Cell::new(service(refusal)));
        cells.push(table::alarming(Cell::new(units::packets(refusal.counter.packets, style.exact)), style));
        cells.push(table::alarming(Cell::new(units::bytes(refusal.counter.bytes, style.exact)), style));
        cells.push(Cell::new(
            refusal.last_seen().map_or("-".to_owned(), |span| format!("{} ago", units::seconds(span))),
        ));
        if style.wide {
            cells
                .push(Cell::new(refusal.expires.map_or("-".to_owned(), |span| format!("in {}", units::seconds(span)))));
        }
        table.add_row(cells);
    }
    if style.totals {
        table.add_row(total(rows, style));
    }
    table::lines(table, &columns)
}

fn columns(style: &Style) -> Vec<Column> {
    let always = [
        ("user", Kind::Text(8)),
        ("application", Kind::Text(11)),
        ("destination", Kind::Text(15)),
        ("port", Kind::Text(9)),
        ("packets", Kind::FirstOfPair),
        ("bytes", Kind::Number),
        ("last seen", Kind::Number),
    ];
    let mut columns: Vec<Column> = always.into_iter().map(|(title, kind)| (title.to_owned(), kind)).collect();
    if style.wide {
        columns.insert(2, ("mark".to_owned(), Kind::Number));
        columns.push(("forgotten".to_owned(), Kind::Number));
    }
    columns
}

fn total(rows: &[RefusedRow], style: &Style) -> Vec<Cell> {
    let total: Counter = rows.iter().map(|row| row.refusal.counter).sum();
    let blanks = if style.wide { 4 } else { 3 };
    let mut texts = vec!["total".to_owned()];
    texts.extend((0..blanks).map(|_| String::new()));
    texts.push(units::packets(total.packets, style.exact));
    texts.push(units::bytes(total.bytes, style.exact));
    texts.into_iter().map(|text| table::emphasised(Cell::new(text), style)).collect()
}

/// `443/tcp`, `icmp`, `protocol 253`. No service names: a port does not tell what is spoken on it.
fn service(refusal: &Refusal) -> String {
    let protocol = refusal.protocol.name().map_or_else(|| format!("protocol {}", refusal.protocol.0), str::to_owned);
    match refusal.port {
        Some(port) => format!("{port}/{protocol}"),
        None => protocol,
    }
}
