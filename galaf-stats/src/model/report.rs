//! The rows of the tables, joined, sorted and summed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use galaf::mark::Mark;

use super::{Counter, Identity, Names, Refusal, SetName, Snapshot, Source};
use crate::args::SortKey;

/// What one mark sent, received and was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrafficRow {
    pub(crate) mark: Mark,
    pub(crate) who: Identity,
    pub(crate) counts: Counts,
}

/// The counters of a traffic row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Before the filter.
    pub(crate) asked: Counter,
    /// After it.
    pub(crate) sent: Counter,
    pub(crate) received: Counter,
}

impl Counts {
    /// What the filter kept back.
    pub(crate) fn refused(self) -> Counter {
        self.asked.less(self.sent)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            asked: self.asked.plus(other.asked),
            sent: self.sent.plus(other.sent),
            received: self.received.plus(other.received),
        }
    }

    /// What a row weighs in the order of the table.
    fn weight(self) -> Counter {
        self.sent.plus(self.refused()).plus(self.received)
    }
}

/// A destination that was refused, or let through by audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedRow {
    pub(crate) who: Identity,
    pub(crate) refusal: Refusal,
}

/// What the tables show.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) traffic: Vec<TrafficRow>,
    pub(crate) refused: Vec<RefusedRow>,
    /// What was let through by audit; `None` if nothing is audited.
    pub(crate) audited: Option<Vec<RefusedRow>>,
    /// Who is shut out; `None` if nobody is guarded against.
    pub(crate) guarded: Option<Vec<Source>>,
    /// The sets that have no room left, with their size.
    pub(crate) full: Vec<(SetName, usize)>,
    /// How many ids may have a name that is not shown.
    pub(crate) unnamed: usize,
}

impl Report {
    pub(crate) fn new(snapshot: &Snapshot, names: &Names, sort: SortKey) -> Self {
        Self {
            traffic: traffic(snapshot, names, sort),
            refused: destinations(snapshot.refusals(), names, sort),
            audited: snapshot.let_through().map(|audited| destinations(audited, names, sort)),
            guarded: snapshot.guarded.as_ref().map(|guarded| sources(guarded.elements(), sort)),
            full: snapshot.full_sets(),
            unnamed: names.not_asked,
        }
    }

    pub(crate) fn traffic_total(&self) -> Counts {
        self.traffic.iter().map(|row| row.counts).fold(Counts::default(), Counts::plus)
    }
}

fn traffic(snapshot: &Snapshot, names: &Names, sort: SortKey) -> Vec<TrafficRow> {
    let mut counts: BTreeMap<Mark, Counts> = BTreeMap::new();
    for element in &snapshot.out_before.elements {
        counts.entry(element.mark).or_default().asked = element.counter;
    }
    for element in &snapshot.out_after.elements {
        counts.entry(element.mark).or_default().sent = element.counter;
    }
    for element in &snapshot.in_after.elements {
        counts.entry(element.mark).or_default().received = element.counter;
    }
    let mut rows: Vec<TrafficRow> =
        counts.into_iter().map(|(mark, counts)| TrafficRow { mark, who: names.identity(mark), counts }).collect();
    rows.sort_by(|a, b| {
        let by_key = descending(sort, a.counts.weight()).cmp(&descending(sort, b.counts.weight()));
        by_key.then_with(|| a.who.cmp(&b.who)).then(a.mark.cmp(&b.mark))
    });
    rows
}

fn destinations<'a>(refusals: impl Iterator<Item = &'a Refusal>, names: &Names, sort: SortKey) -> Vec<RefusedRow> {
    let mut rows: Vec<RefusedRow> =
        refusals.map(|refusal| RefusedRow { who: names.identity(refusal.mark), refusal: refusal.clone() }).collect();
    rows.sort_by(|a, b| {
        let destination = |r: &Refusal| (r.address, r.protocol, r.port, r.mark);
        let by_key = descending(sort, a.refusal.counter).cmp(&descending(sort, b.refusal.counter));
        by_key.then_with(|| a.who.cmp(&b.who)).then_with(|| destination(&a.refusal).cmp(&destination(&b.refusal)))
    });
    rows
}

/// The number that comes first in the order, equal for all rows that are ordered by name.
fn descending(sort: SortKey, counter: Counter) -> Reverse<u64> {
    Reverse(match sort {
        SortKey::Packets => counter.packets,
        SortKey::Bytes => counter.bytes,
        SortKey::Name => 0,
    })
}

