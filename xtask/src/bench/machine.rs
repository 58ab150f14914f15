//! What the figures were measured on.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// A line for people who compare.
pub(super) fn describe() -> Result<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str, separator: char| {
        let value = text.lines().find_map(|line| line.split_once(separator).filter(|(key, _)| key.trim() == name));
        value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let processors = read("/proc/cpuinfo");
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let virtual_machine = if processors.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor")) {
        ", in a virtual machine"
    } else {
        ""
    };
    Ok(format!(
        "{count} processors ({}){virtual_machine}, {} of memory; {}, Linux {}, {}; load average {} before",
        field(&processors, "model name", ':'),
        memory(&field(&read("/proc/meminfo"), "MemTotal", ':')),
        field(&read("/etc/os-release"), "PRETTY_NAME", '='),
        read("/proc/sys/kernel/osrelease").trim(),
        workspace::output(Command::new("nft").arg("--version"))?,
        read("/proc/loadavg").split(' ').next().unwrap_or("unknown"),
    ))
}

/// `/proc/meminfo` counts in kB.
fn memory(kilobytes: &str) -> String {
    let number = kilobytes.split(' ').next().and_then(|number| number.parse::<u64>().ok());
    number.map_or_else(|| "unknown".to_owned(), |number| format!("{} GiB", number.div_ceil(1 << 20)))
}
