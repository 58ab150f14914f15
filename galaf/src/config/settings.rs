//! The `config` section.

use std::fmt;
use std::net::IpAddr;

use super::allow::Aliases;
use super::at::At;
use super::entry::{Defaults, GRANT_KEYS, read_grant_keys};
use super::fields::{self, Fields};
use super::guard::{self, Guard};
use super::problem::Report;
use crate::fold::{IdBase, MAX_TRUSTED_BASES};
use crate::id::{GidRange, GroupId};
use crate::json::Node;
use crate::name::Name;

/// What holds for the whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the gids of applications lie.
    pub gid_range: GidRange,
    /// Who sets the marks.
    pub mark: MarkSource,
    /// The resolver; `None` if the file does not speak of it.
    pub dns: Option<Dns>,
    /// Id bases of containers whose ids are taken for the host's, sorted.
    pub containers: Vec<IdBase>,
    /// What becomes of what is refused.
    pub refuse: Refusal,
    /// Whether anything is refused, where an entry does not say it itself.
    pub mode: Mode,
    /// Added to the priority of every chain with a hook.
    pub priority: i32,
    /// What becomes of packets between other machines.
    pub forward: Forward,
    /// Who is let in nowhere for a time; `None`: nobody.
    pub inbound_guard: Option<Guard>,
}

/// What becomes of packets that are neither from this machine nor for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forward {
    /// What others' rules and the kernel's settings say.
    #[default]
    Leave,
    /// They are dropped.
    Drop,
}

/// What `priority` may be: the chains stay behind connection tracking (-200), without which no mark is kept, the first of
/// them before a local NAT (-100) and the others behind it, and all before SELinux (225).
const PRIORITIES: std::ops::RangeInclusive<i64> = -49..=49;

/// Whether what is not granted is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    #[default]
    Enforce,
    /// It is let through and recorded.
    Audit,
}

/// What whoever is refused gets to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// An error at once.
    #[default]
    Reject,
    /// Nothing; a connection is given up when its program's patience ends.
    Drop,
}

/// Who labels connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkSource {
    /// The cgroup/sock program: group and user of every socket.
    Ebpf,
    /// The ruleset: the group of an application or the user of an entry, not both.
    Nft,
}

/// Who runs the dnsmasq that is the resolver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instance {
    /// galaf has one of its own.
    #[default]
    Own,
    /// NetworkManager, which names its servers and where it listens.
    NetworkManager,
}

/// The resolver that turns names into granted addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Who runs it.
    pub instance: Instance,
    /// Where it asks; empty: where the machine does.
    pub upstream: Vec<Upstream>,
    /// Where it listens.
    pub listen: Upstream,
    /// The account it runs as.
    pub user: Name,
    /// Seconds for which it remembers an answer at most.
    pub max_cache_ttl: u32,
    /// Whether `/etc/resolv.conf` is made to lead to it.
    pub manage_resolv_conf: bool,
}

impl Default for Dns {
    fn default() -> Self {
        let listen = Upstream { address: IpAddr::from([127, 0, 0, 1]), port: DNS_PORT };
        Self {
            instance: Instance::Own,
            upstream: Vec::new(),
            listen,
            user: Name::constant(DNSMASQ_USER),
            max_cache_ttl: 3600,
            manage_resolv_conf: false,
        }
    }
}

/// The port of DNS (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;
/// The account of Debian's dnsmasq-base.
const DNSMASQ_USER: &str = "dnsmasq";

/// The address of a DNS server, written `ADDRESS` or, as dnsmasq does, `ADDRESS#PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upstream {
    /// The address.
    pub address: IpAddr,
    /// The port, 53 if not given.
    pub port: u16,
}

impl Upstream {
    /// The server at `address`, on the port of DNS.
    pub const fn on_default_port(address: IpAddr) -> Self {
        Self { address, port: DNS_PORT }
    }

    /// Reads `ADDRESS` or `ADDRESS#PORT`.
    ///
    /// # Errors
    /// What is wrong with it; ends a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "is not a server, expected ADDRESS or ADDRESS#PORT";
        let (address, port) = match text.split_once('#') {
            Some((address, port)) => (address, port.parse().map_err(|_| EXPECTED)?),
            None => (text, DNS_PORT),
        };
        let address: IpAddr = address.parse().map_err(|_| EXPECTED)?;
        if port == 0 || address.is_unspecified() || address.is_multicast() {
            return Err(EXPECTED);
        }
        Ok(Self { address, port })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.address, self.port)
    }
}

