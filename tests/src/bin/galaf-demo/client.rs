//! The workstation's applications: what they fetch and how that went.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use galaf_tests::peer::dns;

use crate::narrator::millis;

const RESOLVER: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 53);
const LIMIT: Duration = Duration::from_secs(5);

/// `SCHEME://HOST[/PATH]`.
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    port: u16,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match *arguments {
        [url] => fetch(&Url::parse(url)?),
        ["--until-told", url] => download(&Url::parse(url)?),
        _ => bail!("usage: [--until-told] URL"),
    }
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").with_context(|| format!("'{text}' is not a URL"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = match scheme {
            "http" => 80,
            "imap" => 143,
            "xmpp" => 5222,
            other => bail!("'{other}' is not spoken here"),
        };
        Ok(Self { scheme, host, path, port })
    }

    /// The connection, with the question asked, and a line about it.
    fn connect(&self) -> Result<(TcpStream, String)> {
        let address = SocketAddr::new(resolve(self.host)?, self.port);
        let start = Instant::now();
        let connected = TcpStream::connect_timeout(&address, LIMIT);
        let took = millis(start.elapsed());
        let mut stream = connected.map_err(|error| {
            anyhow::anyhow!("cannot connect to {address}: {} (after {took})", galaf::trust::text_of(&error))
        })?;
        stream.set_read_timeout(Some(LIMIT))?;
        if self.scheme == "http" {
            write!(stream, "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", self.path, self.host)?;
        }
        Ok((stream, format!("connected to {}, {address}, in {took}", self.host)))
    }
}

/// Asks the resolver itself, since the C library would not tell why it got no answer.
fn resolve(host: &str) -> Result<IpAddr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.connect(RESOLVER)?;
    // A socket of its own, connected to the resolver: the id need not be hard to guess.
    let id = 1;
    let start = Instant::now();
    socket.send(&dns::question(id, host, false)?)?;
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer).with_context(|| format!("cannot resolve '{host}'"))?;
    let took = millis(start.elapsed());
    let answer = dns::answer(id, buffer.get(..length).unwrap_or_default())?;
    ensure!(!answer.is_blocked(), "the resolver refuses '{host}': blocked (after {took})");
    answer.addresses.first().copied().with_context(|| format!("cannot resolve '{host}': {answer}"))
}

fn fetch(url: &Url<'_>) -> Result<()> {
    let (mut stream, connected) = url.connect()?;
    println!("{connected}");
    let mut text = String::new();
    stream.read_to_string(&mut text).context("the connection broke")?;
    print!("{text}");
    Ok(())
}

/// Reads until standard input ends.
fn download(url: &Url<'_>) -> Result<()> {
    let (mut stream, connected) = url.connect()?;
    // Whoever started it waits for this line, before any other.
    println!("ready\n{connected}");
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        flag.store(true, Ordering::Relaxed);
    });
    let mut buffer = vec![0; 65536];
    let (mut bytes, mut longest) = (0, Duration::ZERO);
    while !ended.load(Ordering::Relaxed) {
        let start = Instant::now();
        let length = stream.read(&mut buffer).context("the download broke")?;
        ensure!(length > 0, "the download ended early");
        bytes += length;
        longest = longest.max(start.elapsed());
    }
    println!("downloaded {} KiB without a break; the longest pause was {}", bytes / 1024, millis(longest));
    Ok(())
}
