//! The firewalls that are compared, and how each gets into a place.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use anyhow::{Context, Result};

use galaf::paths::RULESET;

use super::place::{INSTALLED, Place, output};

/// The peer's ports that applications are granted.
pub(super) const GRANTED_PORT: u16 = 7777;
/// On this one it answers.
pub(super) const ANSWERING_PORT: u16 = 7778;
/// A place's account files.
pub(super) const ETC: &str = "/opt/etc";
/// What a place's galaf.json becomes.
pub(super) const RENDERED: &str = "/opt/out";
/// Where applications' names are asked for.
pub(super) const UPSTREAM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
/// How many applications there are.
pub(super) const SIZES: [u32; 3] = [1, 1000, 30_000];
/// galaf's default range begins here.
pub(super) const FIRST_GID: u32 = 30_000;
/// What decides about a workstation's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firewall {
    /// Nothing.
    None,
    /// Nothing, but connections are tracked, as any stateful firewall has it.
    Conntrack,
    /// galaf with so many applications, and its eBPF program.
    Galaf(u32),
    /// A chain with one rule an application, as written by hand.
    Linear(u32),
}

impl Firewall {
    pub(super) fn applications(self) -> Option<u32> {
        match self {
            Self::None | Self::Conntrack => None,
            Self::Galaf(applications) | Self::Linear(applications) => Some(applications),
        }
    }
}

impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no firewall",
            Self::Conntrack => "connection tracking alone",
            Self::Galaf(_) => "galaf",
            Self::Linear(_) => "linear rules",
        })
    }
}

/// Puts the firewall in place.
pub(super) fn load(firewall: Firewall, place: &Place) -> Result<()> {
    match firewall {
        Firewall::None => Ok(()),
        Firewall::Conntrack => load_text(place, CONNTRACK).map(drop),
        Firewall::Linear(applications) => load_text(place, &linear(applications)).map(drop),
        Firewall::Galaf(applications) => {
            prepare(place, applications, Grant::Rule)?;
            render(place)?;
            load_rendered(place).map(drop)
        }
    }
}

/// `nft -f`.
pub(super) fn load_text(place: &Place, text: &str) -> Result<Duration> {
    let path = format!("{INSTALLED}/ruleset.nft");
    place.write(&path, text)?;
    timed(place.command().args(["nft", "-f", &path]))
}

/// `galaf-gen render`.
pub(super) fn render(place: &Place) -> Result<Duration> {
    let (program, file) = (format!("{INSTALLED}/galaf-gen"), format!("{INSTALLED}/galaf.json"));
    timed(place.command().args([&program, "render", &file, "--out", RENDERED, "--etc", ETC]))
}

/// `nft -f` of what was rendered.
pub(super) fn load_rendered(place: &Place) -> Result<Duration> {
    timed(place.command().args(["nft", "-f", &format!("{RENDERED}/{RULESET}")]))
}

pub(super) fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    output(command)?;
    Ok(start.elapsed())
}

const CONNTRACK: &str = "table inet tracking {
    chain output {
        type filter hook output priority filter; policy accept;
        ct state established,related accept
    }
}
";

/// What one would write without a generator: known connections first, then a rule an application.
pub(super) fn linear(applications: u32) -> String {
    let rules: String = gids(applications).map(|gid| format!("        meta skgid {gid} accept\n")).collect();
    format!(
        "table inet linear {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iif \"lo\" accept
        ct state established,related accept
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        oif \"lo\" accept
        ct state established,related accept
{rules}        reject with tcp reset
    }}
}}
"
    )
}

fn gids(applications: u32) -> std::ops::Range<u32> {
    FIRST_GID..FIRST_GID + applications
}

/// The name of an application, by its place among all.
pub(super) fn name(index: u32) -> String {
    format!("app{index}")
}

/// The name that an application is granted.
pub(super) fn site(gid: u32) -> String {
    format!("site{gid}.example")
}

/// One of the names that an application is granted, of several.
pub(super) fn host(number: u32, gid: u32) -> String {
    format!("host{number}.{}", site(gid))
}

/// What each application is granted.
#[derive(Clone, Copy)]
pub(super) enum Grant {
    /// A port, in both families.
    Rule,
    /// A name of its own, which takes two learned sets.
    Name,
    /// So many names, on every port.
    Names(u32),
}

/// Writes a galaf.json, and account files that have the groups already: adding thousands would measure groupadd(8).
pub(super) fn prepare(place: &Place, applications: u32, grant: Grant) -> Result<()> {
    let entry = |gid: u32| {
        let rule = format!("th dport {GRANTED_PORT}-{ANSWERING_PORT}");
        let rules = format!("\"rule\": \"{rule}\", \"rule6\": \"{rule}\"");
        let site = site(gid);
        let granted = match grant {
            Grant::Rule => rules,
            Grant::Name => format!("\"domains\": [\"{site}\"], {rules}"),
            Grant::Names(number) => {
                let names: Vec<String> = (0..number).map(|host| format!("\"{}\"", self::host(host, gid))).collect();
                format!("\"domains\": [{}]", names.join(", "))
            }
        };
        format!("\"{}\": {{ \"execv\": [\"/bin/true\"], {granted} }}", name(gid - FIRST_GID))
    };
    let entries: Vec<String> = gids(applications).map(entry).collect();
    let dns = match grant {
        Grant::Rule => "",
        Grant::Name | Grant::Names(_) => &format!(", \"dns\": {{ \"upstream\": [\"{UPSTREAM}\"] }}"),
    };
    place.write(
        &format!("{INSTALLED}/galaf.json"),
        &format!(
            "{{ \"config\": {{ \"defaults\": {{ \"families\": [4, 6] }}{dns} }}, \"groups\": {{\n{}\n}} }}\n",
            entries.join(",\n")
        ),
    )?;
    place.script(&format!("mkdir -p {ETC} && cp /etc/passwd {ETC} && touch {ETC}/subuid {ETC}/subgid"))?;
    let mut groups = fs::read_to_string("/etc/group").context("cannot read '/etc/group'")?;
    groups.extend(gids(applications).map(|gid| format!("{}:x:{gid}:\n", name(gid - FIRST_GID))));
    place.write(&format!("{ETC}/group"), &groups)
}
