//! Where the machine itself asks for names, for a file that does not say it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use galaf::config::Upstream;
use galaf::paths::{DNSMASQ_CONF, NETWORKMANAGER_CONF};

use crate::policy::Resolver;

/// Where programs that configure the network write the servers it gave them, below the root folder. The first holds
/// NetworkManager's even where it runs a resolver of its own or hands them to systemd-resolved, whose file is the third.
const RESOLV_CONFS: [&str; 4] = [
    "run/NetworkManager/no-stub-resolv.conf",
    "run/NetworkManager/resolv.conf",
    "run/systemd/resolve/resolv.conf",
    "etc/resolv.conf",
];

/// A file that may name servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// How it is written.
    pub form: Form,
}

/// How a file names servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// resolv.conf(5).
    ResolvConf,
    /// dnsmasq(8).
    Dnsmasq,
}

/// The files of a machine whose root folder is `root`, best first. Last the configuration that the last apply left: an
/// apply must work, and a boot take one back, while no network is there.
pub fn sources(root: &Path, state_dir: &Path) -> Vec<Source> {
    let resolv_confs = RESOLV_CONFS.iter().map(|path| (root.join(path), Form::ResolvConf));
    let networkmanager = NETWORKMANAGER_CONF.trim_start_matches('/');
    read(
        resolv_confs.chain([state_dir.join(DNSMASQ_CONF), root.join(networkmanager)].map(|path| (path, Form::Dnsmasq))),
    )
}

/// The only such file in the folder of a machine's accounts.
pub fn sources_of_etc(etc_dir: &Path) -> Vec<Source> {
    read([(etc_dir.join("resolv.conf"), Form::ResolvConf)])
}

fn read(files: impl IntoIterator<Item = (PathBuf, Form)>) -> Vec<Source> {
    // No machine has all of them.
    let read = |(path, form)| std::fs::read_to_string(&path).ok().map(|text| Source { path, text, form });
    files.into_iter().filter_map(read).collect()
}

/// The servers of the first source that names any which are not on this machine, and where it is. galaf's resolver
/// itself, at `listen`, and other resolvers of the loopback would only send the question round in a circle.
pub fn find(sources: &[Source], listen: &Upstream) -> Option<(Vec<Upstream>, PathBuf)> {
    sources.iter().find_map(|source| {
        let mut found = Vec::new();
        for server in servers(source).filter(|server| !server.address.is_loopback() && server != listen) {
            if !found.contains(&server) {
                found.push(server);
            }
        }
        (!found.is_empty()).then(|| (found, source.path.clone()))
    })
}

fn servers(source: &Source) -> impl Iterator<Item = Upstream> + '_ {
    source.text.lines().filter_map(|line| match source.form {
        Form::Dnsmasq => Upstream::parse(line.trim_start_matches("# ").strip_prefix("server=")?).ok(),
        Form::ResolvConf => {
            let mut words = line.split_ascii_whitespace();
            let address: IpAddr = (words.next()? == "nameserver").then(|| words.next())??.parse().ok()?;
            (!address.is_unspecified() && !address.is_multicast()).then(|| Upstream::on_default_port(address))
        }
    })
}

/// The servers and where they are from, for a person; `None` if the administrator's file names them.
pub fn described(resolver: &Resolver) -> Option<String> {
    let path = resolver.found_in.as_ref()?;
    let servers: Vec<String> = resolver.dns.upstream.iter().map(ToString::to_string).collect();
    Some(format!("{}, from '{}'", servers.join(", "), path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn listen() -> Upstream {
        Upstream::parse("127.0.0.1").unwrap()
    }

    /// A machine with these files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn found(files: &[(&str, &str)]) -> Option<(Vec<String>, String)> {
        let root = machine(files);
        let (servers, path) = find(&sources(root.path(), &root.path().join("state")), &listen())?;
        let path = path.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned();
        Some((servers.iter().map(ToString::to_string).collect(), path))
    }

    fn expected(servers: &[&str], path: &str) -> Option<(Vec<String>, String)> {
        Some((servers.iter().map(|&server| server.to_owned()).collect(), path.to_owned()))
    }

    #[test]
    fn what_the_network_gave_comes_before_what_programs_are_told() {
        let stub = ("etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
        let resolved = ("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.1\n");
        let manager = ("run/NetworkManager/no-stub-resolv.conf", "search lan\nnameserver 192.0.2.2\n");
        assert_eq!(found(&[stub]), None);
        assert_eq!(found(&[stub, resolved]), expected(&["192.0.2.1#53"], resolved.0));
        assert_eq!(found(&[stub, resolved, manager]), expected(&["192.0.2.2#53"], manager.0));
        assert_eq!(found(&[("etc/resolv.conf", "nameserver 192.0.2.3\n")]), expected(&["192.0.2.3#53"], stub.0));
    }

    #[test]
    fn servers_of_this_machine_and_repetitions_are_left_out() {
        let text = "# nameserver 192.0.2.9\n;nameserver 192.0.2.8\nnameserver 127.0.0.1\nnameserver\t192.0.2.1\n\
                    nameserver ::1\nnameserver 2001:db8::1 \nnameserver 192.0.2.1\nnameserver 0.0.0.0\nnameserver x\n";
        assert_eq!(
            found(&[("etc/resolv.conf", text)]),
            expected(&["192.0.2.1#53", "2001:db8::1#53"], "etc/resolv.conf")
        );
    }

    #[test]
    fn without_a_network_the_servers_of_the_last_apply_are_kept() {
        let former = ("state/dnsmasq.conf", "port=53\nno-resolv\nserver=192.0.2.4#5353\n");
        assert_eq!(found(&[("etc/resolv.conf", ""), former]), expected(&["192.0.2.4#5353"], former.0));
        let drop_in = ("etc/NetworkManager/dnsmasq.d/galaf.conf", "# no-resolv\n# server=192.0.2.5#53\n");
        assert_eq!(
            found(&[("etc/resolv.conf", "nameserver 127.0.0.1\n"), drop_in]),
            expected(&["192.0.2.5#53"], drop_in.0)
        );
    }
}
