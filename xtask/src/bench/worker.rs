//! The measuring process: it runs inside a namespace, as the user and group it was started with.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, accept4, bind, connect, listen, setsockopt, socket, sockopt,
};
use nix::unistd::Pid;

use super::dns;

/// Packets or sockets that are timed together, since one takes hardly longer than reading the clock.
const BATCH: u32 = 500;
/// The peer answers this datagram and no other.
const GREETING: &[u8] = b"hello";
/// How long the peer lets connections and datagrams pile up. Somebody who waits for them would have to be woken by
/// the sender, which takes as long as everything else and depends on what the other processor does.
const PILE_UP: Duration = Duration::from_millis(2);
/// A greeting that came while the pile was full is lost.
const GREETING_LIMIT: Duration = Duration::from_millis(100);
const GREETINGS: u32 = 50;
const FIRST_PROCESSOR: usize = 0;
/// What a name server's question or a small datagram of a game weighs.
const DATAGRAM: [u8; 64] = [0; 64];

/// Measure from inside; `bench` starts it
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Let connections and datagrams to one port pile up, and answer on another, until standard input ends
    Serve { port: u16, answering_port: u16 },
    /// Connect from as many source ports as there are samples
    Connect {
        to: SocketAddrV4,
        first_port: u16,
        samples: u16,
        /// How it is to end
        outcome: Outcome,
    },
    /// Send datagrams
    Udp { to: SocketAddr, batches: u32 },
    /// Make and close sockets
    Socket { batches: u32 },
    /// Answer questions for names, until standard input ends
    AnswerNames { address: SocketAddrV4 },
    /// Ask for a name
    Ask {
        server: SocketAddr,
        name: String,
        samples: u32,
        /// For new subdomains of it, which this number belongs to
        #[arg(long, value_name = "NUMBER")]
        new: Option<u32>,
    },
    /// Start a program and wait for its end
    Launch { samples: u32, program: Vec<String> },
}

/// What becomes of a connection.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Outcome {
    /// It is made; the peer's program does not take part.
    Connected,
    /// It is made, and carries a question and its answer.
    Answered,
    Refused,
}

impl Outcome {
    /// As on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.task {
        Task::Serve { port, answering_port } => serve(*port, *answering_port),
        Task::Connect { to, first_port, samples, outcome } => {
            stay_on(FIRST_PROCESSOR)?;
            let ports = *first_port..first_port.saturating_add(*samples);
            print(ports.map(|port| time_connect(*to, port, *outcome)))
        }
        Task::Udp { to, batches } => {
            stay_on(FIRST_PROCESSOR)?;
            let any = match to.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => bail!("the namespaces have no IPv6 addresses"),
            };
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(to)?;
            greet(&socket)?;
            print((0..*batches).map(|_| batch(|| socket.send(&DATAGRAM).map(drop))))
        }
        Task::Socket { batches } => {
            stay_on(FIRST_PROCESSOR)?;
            print((0..*batches).map(|_| batch(|| tcp_socket(SockFlag::empty()).map(drop))))
        }
        Task::AnswerNames { address } => {
            dns::serve(*address)?;
            wait_for_end()
        }
        Task::Ask { server, name, samples, new } => print(dns::ask(*server, name, *samples, *new)?.into_iter().map(Ok)),
        Task::Launch { samples, program } => {
            let (program, arguments) = program.split_first().context("no program given")?;
            print((0..*samples).map(|_| time_launch(program, arguments)))
        }
    }
}

/// Nanoseconds, a line each, once everything has been measured.
fn print(samples: impl Iterator<Item = Result<Duration>>) -> Result<()> {
    let samples = samples.collect::<Result<Vec<_>>>()?;
    let mut out = io::stdout().lock();
    for sample in samples {
        writeln!(out, "{}", sample.as_nanos())?;
    }
    Ok(())
}

/// A source port of its own for each connection, and a reset at the end: neither TIME_WAIT nor the search for a free
/// port takes part.
fn time_connect(to: SocketAddrV4, port: u16, outcome: Outcome) -> Result<Duration> {
    let socket = tcp_socket(SockFlag::empty())?;
    setsockopt(&socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)))
        .with_context(|| format!("cannot bind port {port}"))?;
    let address = SockaddrIn::from(to);
    let start = Instant::now();
    let connected = connect(socket.as_raw_fd(), &address);
    let mut took = start.elapsed();
    match (outcome, connected) {
        (Outcome::Connected, Ok(())) | (Outcome::Refused, Err(Errno::ECONNREFUSED)) => {}
        (Outcome::Answered, Ok(())) => {
            let mut stream = TcpStream::from(socket);
            stream.write_all(&DATAGRAM)?;
            stream.read_exact(&mut [0; DATAGRAM.len()])?;
            took = start.elapsed();
        }
        (Outcome::Refused, Ok(())) => bail!("{to} was reached, though it was to be refused"),
        (_, Err(error)) => bail!("cannot connect to {to} from port {port}: {}", error.desc().to_lowercase()),
    }
    Ok(took)
}

fn tcp_socket(flags: SockFlag) -> nix::Result<OwnedFd> {
    socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC | flags, None)
}

/// The time of one of many.
fn batch<E: Into<anyhow::Error>>(mut one: impl FnMut() -> Result<(), E>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..BATCH {
        one().map_err(Into::into)?;
    }
    Ok(start.elapsed() / BATCH)
}

/// Has the peer answer once: until then, connection tracking counts every datagram as the first.
fn greet(socket: &UdpSocket) -> Result<()> {
    socket.set_read_timeout(Some(GREETING_LIMIT))?;
    for _ in 0..GREETINGS {
        socket.send(GREETING)?;
        if socket.recv(&mut [0; 64]).is_ok() {
            return Ok(());
        }
    }
    bail!("the peer does not answer")
}

fn time_launch(program: &str, arguments: &[String]) -> Result<Duration> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let start = Instant::now();
    let status = command.status().with_context(|| format!("cannot run '{program}'"))?;
    let took = start.elapsed();
    ensure!(status.success(), "'{program}' failed ({status})");
    Ok(took)
}

/// Sender and peer each keep to one processor: waking a process costs more on another than on one's own, so that
/// figures would fall into two heaps.
fn stay_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    // A processor that this process may not use leaves it where it is.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
    Ok(())
}

fn serve(port: u16, answering_port: u16) -> Result<()> {
    stay_on(thread::available_parallelism().map_or(FIRST_PROCESSOR, |number| number.get() - 1))?;
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    let listener = tcp_socket(SockFlag::SOCK_NONBLOCK)?;
    bind(listener.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&listener, Backlog::MAXALLOWABLE)?;
    let datagrams = UdpSocket::bind(address)?;
    datagrams.set_nonblocking(true)?;
    thread::spawn(move || {
        let mut buffer = [0; 64];
        loop {
            // The other side has reset each by now, which is no matter.
            while let Ok(connection) = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
                let _ = nix::unistd::close(connection);
            }
            while let Ok((length, from)) = datagrams.recv_from(&mut buffer) {
                if buffer.get(..length) == Some(GREETING) {
                    let _ = datagrams.send_to(GREETING, from);
                }
            }
            thread::sleep(PILE_UP);
        }
    });
    let answering = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, answering_port))?;
    thread::spawn(move || {
        for mut connection in answering.incoming().flatten() {
            let mut question = [0; DATAGRAM.len()];
            let _ = connection.read_exact(&mut question).and_then(|()| connection.write_all(&question));
        }
    });
    wait_for_end()
}

/// Says that this process is ready, and goes on until standard input ends.
fn wait_for_end() -> Result<()> {
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
