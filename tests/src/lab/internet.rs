//! The other side of the network: addresses of the documentation ranges, echo servers, a name server, and counters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use anyhow::{Context, Result};
use galaf::config::Family;
use serde_json::Value;

use super::counters::Count;
use super::install::PEER;
use super::namespace::{Limit, Namespaces};
use crate::run::{Background, Outcome};

/// Name of the network namespace.
const NETWORK: &str = "internet";
/// Sites of each of the two networks.
const SITES: u8 = 24;

/// The workstation's addresses.
pub const WORKSTATION: Site = Site { ipv4: Ipv4Addr::new(192, 0, 2, 10), ipv6: v6(0, 0x10) };
/// Where the name server answers.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

/// A host in both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its IPv4 address.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address.
    pub ipv6: Ipv6Addr,
}

impl Site {
    /// Its address of one family.
    pub const fn address(self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => IpAddr::V4(self.ipv4),
            Family::Ipv6 => IpAddr::V6(self.ipv6),
        }
    }
}

const fn v6(network: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, host)
}

/// Host `number` (1 to 24) of 198.51.100.0/24 and 2001:db8:100::/48.
pub const fn office(number: u8) -> Site {
    Site { ipv4: Ipv4Addr::new(198, 51, 100, number), ipv6: v6(0x100, widened(number)) }
}

/// Host `number` (1 to 24) of 203.0.113.0/24 and 2001:db8:200::/48.
pub const fn elsewhere(number: u8) -> Site {
    Site { ipv4: Ipv4Addr::new(203, 0, 113, number), ipv6: v6(0x200, widened(number)) }
}

#[allow(clippy::as_conversions, reason = "From is not const; widening loses nothing")]
const fn widened(number: u8) -> u16 {
    number as u16
}

/// Whoever sends has a counter, by source, destination and protocol, on either way.
const COUNTERS: &str = "table inet seen {
    set arrived4 { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; counter; size 4096; }
    set arrived6 { type ipv6_addr . ipv6_addr . inet_proto; flags dynamic; counter; size 4096; }
    set left4 { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; counter; size 4096; }
    set left6 { type ipv6_addr . ipv6_addr . inet_proto; flags dynamic; counter; size 4096; }
    chain arriving {
        type filter hook prerouting priority raw;
        iifname wan update @arrived4 { ip saddr . ip daddr . meta l4proto }
        iifname wan update @arrived6 { ip6 saddr . ip6 daddr . meta l4proto }
    }
    chain leaving {
        type filter hook postrouting priority srcnat;
        oifname wan update @left4 { ip saddr . ip daddr . meta l4proto }
        oifname wan update @left6 { ip6 saddr . ip6 daddr . meta l4proto }
    }
}";

/// What the other side saw of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the workstation.
    pub arrived: Count,
    /// To the workstation.
    pub left: Count,
}

/// Host, protocol number, and what passed.
pub type Seen = BTreeMap<(IpAddr, u8), Traffic>;

/// The servers, and the way in.
pub struct Internet {
    _echo: Background,
    enter: Vec<String>,
}

impl Internet {
    pub(super) fn connect(namespaces: &Namespaces) -> Result<Self> {
        namespaces.shell(&network()).context("cannot connect the workstation")?;
        let mut count = namespaces.command_elsewhere(Limit::Short, NETWORK, &["nft", COUNTERS]);
        Outcome::of(&mut count)?.success().context("cannot count")?;
        let sites: Vec<String> = addresses().map(|address| address.to_string()).collect();
        let mut serve = vec![PEER, "serve"];
        serve.extend(sites.iter().map(String::as_str));
        let mut serve = namespaces.command_elsewhere(Limit::Long, NETWORK, &serve);
        let echo = Background::start(&mut serve).context("cannot serve")?;
        let template = namespaces.command_elsewhere(Limit::Short, NETWORK, &[]);
        let enter = std::iter::once(template.get_program()).chain(template.get_args());
        Ok(Self { _echo: echo, enter: enter.map(|part| part.to_string_lossy().into_owned()).collect() })
    }

    /// A command of root's there, not yet started. It is killed after a minute.
    pub fn command(&self, argv: &[&str]) -> Command {
        let mut command = Command::new(&self.enter[0]);
        command.args(&self.enter[1..]).args(argv).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(std::process::Stdio::null());
        command
    }