const KEYS: [&str; 12] = [
    "gid_range",
    "inet",
    "table",
    "defaults",
    "mark",
    "dns",
    "containers",
    "refuse",
    "mode",
    "priority",
    "forward",
    "inbound_guard",
];

pub(super) fn read(section: Option<&Node>, aliases: &Aliases, at: At<'_>, report: &mut Report) -> (Settings, Defaults) {
    let empty = Node::Object(Vec::new());
    let fields = Fields::of(section.unwrap_or(&empty), at, report, &KEYS);
    if fields.read("inet", at, report, fields::boolean) == Some(false) {
        report.problem(
            at.key("inet"),
            "must be true: with separate IPv4 and IPv6 tables one of the two could be open while the other is closed",
        );
    }
    if fields.read("table", at, report, fields::text).is_some() {
        report.notice(
            at.key("table"),
            "is not used: the table is always 'inet galaf', so that no file can make galaf change another one",
        );
    }
    let defaults = fields.read("defaults", at, report, |node, at, report| {
        let fields = Fields::of(node, at, report, &GRANT_KEYS);
        Some(read_grant_keys(&fields, at, report))
    });
    let settings = Settings {
        gid_range: fields.read("gid_range", at, report, read_gid_range).unwrap_or(GidRange::DEFAULT),
        mark: fields.read("mark", at, report, read_mark).unwrap_or(MarkSource::Ebpf),
        dns: fields.read("dns", at, report, |node, at, report| Some(read_dns(node, at, report))),
        containers: fields.read("containers", at, report, read_containers).unwrap_or_default(),
        forward: fields.read("forward", at, report, read_forward).unwrap_or_default(),
        priority: fields.read("priority", at, report, read_priority).unwrap_or(0),
        mode: fields.read("mode", at, report, read_mode).unwrap_or_default(),
        refuse: fields.read("refuse", at, report, read_refusal).unwrap_or_default(),
        inbound_guard: fields
            .read("inbound_guard", at, report, |node, at, report| guard::read(node, aliases, at, report)),
    };
    (settings, defaults.unwrap_or_default())
}

/// Ids below are for the system and its users, ids above for systemd's own use (its UIDS-GIDS document).
const GIDS: std::ops::RangeInclusive<u32> = 1000..=61183;

pub(super) fn read_gid_range(node: &Node, at: At<'_>, report: &mut Report) -> Option<GidRange> {
    let ends = fields::list(node, at, report, "two gids", fields::number)?;
    let [min, max] = ends.as_slice() else {
        report.problem(at, "expected two gids, [min, max]");
        return None;
    };
    if min > max {
        report.problem(at, format!("{min} is above {max}, expected [min, max]"));
        return None;
    }
    if !GIDS.contains(min) || !GIDS.contains(max) {
        report.problem(
            at,
            format!("{min}-{max} is not within {}-{}: ids outside belong to the system", GIDS.start(), GIDS.end()),
        );
        return None;
    }
    Some(GidRange { min: GroupId(*min), max: GroupId(*max) })
}

fn read_mark(node: &Node, at: At<'_>, report: &mut Report) -> Option<MarkSource> {
    fields::checked(node, at, report, |text| match text {
        "ebpf" => Ok(MarkSource::Ebpf),
        "nft" => Ok(MarkSource::Nft),
        _ => Err("is no way to set marks, expected 'ebpf' or 'nft'"),
    })
}

pub(super) fn read_mode(node: &Node, at: At<'_>, report: &mut Report) -> Option<Mode> {
    fields::checked(node, at, report, |text| match text {
        "enforce" => Ok(Mode::Enforce),
        "audit" => Ok(Mode::Audit),
        _ => Err("is no mode, expected 'enforce' or 'audit'"),
    })
}

fn read_forward(node: &Node, at: At<'_>, report: &mut Report) -> Option<Forward> {
    fields::checked(node, at, report, |text| match text {
        "leave" => Ok(Forward::Leave),
        "drop" => Ok(Forward::Drop),
        _ => Err("is no way to treat what is forwarded, expected 'leave' or 'drop'"),
    })
}

