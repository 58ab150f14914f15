//! The whole text for people: tables, then what there is to say about them.

use super::{Style, guarded, label, refused, traffic};
use crate::model::{Report, SetName};

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
            refused::render(&report.refused, style)
        };
        parts.push(if style.traffic && !report.refused.is_empty() {
            format!("refused destinations\n\n{table}")
        } else {
            table
        });
    }
    if let (true, Some(rows)) = (style.refused, &report.audited) {
        parts.push(if rows.is_empty() {
            "nothing let through by audit of late\n".to_owned()
        } else {
            format!("let through by audit, and refused without it\n\n{}", refused::render(rows, style))
        });
    }
    if let (true, Some(sources)) = (style.refused, &report.guarded) {
        parts.push(if sources.is_empty() {
            "nobody is shut out\n".to_owned()
        } else {
            format!("shut out by the guard, and refused since\n\n{}", guarded::render(sources, style))
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
    let audited = report.audited.iter().flatten().filter(|_| style.refused).map(|row| &row.who);
    let mut notes: String =
        label::footnotes(traffic.chain(refused).chain(audited)).iter().map(|note| format!("{note}\n")).collect();
    if report.audited.is_some() {
        notes.push_str("note: audit is on: what is not granted is let through, for some or for all\n");
    }
    let shown = |set: SetName| if set.is_traffic() { style.traffic } else { style.refused };
    for (set, size) in report.full.iter().filter(|(set, _)| shown(*set)) {
        notes.push_str(&format!("note: set '{set}' is full ({size}): {}\n", set.when_full()));
    }
    if report.unnamed > 0 {
        notes.push_str(&format!(
            "note: the name services are slow: {} ids are shown as numbers unasked\n",
            report.unnamed
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::SortKey;
    use crate::model::{Counter, Families, Names, Protocol, Refusal, Set, Snapshot, Source, Traffic, User};
    use galaf::id::{GroupId, UserId};
    use galaf::mark::{Mark, OVERFLOW, UNKNOWN};

    const PLAIN: Style =
        Style { exact: false, wide: false, totals: true, traffic: true, refused: true, colour: false, width: None };
    const FIREFOX: Mark = Mark::from_halves(30004, 1000);

    fn set(elements: &[(Mark, u64, u64)]) -> Set<Traffic> {
        let element = |&(mark, packets, bytes)| Traffic { mark, counter: Counter { packets, bytes } };
        Set { size: None, elements: elements.iter().map(element).collect() }
    }

    fn refusal(address: &str, protocol: u8, port: Option<u16>, packets: u64, expires: u64) -> Refusal {
        let counter = Counter { packets, bytes: packets * 60 };
        let (address, timeout, expires) = (address.parse().unwrap(), Some(3600), Some(expires));
        Refusal { mark: FIREFOX, address, protocol: Protocol(protocol), port, counter, timeout, expires }
    }

    fn snapshot() -> Snapshot {
        let plain = Mark::from_halves(1000, 1000);
        Snapshot {
            out_before: set(&[
                (FIREFOX, 1200, 1_500_000),
                (Mark::ROOT, 40, 4000),
                (Mark::UNMARKED, 3, 216),
                (plain, 9, 540),
            ]),
            out_after: set(&[(FIREFOX, 1180, 1_498_800), (Mark::ROOT, 40, 4000), (Mark::UNMARKED, 3, 216)]),
            in_after: set(&[(FIREFOX, 20_000_000, 30_000_000_000), (Mark::ROOT, 38, 9000)]),
            refused4: Set {
                size: Some(2),
                elements: vec![refusal("192.0.2.7", 6, Some(25), 20, 3480), refusal("192.0.2.9", 253, None, 2, 3590)],
            },
            refused6: Set { size: Some(2), elements: vec![refusal("2001:db8::1", 58, None, 4, 0)] },
            audited: None,
            guarded: None,
        }
    }

    fn names(application: &str) -> Names {
        let user = |name: &str, gid| User { name: name.to_owned(), gid: GroupId(gid) };
        Names {
            users: [(UserId(0), user("root", 0)), (UserId(1000), user("alice", 1000))].into(),
            groups: [(GroupId(30004), application.to_owned())].into(),
            not_asked: 0,
        }
    }

    fn shown(snapshot: &Snapshot, style: Style) -> String {
        render(&Report::new(snapshot, &names("firefox"), SortKey::Bytes), &style)
    }

    #[test]
    fn both_tables_and_their_notes_read_as_expected() {
        let text = shown(&snapshot(), PLAIN);
        assert_eq!(text, include_str!("../../tests/golden/tables.txt"), "\n{text}");
    }

    #[test]
    fn what_audit_let_through_stands_apart_from_what_was_refused() {
        let mut snapshot = snapshot();
        let ipv4 = Set { size: Some(1), elements: vec![refusal("198.51.100.9", 6, Some(443), 7, 3590)] };
        snapshot.audited = Some(Families { ipv4, ipv6: Set { size: Some(1), elements: vec![] } });
        let text = shown(&snapshot, Style { traffic: false, ..PLAIN });
        let (refused, audited) = text.split_once("let through by audit, and refused without it\n").unwrap();
        assert!(refused.contains("192.0.2.7") && !refused.contains("198.51.100.9"), "\n{text}");
        assert!(audited.contains("198.51.100.9") && !audited.contains("192.0.2.7"), "\n{text}");
        assert!(audited.contains("note: audit is on: ") && audited.contains("set 'audited4' is full"), "\n{text}");
        snapshot.audited.as_mut().unwrap().ipv4.elements.clear();
        let text = shown(&snapshot, PLAIN);
        assert!(text.contains("nothing let through by audit of late\n"), "\n{text}");
        let text = shown(&snapshot, Style { refused: false, ..PLAIN });
        assert!(!text.contains("of late") && text.contains("note: audit is on: "), "\n{text}");
    }

    #[test]
    fn who_is_shut_out_is_told_with_what_it_was_refused_and_until_when() {
        let source = |address: &str, packets, expires| {
            let counter = Counter { packets, bytes: packets * 60 };
            Source { address: address.parse().unwrap(), counter, timeout: Some(600), expires: Some(expires) }
        };
        let mut snapshot = snapshot();
        let ipv4 = Set { size: Some(2), elements: vec![source("192.0.2.1", 3, 59), source("203.0.113.8", 40, 599)] };
        let ipv6 = Set { size: Some(2), elements: vec![source("2001:db8:1::", 7, 5)] };
        snapshot.guarded = Some(Families { ipv4, ipv6 });
        let text = shown(&snapshot, Style { traffic: false, ..PLAIN });
        let (_, guarded) = text.split_once("shut out by the guard, and refused since\n\n").unwrap();
        let rows: Vec<Vec<&str>> = guarded.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[2], ["203.0.113.8", "40", "2.3", "KiB", "in", "9", "min"], "\n{text}");
        assert_eq!(rows[3], ["2001:db8:1::/64", "7", "420", "B", "in", "5", "s"], "\n{text}");
        assert_eq!(rows[4], ["192.0.2.1", "3", "180", "B", "in", "59", "s"], "\n{text}");
        assert!(guarded.contains("note: set 'guarded4' is full (2): further sources are not guarded against\n"));
        snapshot.guarded =
            Some(Families { ipv4: Set { size: None, elements: vec![] }, ipv6: Set { size: None, elements: vec![] } });
        assert!(shown(&snapshot, PLAIN).contains("\nnobody is shut out\n"));
        assert!(!shown(&snapshot, Style { refused: false, ..PLAIN }).contains("shut out"));
    }

    #[test]
    fn exact_numbers_of_the_wide_table_without_total() {
        let style = Style { exact: true, wide: true, totals: false, refused: false, ..PLAIN };
        let text = shown(&snapshot(), style);
        assert_eq!(text, include_str!("../../tests/golden/wide-exact.txt"), "\n{text}");
    }

    #[test]
    fn every_line_fits_a_terminal_of_80_columns_and_numbers_stay_whole() {
        let mut snapshot = snapshot();
        snapshot.refused6.elements.push(refusal("2001:db8:1111:2222:3333:4444:5555:6666", 17, Some(50443), 5, 60));
        let names = names("an-application-with-a-long-name");
        let report = Report::new(&snapshot, &names, SortKey::Bytes);
        let text = render(&report, &Style { width: Some(80), ..PLAIN });
        let tables: Vec<&str> = text.lines().take_while(|line| !line.starts_with('(')).collect();
        assert!(tables.iter().all(|line| line.chars().count() <= 80), "\n{text}");
        for number in ["20.0 M", "27.9 GiB", "1.4 MiB", "8.8 KiB", "59 min ago"] {
            assert!(text.contains(number), "{number} is broken:\n{text}");
        }
    }

    #[test]
    fn without_a_terminal_no_line_is_broken() {
        let mut snapshot = snapshot();
        snapshot.refused6.elements.push(refusal("2001:db8:1111:2222:3333:4444:5555:6666", 17, Some(50443), 5, 60));
        let text = shown(&snapshot, PLAIN);
        assert!(text.contains("2001:db8:1111:2222:3333:4444:5555:6666  50443/udp"), "\n{text}");
    }

    #[test]
    fn an_escape_sequence_in_a_name_does_not_reach_the_terminal() {
        let report = Report::new(&snapshot(), &names("fire\u{1b}]0;owned\u{7}fox\n"), SortKey::Bytes);
        let text = render(&report, &PLAIN);
        assert!(text.contains(r"fire\u{1b}]0;owned\u{7}fox\n"), "\n{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}']));
    }

    #[test]
    fn names_missing_for_want_of_time_are_admitted() {
        let report = Report::new(&snapshot(), &Names { not_asked: 3, ..names("firefox") }, SortKey::Bytes);
        let text = render(&report, &PLAIN);
        assert!(text.ends_with("note: the name services are slow: 3 ids are shown as numbers unasked\n"), "\n{text}");
    }

    #[test]
    fn colour_changes_no_character_of_the_text() {
        let coloured = shown(&snapshot(), Style { colour: true, ..PLAIN });
        assert!(coloured.contains("\u{1b}["));
        let (first, rest) = coloured.split_once("\u{1b}[").unwrap();
        let codeless = rest.split("\u{1b}[").map(|part| part.split_once('m').unwrap().1);
        let stripped: String = [first].into_iter().chain(codeless).collect();
        let squeezed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(squeezed(&stripped), squeezed(&shown(&snapshot(), PLAIN)));
    }

    #[test]
    fn special_words_are_explained_only_where_they_occur() {
        let odd =
            [Mark::from_halves(OVERFLOW, 1000), Mark::from_halves(30004, UNKNOWN), Mark::from_halves(0xfff5, 1000)];
        let mut snapshot = snapshot();
        snapshot.out_before = set(&odd.map(|mark| (mark, 1, 1)));
        snapshot.out_after.elements.clear();
        snapshot.in_after.elements.clear();
        let text = shown(&snapshot, PLAIN);
        for note in ["(other): ", "(any): ", "(0x...): ", "(0xfff5)"] {
            assert!(text.contains(note), "no {note} in\n{text}");
        }
        assert!(!text.contains("unmarked"), "\n{text}");
    }

    #[test]
    fn only_the_wanted_table_is_shown_and_an_empty_one_says_so() {
        let traffic = shown(&snapshot(), Style { refused: false, ..PLAIN });
        assert!(traffic.contains("received") && !traffic.contains("192.0.2.7"), "\n{traffic}");
        let refused = shown(&snapshot(), Style { traffic: false, ..PLAIN });
        assert!(refused.contains("192.0.2.7") && !refused.contains("received"), "\n{refused}");

        let empty = Set { size: None, elements: vec![] };
        let nothing = Snapshot {
            out_before: set(&[]),
            out_after: set(&[]),
            in_after: set(&[]),
            refused4: Set { size: None, elements: vec![] },
            refused6: empty,
            audited: None,
            guarded: None,
        };
        assert_eq!(shown(&nothing, PLAIN), "no traffic yet\n\nnothing refused of late\n");
    }
}
