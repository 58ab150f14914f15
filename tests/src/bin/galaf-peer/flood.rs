//! UDP without end.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use galaf_tests::peer::{Protocol, Target};
use nix::sys::socket::{MsgFlags, SockaddrStorage, sendto};
use serde_json::json;

use crate::socket;

/// Every so many datagrams a pause, so that the receiver's queue is never full and nothing is lost on the way.
const BURST: u64 = 8;
const PAUSE: std::time::Duration = std::time::Duration::from_micros(500);

/// Sends to `target` until standard input ends. Not connected: an error of one datagram must not be reported for the next.
pub(crate) fn flood(target: &Target) -> Result<()> {
    if target.protocol != Protocol::Udp {
        bail!("only UDP can be sent without an answer");
    }
    let socket = socket::open(target)?;
    let to = SockaddrStorage::from(target.address);
    let ended = until_input_ends();
    println!("ready");
    let (mut sent, mut refused) = (0u64, 0u64);
    while !ended.load(Ordering::Relaxed) {
        match sendto(socket.as_raw_fd(), b"x", &to, MsgFlags::empty()) {
            Ok(_) => sent += 1,
            Err(_) => refused += 1,
        }
        if (sent + refused) % BURST == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    println!("{}", json!({ "sent": sent, "refused": refused }));
    Ok(())
}

/// Becomes true when standard input ends.
pub(crate) fn until_input_ends() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    std::thread::spawn(move || {
        // An input that cannot be read has ended, too.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        flag.store(true, Ordering::Relaxed);
    });
    ended
}