    /// Runs a command as root there and returns what it prints.
    ///
    /// # Errors
    /// If it fails.
    pub fn root(&self, argv: &[&str]) -> Result<String> {
        Outcome::of(&mut self.command(argv))?.success().with_context(|| argv.join(" "))
    }

    /// Starts the name server, which knows nothing but these options of dnsmasq(8), such as
    /// `host-record=www.example.test,198.51.100.1` or `cname=alias.test,www.example.test`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn serve_names(&self, records: &[&str]) -> Result<()> {
        let listen = format!("--listen-address={NAME_SERVER}");
        let records: Vec<String> = records.iter().map(|record| format!("--{record}")).collect();
        let mut argv = vec!["dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"];
        argv.extend([listen.as_str(), "--pid-file", "--local=/test/", "--local-ttl=60", "--user=root"]);
        argv.extend(records.iter().map(String::as_str));
        self.root(&argv).map(drop)
    }

    /// What was seen until now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn seen(&self) -> Result<Seen> {
        let mut seen = Seen::new();
        for (set, host) in [("arrived4", 1), ("arrived6", 1), ("left4", 0), ("left6", 0)] {
            let listing = self.root(&["nft", "-j", "-n", "list", "set", "inet", "seen", set])?;
            for (key, count) in elements(&listing).with_context(|| format!("cannot read '{set}'"))? {
                let (Some(address), Some(protocol)) = (key[host].as_str(), key[2].as_u64()) else { continue };
                let traffic = seen.entry((address.parse()?, u8::try_from(protocol)?)).or_default();
                let direction = if host == 1 { &mut traffic.arrived } else { &mut traffic.left };
                *direction += count;
            }
        }
        Ok(seen)
    }
}

fn addresses() -> impl Iterator<Item = IpAddr> {
    let sites = (1..=SITES).flat_map(|number| [office(number), elsewhere(number)]);
    sites.flat_map(|site| Family::ALL.map(|family| site.address(family)))
}

fn network() -> String {
    let Site { ipv4, ipv6 } = WORKSTATION;
    // The far end first, and without duplicate address detection: either would keep IPv6 waiting for a second.
    let mut script = format!(
        "ip netns add {NETWORK}\n\
         settings='cd /proc/sys/net; echo 0 > ipv6/conf/default/accept_dad; echo 0 2147483647 > ipv4/ping_group_range'\n\
         sh -ec \"$settings\"\n\
         nsenter --net=/run/netns/{NETWORK} sh -ec \"$settings\"\n\
         ip link add lan type veth peer name wan netns {NETWORK}\n\
         ip -n {NETWORK} address add 192.0.2.1/24 dev wan\n\
         ip -n {NETWORK} address add {NAME_SERVER}/24 dev wan\n\
         ip -n {NETWORK} address add 2001:db8::1/64 dev wan nodad\n\
         ip -n {NETWORK} link set lo up\n\
         ip -n {NETWORK} link set wan up\n\
         ip address add {ipv4}/24 dev lan\n\
         ip address add {ipv6}/64 dev lan nodad\n\
         ip link set lo up\n\
         ip link set lan up\n\
         ip route add default via 192.0.2.1\n\
         ip route add default via 2001:db8::1\n\
         ip -n {NETWORK} -batch - <<'END'\n"
    );
    for address in addresses() {
        // nodad is for IPv6 alone.
        let option = if address.is_ipv6() { " nodad" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(script, "address add {address} dev lo{option}");
    }
    script.push_str("END\n");
    script
}

/// Key and counter of each element that `nft -j` lists.
fn elements(listing: &str) -> Option<Vec<(Vec<Value>, Count)>> {
    let listing: Value = serde_json::from_str(listing).ok()?;
    let set = listing["nftables"].as_array()?.iter().find_map(|object| object.get("set"))?;
    let Some(elements) = set.get("elem") else { return Some(Vec::new()) };
    let element = |element: &Value| {
        let element = &element["elem"];
        let counter = &element["counter"];
        let count = Count { packets: counter["packets"].as_u64()?, bytes: counter["bytes"].as_u64()? };
        Some((element["val"]["concat"].as_array()?.clone(), count))
    };
    elements.as_array()?.iter().map(element).collect()
}
