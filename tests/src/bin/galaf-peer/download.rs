//! A connection that lasts.

use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use galaf_tests::peer::{Protocol, Target};
use serde_json::json;

use crate::flood::until_input_ends;

/// The server sends every few milliseconds; after this long the connection is broken.
const LIMIT: Duration = Duration::from_secs(5);

/// Reads from `target` until standard input ends, then prints bytes and the longest pause.
pub(crate) fn download(target: &Target) -> Result<()> {
    if target.protocol != Protocol::Tcp {
        bail!("only TCP can be downloaded from");
    }
    let mut stream = TcpStream::connect_timeout(&target.address, LIMIT).context("cannot connect")?;
    stream.set_read_timeout(Some(LIMIT))?;
    let ended = until_input_ends();
    println!("ready");
    let mut buffer = vec![0; 65536];
    let (mut bytes, mut longest) = (0u64, Duration::ZERO);
    while !ended.load(Ordering::Relaxed) {
        let start = Instant::now();
        let length = stream.read(&mut buffer).context("the connection broke")?;
        if length == 0 {
            bail!("the other side ended the connection");
        }
        bytes += u64::try_from(length)?;
        longest = longest.max(start.elapsed());
    }
    println!("{}", json!({ "bytes": bytes, "longest_pause_ms": u64::try_from(longest.as_millis())? }));
    Ok(())
}