fn sources<'a>(sources: impl Iterator<Item = &'a Source>, sort: SortKey) -> Vec<Source> {
    let mut sources: Vec<Source> = sources.cloned().collect();
    sources.sort_by_key(|source| (descending(sort, source.counter), source.address));
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Label, Protocol, Set, Traffic};

    const FIREFOX: Mark = Mark::from_halves(30004, 1000);
    const APT: Mark = Mark::from_halves(65534, 42);

    fn counter(packets: u64, bytes: u64) -> Counter {
        Counter { packets, bytes }
    }

    fn set(elements: &[(Mark, u64, u64)]) -> Set<Traffic> {
        let elements = elements.iter().map(|&(mark, p, b)| Traffic { mark, counter: counter(p, b) }).collect();
        Set { size: None, elements }
    }

    fn refusal(address: &str, port: u16, bytes: u64) -> Refusal {
        let address = address.parse().unwrap();
        let (protocol, port, counter) = (Protocol(6), Some(port), counter(1, bytes));
        Refusal { mark: FIREFOX, address, protocol, port, counter, timeout: None, expires: None }
    }

    fn snapshot(before: &[(Mark, u64, u64)], after: &[(Mark, u64, u64)], received: &[(Mark, u64, u64)]) -> Snapshot {
        let none = || Set { size: None, elements: vec![] };
        let [out_before, out_after, in_after] = [before, after, received].map(set);
        Snapshot { out_before, out_after, in_after, refused4: none(), refused6: none(), audited: None, guarded: None }
    }

    fn order(snapshot: &Snapshot, sort: SortKey) -> Vec<Mark> {
        Report::new(snapshot, &Names::default(), sort).traffic.iter().map(|row| row.mark).collect()
    }

    #[test]
    fn a_mark_in_any_of_the_three_sets_has_one_row_and_refused_is_asked_less_sent() {
        let snapshot = snapshot(&[(FIREFOX, 10, 1000)], &[(FIREFOX, 7, 700)], &[(APT, 1, 60)]);
        let report = Report::new(&snapshot, &Names::default(), SortKey::Bytes);
        assert_eq!(report.traffic.len(), 2);
        assert_eq!(report.traffic[0].counts.refused(), counter(3, 300));
        assert_eq!(report.traffic[1].counts, Counts { received: counter(1, 60), ..Counts::default() });
        let total = report.traffic_total();
        assert_eq!((total.asked, total.sent, total.received), (counter(10, 1000), counter(7, 700), counter(1, 60)));
    }

    #[test]
    fn packets_that_passed_between_two_reads_are_not_a_huge_refusal() {
        let snapshot = snapshot(&[(FIREFOX, 10, 1000)], &[(FIREFOX, 11, 1100)], &[]);
        assert_eq!(
            Report::new(&snapshot, &Names::default(), SortKey::Bytes).traffic[0].counts.refused(),
            counter(0, 0)
        );
    }

    #[test]
    fn each_key_sorts_by_itself_and_refused_bytes_count_too() {
        let snapshot = snapshot(&[(FIREFOX, 2, 9000), (APT, 50, 100)], &[(APT, 50, 100)], &[(APT, 5, 500)]);
        assert_eq!(order(&snapshot, SortKey::Bytes), [FIREFOX, APT], "9000 refused bytes outweigh 600");
        assert_eq!(order(&snapshot, SortKey::Packets), [APT, FIREFOX]);
        assert_eq!(order(&snapshot, SortKey::Name), [APT, FIREFOX], "uid 42 before uid 1000");
    }

    #[test]
    fn equal_numbers_are_ordered_by_name_then_mark() {
        let marks = [Mark::from_halves(30005, 1), Mark::from_halves(0xfff3, 1), FIREFOX, APT, Mark::UNMARKED];
        let elements: Vec<(Mark, u64, u64)> = marks.iter().map(|&mark| (mark, 1, 1)).collect();
        let backwards: Vec<(Mark, u64, u64)> = elements.iter().rev().copied().collect();
        let sorted = order(&snapshot(&elements, &[], &[]), SortKey::Bytes);
        assert_eq!(sorted, order(&snapshot(&backwards, &[], &[]), SortKey::Bytes));
        assert_eq!(sorted, [marks[0], marks[1], APT, FIREFOX, Mark::UNMARKED]);
    }

    #[test]
    fn refused_destinations_of_both_families_are_one_list_ordered_by_bytes_then_address() {
        let mut snapshot = snapshot(&[], &[], &[]);
        snapshot.refused4.elements = vec![refusal("192.0.2.9", 443, 5), refusal("192.0.2.10", 443, 5)];
        snapshot.refused6.elements = vec![refusal("2001:db8::1", 80, 70)];
        let report = Report::new(&snapshot, &Names::default(), SortKey::Bytes);
        let addresses: Vec<String> = report.refused.iter().map(|row| row.refusal.address.to_string()).collect();
        assert_eq!(addresses, ["2001:db8::1", "192.0.2.9", "192.0.2.10"]);
        let total: Counter = report.refused.iter().map(|row| row.refusal.counter).sum();
        assert_eq!(total, counter(3, 80));
        assert_eq!(report.refused[0].who.application, Label::Number(30004));
    }

    #[test]
    fn a_full_set_is_named_with_its_size() {
        let mut snapshot = snapshot(&[(FIREFOX, 1, 1)], &[], &[]);
        snapshot.out_before.size = Some(1);
        snapshot.out_after.size = Some(1);
        assert_eq!(Report::new(&snapshot, &Names::default(), SortKey::Bytes).full, [(SetName::OutBefore, 1)]);
    }
}
