//! A run of the virtual machine, from power-on until it turns itself off.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::capture::{self, Sent};
use crate::image::Image;
use crate::report::Report;

/// A boot with its checks takes half a minute on an idle machine, and twice that on a busy one.
const PATIENCE: Duration = Duration::from_secs(220);
/// It has written everything to its disk before it says that it is done; turning itself off is not what is tested.
const SHUTDOWN: Duration = Duration::from_secs(15);
/// The peer that answers, and that nobody but the application may reach.
pub(crate) const PEER: &str = "192.0.2.100";
/// What it says.
pub(crate) const ANSWER: &str = "answer-from-outside";
const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0xca, 0x1a, 0xf0];
const CONSOLE_LINES: usize = 60;

/// What a boot left behind.
pub(crate) struct Boot {
    pub(crate) report: Report,
    /// Every frame that left the machine, from power-on to power-off.
    pub(crate) sent: Vec<Sent>,
}

/// Boots `image` as `galaf.boot=BOOT` and waits until it is off.
///
/// The network card leads to QEMU's own network stack, which is shut off from the host and the world and knows one
/// peer, [`PEER`] port 80.
///
/// # Errors
/// If the machine does not start, or does not end in time; with the end of its console.
pub(crate) fn boot(image: &Image, boot: &str) -> Result<Boot> {
    let dir = image.dir();
    let [console, told, wire] = ["console", "report", "pcap"].map(|kind| dir.join(format!("{boot}.{kind}")));
    let start = Instant::now();
    let mut machine = Machine::start(image, boot, &console, &told, &wire)?;
    machine.wait(&told, start + PATIENCE).with_context(|| end_of(&console))?;
    let told = fs::read_to_string(&told).context("cannot read what the machine told")?;
    let report = Report::parse(&told);
    ensure!(
        is_done(&told),
        "the machine turned off before its checks were done, after telling\n{told}\n{}",
        end_of(&console)
    );
    let sent = capture::sent_by(MAC, &fs::read(&wire).context("cannot read the capture")?)?;
    println!("boot '{boot}': {:.0} s, {} frames sent", start.elapsed().as_secs_f32(), sent.len());
    Ok(Boot { report, sent })
}

struct Machine(Child);

impl Machine {
    fn start(image: &Image, boot: &str, console: &Path, report: &Path, wire: &Path) -> Result<Self> {
        let mac = MAC.map(|byte| format!("{byte:02x}")).join(":");
        let network = format!(
            "user,id=wire,restrict=on,net=192.0.2.0/24,dhcpstart=192.0.2.15,host=192.0.2.2,dns=192.0.2.3,\
             ipv6-prefix=2001:db8::,ipv6-prefixlen=64,ipv6-host=2001:db8::2,\
             guestfwd=tcp:{PEER}:80-cmd:echo {ANSWER}"
        );
        // Emulation, not KVM: a test machine is often one itself, and nesting is not to be relied on. One processor:
        // with two, the emulator now and then loses an interrupt for good.
        let child = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg", "-cpu", "max", "-m", "1024", "-no-reboot"])
            .args(["-display", "none", "-monitor", "none"])
            .args(["-serial", &file(console), "-serial", &file(report)])
            .arg("-kernel")
            .arg(image.kernel())
            .arg("-initrd")
            .arg(image.initrd())
            .args(["-append", &format!("root=/dev/vda rw console=ttyS0 galaf.boot={boot}")])
            .args(["-drive", &format!("file={},if=virtio,format=raw,cache=unsafe", image.disk().display())])
            .args(["-netdev", &network, "-device", &format!("virtio-net-pci,netdev=wire,mac={mac}")])
            .args(["-object", &format!("filter-dump,id=dump,netdev=wire,file={}", wire.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(wire.with_extension("qemu"))?)
            .spawn()
            .context("cannot run 'qemu-system-x86_64'")?;
        Ok(Self(child))
    }

    /// Until it is off, or it is clear that it will not turn itself off although all was told.
    fn wait(&mut self, told: &Path, deadline: Instant) -> Result<()> {
        let mut end = deadline;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "qemu ended with {status}");
                return Ok(());
            }
            if end == deadline && is_done(&fs::read_to_string(told).unwrap_or_default()) {
                end = deadline.min(Instant::now() + SHUTDOWN);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        ensure!(end < deadline, "the machine was not done after {} s", PATIENCE.as_secs());
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail harmlessly once it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_done(told: &str) -> bool {
    told.lines().any(|line| line.starts_with("finished="))
}

fn file(path: &Path) -> String {
    format!("file:{}", path.display())
}

fn end_of(console: &PathBuf) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    format!("end of the console:\n{}", lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n"))
}
