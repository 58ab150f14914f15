//! Names looked up before anybody asks.
//!
//! A set that was made anew is empty, while programs remember addresses for as long as they like. So the resolver is asked for
//! the names of such sets: its answers open the addresses again, in the way that any program's question does.

mod asker;
mod message;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::{ErrorKind, IsTerminal};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::render::learned::Question;

/// Programs that are under way can wait for so long; what is not answered then, they ask for themselves.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions at most. Each asker among them takes a socket, of which a process has 1,024.
const MAX_QUESTIONS: usize = 500;
/// Questions that wait for their answer at the same time; dnsmasq passes on 150.
const WINDOW: usize = 50;
/// After this long a question is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two looks for answers.
const PAUSE: Duration = Duration::from_millis(2);
/// From this many questions on a person at a terminal sees how far it is.
const MANY: usize = 50;

/// Whether to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Look them up.
    LookUp,
    /// Leave it to who asks next.
    Leave,
}

/// How many were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    answered: usize,
    asked: usize,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, asked } = self;
        write!(f, "looked up ahead: {answered} of {asked} questions answered")
    }
}

/// Asks the resolver at `resolver`. Needs root, to ask as those who may.
///
/// # Errors
/// If sockets cannot be made.
pub(super) fn look_up(questions: &[Question], resolver: SocketAddr) -> Result<Answered> {
    let asked = &questions[..questions.len().min(MAX_QUESTIONS)];
    let mut sockets = BTreeMap::new();
    for question in asked {
        if let Entry::Vacant(place) = sockets.entry(question.asker) {
            place.insert(asker::socket(question.asker, resolver)?);
        }
    }
    let mut pending: BTreeMap<u16, Pending<'_>> = (0..)
        .zip(asked)
        .map(|(id, question)| {
            let message = message::question(id, &question.name, question.family);
            (id, Pending { socket: &sockets[&question.asker], message, sent: None })
        })
        .collect();
    let progress = asked.len() >= MANY && std::io::stderr().is_terminal();
    let mut answered = 0;
    let start = Instant::now();
    while !pending.is_empty() && start.elapsed() < PATIENCE {
        for socket in sockets.values() {
            let answers = answers(socket);
            answered += answers.iter().filter(|(id, is_found)| **is_found && pending.contains_key(id)).count();
            pending.retain(|id, _| !answers.contains_key(id));
        }
        send(&mut pending);
        if progress {
            eprint!("\rnames: {}/{}", asked.len() - pending.len(), asked.len());
        }
        std::thread::sleep(PAUSE);
    }
    if progress {
        eprintln!();
    }
    Ok(Answered { answered, asked: questions.len() })
}

struct Pending<'a> {
    socket: &'a UdpSocket,
    message: Vec<u8>,
    sent: Option<Instant>,
}

/// The answers that are there, by the id of their question: whether the resolver found out.
fn answers(socket: &UdpSocket) -> BTreeMap<u16, bool> {
    let mut ids = BTreeMap::new();
    // What the answer says is for the sets, and dnsmasq has put it there.
    let mut buffer = [0; message::HEADER];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => ids.extend(message::answered(&buffer[..length])),
            // The resolver does not listen yet: the question is asked again.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(_) => return ids,
        }
    }
}

/// Sends what is due, as far as the window allows.
fn send(pending: &mut BTreeMap<u16, Pending<'_>>) {
    for question in pending.values_mut().take(WINDOW) {
        if question.sent.is_none_or(|sent| sent.elapsed() > AGAIN) {
            // What cannot be sent now is due again later.
            let _ = question.socket.send(&question.message);
            question.sent = Some(Instant::now());
        }
    }
}
