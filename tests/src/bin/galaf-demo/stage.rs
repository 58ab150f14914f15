//! The workstation, its applications, and the servers they talk to.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use galaf_tests::lab::{Lab, Marking};
use galaf_tests::run::Background;

use crate::interrupt;

/// Where the applications are.
const DIR: &str = "/opt/demo";
/// Copies of this program.
const APPLICATIONS: [&str; 4] = ["browser", "mailer", "chat", "galaf-demo"];
/// What the servers listen on, out of the documentation ranges.
const SOCKETS: [&str; 5] =
    ["198.51.100.1:80", "198.51.100.3:5222", "198.51.100.2:143", "203.0.113.1:80", "203.0.113.1:143"];
const NAMES: [&str; 4] = [
    "host-record=www.books.test,198.51.100.1",
    "host-record=chat.club.test,198.51.100.3",
    "host-record=imap.post.test,198.51.100.2",
    "host-record=www.tracker.test,203.0.113.1",
];

/// How an ordinary user takes a gid out of /etc/subgid. `$1` is the gid, the rest is what runs with it.
const TAKE_GID: &str = r#"#!/bin/sh
gid=$1; shift
unshare --user sleep 30 & holder=$!
until [ "$(readlink /proc/$holder/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
newuidmap $holder 0 "$(id -u)" 1 && newgidmap $holder 0 "$gid" 1 &&
    nsenter --user --target $holder --setuid 0 --setgid 0 -- "$@"
code=$?
kill $holder
exit $code
"#;

/// Everything, until it goes out of scope.
pub(crate) struct Stage {
    // The servers first: they end before their namespaces.
    _servers: Background,
    pub(crate) lab: Lab,
}

impl Stage {
    pub(crate) fn build() -> Result<Self> {
        let lab = Lab::start(Marking::Ebpf)?;
        interrupt::ends(lab.cgroup());
        let dir = lab.path(DIR);
        fs::create_dir_all(&dir)?;
        let own = std::env::current_exe().context("cannot find this program's own file")?;
        for name in APPLICATIONS {
            fs::copy(&own, dir.join(name)).with_context(|| format!("cannot install '{name}'"))?;
        }
        fs::write(dir.join("take-gid"), TAKE_GID)?;
        fs::set_permissions(dir.join("take-gid"), fs::Permissions::from_mode(0o755))?;
        let program = format!("{DIR}/galaf-demo");
        let mut serve = lab.internet().command(&[&program, "serve"]);
        let servers = Background::start(serve.args(SOCKETS)).context("cannot start the servers")?;
        lab.internet().serve_names(&NAMES).context("cannot start the name server")?;
        interrupt::check()?;
        Ok(Self { _servers: servers, lab })
    }
}
