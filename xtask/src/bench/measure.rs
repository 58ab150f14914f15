//! What every firewall is asked, in rounds that take turns: what slows the machine down for a while slows all.

use std::time::Duration;

use anyhow::Result;

use super::firewall::{ANSWERING_PORT, FIRST_GID, Firewall, GRANTED_PORT};
use super::place::USER;
use super::report::{Report, Row};
use super::site::{Site, Sites};
use super::statistics::Series;
use super::worker::Outcome;

/// Connections a round.
const CONNECTIONS: u16 = 200;
/// Batches of packets or sockets a round.
const BATCHES: u32 = 5;
/// Nobody listens on it.
const CLOSED_PORT: u16 = 7779;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The worst that a chain of rules has.
    ConnectAsLast,
    ConnectAsMiddle,
    /// The connection as an application has it.
    Answer,
    /// By a program that was not launched as an application.
    Refused,
    Udp,
    Socket,
}

const QUESTIONS: [(Question, &str); 6] = [
    (Question::ConnectAsLast, "New TCP connection, as the last application"),
    (Question::ConnectAsMiddle, "New TCP connection, as the application in the middle"),
    (Question::Answer, "New TCP connection, a question and its answer"),
    (Question::Refused, "Refused TCP connection"),
    (Question::Udp, "UDP datagram of 64 bytes, after an answer"),
    (Question::Socket, "socket() and close()"),
];

impl Question {
    /// The row's name, if it makes sense to ask.
    fn row(self, firewall: Firewall) -> Option<String> {
        match (self, firewall) {
            (Self::ConnectAsMiddle, Firewall::Galaf(1) | Firewall::Linear(1)) => None,
            (Self::Refused, Firewall::None) => Some("refused by the peer".to_owned()),
            (Self::Refused, Firewall::Conntrack) => None,
            (Self::Socket, Firewall::None) => Some("no eBPF program".to_owned()),
            (Self::Socket, Firewall::Galaf(1)) => Some("galaf's eBPF program".to_owned()),
            (Self::Socket, _) => None,
            _ => Some(firewall.to_string()),
        }
    }

    fn ask(self, site: &mut Site) -> Result<Vec<Duration>> {
        let applications = site.firewall.applications().unwrap_or(1);
        let last = FIRST_GID + applications - 1;
        match self {
            Self::ConnectAsLast => site.connect(last, GRANTED_PORT, CONNECTIONS, Outcome::Connected),
            Self::ConnectAsMiddle => {
                site.connect(FIRST_GID + applications / 2, GRANTED_PORT, CONNECTIONS, Outcome::Connected)
            }
            Self::Answer => site.connect(last, ANSWERING_PORT, CONNECTIONS, Outcome::Answered),
            Self::Refused => {
                let port = if site.firewall == Firewall::None { CLOSED_PORT } else { GRANTED_PORT };
                site.connect(USER.gid, port, CONNECTIONS, Outcome::Refused)
            }
            Self::Udp => site.udp(last, BATCHES),
            Self::Socket => site.socket(last, BATCHES),
        }
    }
}

/// Asks everything `rounds` times, after a round that does not count.
pub(super) fn run(sites: &mut Sites, rounds: u32, report: &mut Report) -> Result<()> {
    for (question, title) in QUESTIONS {
        eprintln!("bench: {title}");
        let mut asked: Vec<(&mut Site, Row)> = sites
            .sites
            .iter_mut()
            .filter_map(|site| {
                let name = question.row(site.firewall)?;
                let applications = if question == Question::Socket { None } else { site.firewall.applications() };
                Some((site, Row { name, applications, series: Series::default() }))
            })
            .collect();
        for round in 0..=rounds {
            for (site, row) in &mut asked {
                let samples = question.ask(site)?;
                if round > 0 {
                    row.series.push(samples);
                }
            }
        }
        let rows: Vec<Row> = asked.into_iter().map(|(_, row)| row).collect();
        report.compare(title, &rows)?;
    }
    Ok(())
}
