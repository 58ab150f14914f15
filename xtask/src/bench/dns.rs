//! Questions for names (RFC 1035), asked and answered.

use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Answers are waited for so long; a resolver that has just been started takes a moment.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 40;
const HEADER: usize = 12;
/// A question of type A, class IN.
const QUESTION_END: [u8; 4] = [0, 1, 0, 1];
/// As the resolver remembers it at most.
const TTL: u32 = 3600;
/// The longest message without EDNS.
const MAX_MESSAGE: usize = 512;

/// Time of each of `questions` for an address of `name`; of new subdomains of it, if `new` is a number that was not
/// given before. Each has a socket of its own, as programs have it.
pub(super) fn ask(server: SocketAddr, name: &str, questions: u32, new: Option<u32>) -> Result<Vec<Duration>> {
    let first = new.map_or_else(|| name.to_owned(), |round| format!("first{round}.{name}"));
    (0..TRIES).find_map(|_| ask_once(server, &first).ok()).with_context(|| format!("{server} does not answer"))?;
    (0..questions)
        .map(|number| match new {
            Some(round) => ask_once(server, &format!("q{round}-{number}.{name}")),
            None => ask_once(server, name),
        })
        .collect()
}

fn ask_once(server: SocketAddr, name: &str) -> Result<Duration> {
    let question = question(name)?;
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut answer = [0; MAX_MESSAGE];
    let start = Instant::now();
    let said = socket.send(&question).and_then(|_| socket.recv(&mut answer));
    let took = start.elapsed();
    if said.is_err() {
        thread::sleep(PATIENCE / 10);
    }
    let length = said?;
    // The code of the answer, and how many records it has.
    let (code, records) = (answer[3] & 0xf, u16::from_be_bytes([answer[6], answer[7]]));
    ensure!(length > HEADER && code == 0 && records > 0, "no address of '{name}', but code {code}");
    Ok(took)
}

fn question(name: &str) -> Result<Vec<u8>> {
    // Recursion desired, one question.
    let mut message = vec![0x2a, 0x2a, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len())?);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(QUESTION_END);
    Ok(message)
}

/// Answers every question that comes to `address` with an address of its own, for ever.
pub(super) fn serve(address: SocketAddrV4) -> Result<()> {
    let socket = UdpSocket::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    thread::spawn(move || {
        let mut buffer = [0; MAX_MESSAGE];
        let mut number = 0_u32;
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            number = number.wrapping_add(1);
            if let Some(answer) = answer(&buffer[..length], number) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    Ok(())
}

/// The answer to `question` is the address `number` of the block for benchmarks (RFC 2544).
fn answer(question: &[u8], number: u32) -> Option<Vec<u8>> {
    let name = question.get(HEADER..)?.iter().position(|&byte| byte == 0)?;
    let mut answer = question.get(..HEADER + name + 1 + QUESTION_END.len())?.to_vec();
    // An answer, recursion available, without the additional records that the question may have.
    answer[2] |= 0x80;
    answer[3] = 0x80;
    answer[7] = 1;
    answer[8..HEADER].fill(0);
    // The question's name again, by a pointer to it.
    answer.extend([0xc0, 0x0c]);
    answer.extend(QUESTION_END);
    answer.extend(TTL.to_be_bytes());
    let [_, _, high, low] = number.to_be_bytes();
    answer.extend([0, 4, 198, 19, high, low]);
    Some(answer)
}