fn read_priority(node: &Node, at: At<'_>, report: &mut Report) -> Option<i32> {
    let number = if let Node::Number(number) = node { number.as_i64() } else { None };
    let priority = number.filter(|number| PRIORITIES.contains(number)).and_then(|number| i32::try_from(number).ok());
    if priority.is_none() {
        let what = if let Node::Number(number) = node { number.to_string() } else { node.kind().to_owned() };
        let (min, max) = PRIORITIES.into_inner();
        report.problem(at, format!("is {what}, expected a whole number from {min} to {max}: beyond, chains would change places with connection tracking or NAT"));
    }
    priority
}

fn read_refusal(node: &Node, at: At<'_>, report: &mut Report) -> Option<Refusal> {
    fields::checked(node, at, report, |text| match text {
        "reject" => Ok(Refusal::Reject),
        "drop" => Ok(Refusal::Drop),
        _ => Err("is no way to refuse, expected 'reject' or 'drop'"),
    })
}

const DNS_KEYS: [&str; 6] = ["instance", "upstream", "listen", "user", "max_cache_ttl", "manage_resolv_conf"];

fn read_instance(node: &Node, at: At<'_>, report: &mut Report) -> Option<Instance> {
    fields::checked(node, at, report, |text| match text {
        "own" => Ok(Instance::Own),
        "networkmanager" => Ok(Instance::NetworkManager),
        _ => Err("is nobody who runs dnsmasq, expected 'own' or 'networkmanager'"),
    })
}

fn read_dns(node: &Node, at: At<'_>, report: &mut Report) -> Dns {
    let fields = Fields::of(node, at, report, &DNS_KEYS);
    let server = |node: &Node, at: At<'_>, report: &mut Report| fields::checked(node, at, report, Upstream::parse);
    let default = Dns::default();
    let dns = Dns {
        instance: fields.read("instance", at, report, read_instance).unwrap_or(default.instance),
        upstream: fields
            .read("upstream", at, report, |node, at, report| fields::list(node, at, report, "servers", server))
            .unwrap_or_default(),
        listen: fields
            .read("listen", at, report, |node, at, report| {
                fields::checked(node, at, report, |text| match Upstream::parse(text) {
                    Ok(listen) if !listen.address.is_loopback() => {
                        Err("is not an address of this machine's loopback: the resolver answers nobody else")
                    }
                    result => result,
                })
            })
            .unwrap_or(default.listen),
        user: fields
            .read("user", at, report, |node, at, report| fields::checked(node, at, report, Name::new))
            .unwrap_or(default.user),
        max_cache_ttl: fields.read("max_cache_ttl", at, report, read_max_cache_ttl).unwrap_or(default.max_cache_ttl),
        manage_resolv_conf: fields
            .read("manage_resolv_conf", at, report, fields::boolean)
            .unwrap_or(default.manage_resolv_conf),
    };
    if dns.instance == Instance::NetworkManager {
        for key in ["upstream", "listen"].into_iter().filter(|key| fields.get(key).is_some()) {
            report.problem(at.key(key), "is NetworkManager's to say: leave it out, or have an instance of galaf's own");
        }
    }
    if dns.manage_resolv_conf && dns.listen.port != DNS_PORT {
        report.problem(
            at.key("manage_resolv_conf"),
            format!("needs 'listen' on port {DNS_PORT}: resolv.conf(5) names addresses without ports"),
        );
    }
    dns
}

/// An answer that is remembered for longer than its address stays granted, a day, would lead nowhere. dnsmasq takes 0
/// for no limit.
const CACHE_SECONDS: std::ops::RangeInclusive<u32> = 1..=86400;

fn read_max_cache_ttl(node: &Node, at: At<'_>, report: &mut Report) -> Option<u32> {
    let seconds = fields::number(node, at, report)?;
    if !CACHE_SECONDS.contains(&seconds) {
        let (first, last) = (CACHE_SECONDS.start(), CACHE_SECONDS.end());
        report.problem(
            at,
            format!("is {seconds}, expected seconds from {first} to {last}, the day that an address stays granted"),
        );
        return None;
    }
    Some(seconds)
}

fn read_containers(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<IdBase>> {
    let mut bases = fields::list(node, at, report, "id bases", |node, at, report| {
        let base = fields::number(node, at, report)?;
        IdBase::new(base).map_err(|error| report.problem(at, format!("is no id base of a container: {error}"))).ok()
    })?;
    if u32::try_from(bases.len()).map_or(true, |count| count > MAX_TRUSTED_BASES) {
        report.problem(at, format!("has {} bases, at most {MAX_TRUSTED_BASES} can be trusted", bases.len()));
    }
    bases.sort_unstable();
    bases.dedup();
    Some(bases)
}
