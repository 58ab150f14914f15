//! The workstation and the small internet.

mod accounts;
mod binaries;
mod cgroup;
mod counters;
mod install;
mod internet;
mod namespace;
mod obstacle;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use galaf::id::GroupId;
use serde_json::Value;

use crate::peer::dns::Answer;
use crate::peer::{Attempt, Target};
use crate::run::{Background, Identity, Outcome};
use accounts::People;
use cgroup::Cgroup;
use namespace::{Limit, Namespaces};

pub use counters::{Count, Counters};
pub use install::{BIN_DIR, PEER};
pub use internet::{Internet, NAME_SERVER, Seen, Site, Traffic, WORKSTATION, elsewhere, office};
pub use obstacle::{obstacle, skip};

/// What the resolver of the workstation is started with.
const RESOLVER: [&str; 4] = [
    "dnsmasq",
    "--conf-file=/var/lib/galaf/dnsmasq.conf",
    "--pid-file=/run/dnsmasq/galaf.pid",
    "--log-facility=/run/dnsmasq/galaf.log",
];

/// Whether the program that marks sockets is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marking {
    /// By `galaf-ebpf load`.
    Ebpf,
    /// It is not; the ruleset marks what it can.
    Nft,
}

/// A workstation with galaf's programs in [`BIN_DIR`], connected to an [`Internet`].
///
/// It has its own mounts (`/etc`, `/run`, `/tmp`, `/home`, `/opt`, `/var/lib`), network, processes and cgroup, the users
/// `alice` and `bob`, and no firewall until [`Lab::apply`]. The machine it runs on is not changed.
pub struct Lab {
    people: People,
    // Fields go in this order: servers, the namespaces they run in, the cgroup that must be empty.
    internet: Internet,
    namespaces: Namespaces,
    cgroup: Cgroup,
}

impl Lab {
    /// Builds one.
    ///
    /// # Errors
    /// If a step fails; see [`obstacle()`] for what can be known before.
    pub fn start(marking: Marking) -> Result<Self> {
        let cgroup = Cgroup::new()?;
        let namespaces = Namespaces::new(cgroup.dir())?;
        let people = accounts::add(&namespaces)?;
        install::install(&namespaces)?;
        let internet = Internet::connect(&namespaces)?;
        let lab = Self { people, internet, namespaces, cgroup };
        if marking == Marking::Ebpf {
            let cgroup = lab.cgroup.dir().display().to_string();
            lab.root(&["galaf-ebpf", "load", "--cgroup", &cgroup])?;
        }
        Ok(lab)
    }

    /// One for a test; `None` if this machine cannot hold one, which has been said then.
    ///
    /// # Panics
    /// If it could hold one and a step fails.
    #[allow(clippy::expect_used, reason = "a test has nothing better to do with a laboratory that does not start")]
    pub fn for_test(marking: Marking) -> Option<Self> {
        if let Some(reason) = obstacle() {
            skip(&reason);
            return None;
        }
        Some(Self::start(marking).expect("the laboratory starts"))
    }

    /// A user without any rule, with subordinate ids 100000-165535.
    pub fn alice(&self) -> &Identity {
        &self.people.alice
    }

    /// Another user.
    pub fn bob(&self) -> &Identity {
        &self.people.bob
    }

    /// The other side of the network.
    pub fn internet(&self) -> &Internet {
        &self.internet
    }

    /// The cgroup that the workstation's processes are in.
    pub fn cgroup(&self) -> &std::path::Path {
        self.cgroup.dir()
    }

