//! The services of the small internet.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use galaf_tests::peer::{CHARGEN, ECHO};

/// A piece of the endless stream, and the pause after it.
const PIECE: [u8; 1024] = [b'.'; 1024];
const PAUSE: Duration = Duration::from_millis(2);

/// Serves on every address until standard input ends.
///
/// UDP sockets are bound to one address each, so that an echo comes from the address that was asked.
pub(crate) fn serve(addresses: &[&str]) -> Result<()> {
    for address in addresses {
        let address: IpAddr = address.parse().with_context(|| format!("'{address}' is not an address"))?;
        let bound = |port| format!("cannot serve on port {port} of {address}");
        let datagrams = UdpSocket::bind((address, ECHO)).with_context(|| bound(ECHO))?;
        let echo = TcpListener::bind((address, ECHO)).with_context(|| bound(ECHO))?;
        let characters = TcpListener::bind((address, CHARGEN)).with_context(|| bound(CHARGEN))?;
        thread::spawn(move || echo_datagrams(&datagrams));
        thread::spawn(move || accept(&echo, echo_stream));
        thread::spawn(move || accept(&characters, send_characters));
    }
    println!("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// One datagram that cannot be answered is no reason to stop answering.
fn echo_datagrams(socket: &UdpSocket) {
    let mut buffer = vec![0; 65536];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

fn accept(listener: &TcpListener, serve: fn(TcpStream) -> std::io::Result<()>) {
    for stream in listener.incoming().flatten() {
        // A client that leaves ends its own connection only.
        thread::spawn(move || serve(stream));
    }
}

fn echo_stream(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

fn send_characters(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        stream.write_all(&PIECE)?;
        thread::sleep(PAUSE);
    }
}
