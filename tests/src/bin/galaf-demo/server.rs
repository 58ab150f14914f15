//! The small internet's servers.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// A piece of the endless film, and the pause after it.
const PIECE: [u8; 8192] = [b'.'; 8192];
const PAUSE: Duration = Duration::from_millis(5);
/// Where the film is.
pub(crate) const FILM: &str = "/film";

/// Serves on every `ADDRESS:PORT` until standard input ends: the web on port 80, a greeting on others.
pub(crate) fn run(sockets: &[&str]) -> Result<()> {
    for socket in sockets {
        let address: SocketAddr = socket.parse().with_context(|| format!("'{socket}' is not ADDRESS:PORT"))?;
        let listener = TcpListener::bind(address).with_context(|| format!("cannot serve on {address}"))?;
        let serve: fn(TcpStream) -> std::io::Result<()> = match address.port() {
            80 => serve_page,
            143 => |mut stream| stream.write_all(b"* OK IMAP4rev1 ready\n"),
            _ => |mut stream| stream.write_all(b"welcome to the chat\n"),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that leaves ends its own connection only.
                thread::spawn(move || serve(stream));
            }
        });
    }
    println!("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn serve_page(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // What is left unread when a connection is closed turns its end into a reset.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
    if request.split(' ').nth(1) != Some(FILM) {
        return stream.write_all(b"a page about books\n");
    }
    loop {
        stream.write_all(&PIECE)?;
        thread::sleep(PAUSE);
    }
}