    /// A path of the workstation as this process reaches it.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.namespaces.path(inside)
    }

    /// A command on the workstation, not yet started. It is killed after a minute.
    pub fn command(&self, who: &Identity, argv: &[&str]) -> Command {
        self.namespaces.command(Limit::Short, who, argv)
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If it cannot be started. What the command itself says is in the outcome.
    pub fn run(&self, who: &Identity, argv: &[&str]) -> Result<Outcome> {
        Outcome::of(&mut self.command(who, argv))
    }

    /// Runs a shell script as root and returns what it prints.
    ///
    /// # Errors
    /// If it fails.
    pub fn shell(&self, script: &str) -> Result<String> {
        self.run(&Identity::ROOT, &["sh", "-ec", script])?.success().with_context(|| script.to_owned())
    }

    /// Runs a command as root and returns what it prints.
    ///
    /// # Errors
    /// If it fails.
    pub fn root(&self, argv: &[&str]) -> Result<String> {
        self.run(&Identity::ROOT, argv)?.success().with_context(|| argv.join(" "))
    }

    /// Starts a command that prints `ready` first and goes on.
    ///
    /// # Errors
    /// If it does not get ready.
    pub fn background(&self, who: &Identity, argv: &[&str]) -> Result<Background> {
        Background::start(&mut self.namespaces.command(Limit::Long, who, argv)).with_context(|| argv.join(" "))
    }

    /// Writes the administrator's file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_config(&self, text: &str) -> Result<()> {
        fs::create_dir_all(self.path("/etc/galaf"))?;
        Ok(fs::write(self.path(galaf::paths::CONFIG_PATH), text)?)
    }

    /// Writes the administrator's file and runs `galaf-gen apply`.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn try_apply(&self, config: &Value) -> Result<Outcome> {
        self.write_config(&serde_json::to_string_pretty(config)?)?;
        self.run(&Identity::ROOT, &["galaf-gen", "apply"])
    }

    /// The same, returning what it prints.
    ///
    /// # Errors
    /// If it does not succeed.
    pub fn apply(&self, config: &Value) -> Result<String> {
        self.try_apply(config)?.success().context("galaf-gen apply")
    }

    /// Starts galaf's resolver with the configuration that `galaf-gen apply` made.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_resolver(&self) -> Result<()> {
        self.root(&RESOLVER).map(drop)
    }

    /// The id that its process has on the workstation.
    ///
    /// # Errors
    /// If it was never started.
    pub fn resolver_pid(&self) -> Result<String> {
        Ok(fs::read_to_string(self.path("/run/dnsmasq/galaf.pid"))?)
    }

    /// The gid of a group of the workstation.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn gid(&self, group: &str) -> Result<GroupId> {
        let text = fs::read_to_string(self.path("/etc/group"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(group)?.strip_prefix(":x:"));
        let gid = line.and_then(|rest| rest.split(':').next()?.parse().ok());
        gid.map(GroupId).with_context(|| format!("no group '{group}'"))
    }

    /// Has `who` try every target, by itself or, with `launch` (such as `["galaf", "mail"]`), through that command.
    ///
    /// # Errors
    /// If the attempts cannot be made at all.
    pub fn attempts(&self, who: &Identity, launch: &[&str], targets: &[Target]) -> Result<Vec<Attempt>> {
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let mut argv = [launch, &[PEER, "try"]].concat();
        argv.extend(targets.iter().map(String::as_str));
        let printed = self.run(who, &argv)?.success().with_context(|| argv.join(" "))?;
        printed.lines().map(Attempt::from_json).collect()
    }

    /// The same with a single target.
    ///
    /// # Errors
    /// As [`Self::attempts`].
    pub fn attempt(&self, who: &Identity, launch: &[&str], target: Target) -> Result<Attempt> {
        self.attempts(who, launch, &[target])?.pop().context("no attempt was made")
    }

    /// Has `who` ask the workstation's resolver for the addresses of `name`. `options` are those of `galaf-peer ask`.
    ///
    /// # Errors
    /// If there is no answer at all.
    pub fn ask(&self, who: &Identity, launch: &[&str], name: &str, options: &[&str]) -> Result<Answer> {
        let argv = [launch, &[PEER, "ask", "127.0.0.1", name], options].concat();
        let printed = self.run(who, &argv)?.success().with_context(|| argv.join(" "))?;
        Answer::from_json(&printed)
    }

    /// What `galaf-stats` reads.
    ///
    /// # Errors
    /// If it fails.
    pub fn counters(&self) -> Result<Counters> {
        Counters::from_json(&self.root(&["galaf-stats", "--json"])?)
    }
}
