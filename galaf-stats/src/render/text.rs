//! The whole text for people: tables, then what there is to say about them.

use super::{Style, label, refused, traffic};
use crate::model::Report;

pub(crate) fn render(report: &Report, style: &Style) -> String {
    let mut parts = Vec::new();
    if style.traffic {
        parts.push(if report.traffic.is_empty() {
            "no traffic yet\n".to_owned()
        } else {
            traffic::render(report, style)
        });
    }
    if style.refused {
        let table = if report.refused.is_empty() {
            "nothing refused of late\n".to_owned()
        } else {
            refused::render(report, style)
        };
        parts.push(if style.traffic && !report.refused.is_empty() {
            format!("refused destinations\n\n{table}")
        } else {
            table
        });
    }
    let notes = notes(report, style);
    if !notes.is_empty() {
        parts.push(notes);
    }
    parts.join("\n")
}

fn notes(report: &Report, style: &Style) -> String {
    let traffic = report.traffic.iter().filter(|_| style.traffic).map(|row| &row.who);
    let refused = report.refused.iter().filter(|_| style.refused).map(|row| &row.who);
    let mut notes: String = label::footnotes(traffic.chain(refused)).iter().map(|note| format!("{note}\n")).collect();
    for (set, size) in &report.full {
        notes.push_str(&format!("note: set '{set}' is full ({size}): {}\n", set.when_full()));
    }
    notes
}
