//! A question to a DNS server.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use galaf_tests::peer::dns;
use nix::sys::socket::{MsgFlags, SockaddrStorage, connect, recv, send};

const PORT: u16 = 53;
const LIMIT: Duration = Duration::from_secs(5);

/// What carries the question.
enum Way {
    Udp,
    Tcp,
    /// The unconnected stream socket on standard input.
    Inherited,
}

/// The socket on standard input, which the standard library cannot take for one.
struct Inherited(RawFd);

impl Inherited {
    fn connect(server: SocketAddr) -> Result<Self> {
        let socket = std::io::stdin().as_raw_fd();
        connect(socket, &SockaddrStorage::from(server)).context("cannot ask")?;
        Ok(Self(socket))
    }
}

impl Read for Inherited {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(recv(self.0, buffer, MsgFlags::empty())?)
    }
}

impl Write for Inherited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(send(self.0, bytes, MsgFlags::MSG_NOSIGNAL)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Asks `server` for the addresses of `name` and prints what it says.
pub(crate) fn ask(server: IpAddr, name: &str, options: &[&str]) -> Result<()> {
    let (mut ipv6, mut way, mut from) = (false, Way::Udp, 0u16);
    for option in options {
        match *option {
            "4" | "udp" => {}
            "6" => ipv6 = true,
            "tcp" => way = Way::Tcp,
            "inherited" => way = Way::Inherited,
            port => from = port.parse().with_context(|| format!("'{port}' is not a port"))?,
        }
    }
    // A server answers a repeated question from its memory of open ones, so each process has its own number.
    let id = u16::try_from(std::process::id() % 0xffff)?;
    let question = dns::question(id, name, ipv6)?;
    let server = SocketAddr::new(server, PORT);
    let bytes = match way {
        Way::Udp => over_udp(server, from, &question)?,
        Way::Tcp => {
            let mut stream = TcpStream::connect_timeout(&server, LIMIT).context("cannot ask")?;
            stream.set_read_timeout(Some(LIMIT))?;
            over_stream(&mut stream, &question)?
        }
        Way::Inherited => over_stream(&mut Inherited::connect(server)?, &question)?,
    };
    println!("{}", dns::answer(id, &bytes)?.to_json());
    Ok(())
}

fn over_udp(server: SocketAddr, from: u16, question: &[u8]) -> Result<Vec<u8>> {
    let local = if server.is_ipv4() { "0.0.0.0" } else { "::" };
    let socket = UdpSocket::bind((local, from)).context("cannot open a socket")?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.connect(server).context("cannot ask")?;
    socket.send(question).context("cannot ask")?;
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer).context("no answer")?;
    buffer.truncate(length);
    Ok(buffer)
}

fn over_stream(stream: &mut (impl Read + Write), question: &[u8]) -> Result<Vec<u8>> {
    // RFC 1035 section 4.2.2: two bytes of length go before.
    let mut message = u16::try_from(question.len())?.to_be_bytes().to_vec();
    message.extend(question);
    stream.write_all(&message).context("cannot ask")?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).context("no answer")?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    if answer.is_empty() {
        bail!("the answer is empty");
    }
    stream.read_exact(&mut answer).context("no answer")?;
    Ok(answer)
}
