//! The measuring process: it runs inside a namespace, as the user and group it was started with.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, accept4, bind, connect, listen, setsockopt, socket, sockopt,
};

/// Packets or sockets that are timed together, since one takes hardly longer than reading the clock.
const BATCH: u32 = 500;
/// The peer answers this datagram and no other.
const GREETING: &[u8] = b"hello";
/// How long the peer lets datagrams pile up. A reader that waits would have to be woken by the sender.
const PILE_UP: Duration = Duration::from_millis(10);
/// A greeting that came while the pile was full is lost.
const GREETING_LIMIT: Duration = Duration::from_millis(100);
const GREETINGS: u32 = 50;
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
    /// Accept connections on one port and let datagrams to it pile up, until standard input ends
    Serve { port: u16 },
    /// Connect from as many source ports as there are samples
    Connect {
        to: SocketAddrV4,
        first_port: u16,
        samples: u16,
        #[arg(long)]
        refused: bool,
    },
    /// Send datagrams
    Udp { to: SocketAddr, batches: u32 },
    /// Make and close sockets
    Socket { batches: u32 },
    /// Start a program and wait for its end
    Launch { samples: u32, program: Vec<String> },
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.task {
        Task::Serve { port } => serve(*port),
        Task::Connect { to, first_port, samples, refused } => {
            let expected = if *refused { Err(Errno::ECONNREFUSED) } else { Ok(()) };
            let ports = *first_port..first_port.saturating_add(*samples);
            print(ports.map(|port| time_connect(*to, port, expected)))
        }
        Task::Udp { to, batches } => {
            let any = match to.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => bail!("the namespaces have no IPv6 addresses"),
            };
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(to)?;
            greet(&socket)?;
            print((0..*batches).map(|_| batch(|| socket.send(&DATAGRAM).map(drop))))
        }
        Task::Socket { batches } => print((0..*batches).map(|_| batch(|| tcp_socket().map(drop)))),
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
fn time_connect(to: SocketAddrV4, port: u16, expected: Result<(), Errno>) -> Result<Duration> {
    let socket = tcp_socket()?;
    setsockopt(&socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)))
        .with_context(|| format!("cannot bind port {port}"))?;
    let address = SockaddrIn::from(to);
    let start = Instant::now();
    let outcome = connect(socket.as_raw_fd(), &address);
    let took = start.elapsed();
    ensure!(outcome == expected, "connecting to {to} from port {port}: {}", words(outcome));
    Ok(took)
}

fn words(outcome: nix::Result<()>) -> String {
    match outcome {
        Ok(()) => "reached, though it was to be refused".to_owned(),
        Err(error) => error.desc().to_lowercase(),
    }
}

fn tcp_socket() -> nix::Result<std::os::fd::OwnedFd> {
    socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
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

/// The time of one of many.
fn batch<E: Into<anyhow::Error>>(mut one: impl FnMut() -> Result<(), E>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..BATCH {
        one().map_err(Into::into)?;
    }
    Ok(start.elapsed() / BATCH)
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

fn serve(port: u16) -> Result<()> {
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    let listener = tcp_socket()?;
    bind(listener.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&listener, Backlog::MAXALLOWABLE)?;
    let datagrams = UdpSocket::bind(address)?;
    datagrams.set_nonblocking(true)?;
    thread::spawn(move || {
        let mut buffer = [0; 64];
        loop {
            while let Ok((length, from)) = datagrams.recv_from(&mut buffer) {
                if buffer.get(..length) == Some(GREETING) {
                    let _ = datagrams.send_to(GREETING, from);
                }
            }
            thread::sleep(PILE_UP);
        }
    });
    thread::spawn(move || {
        loop {
            // The peer resets each connection, at times before it is accepted.
            if let Ok(connection) = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
                let _ = nix::unistd::close(connection);
            }
        }
    });
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
