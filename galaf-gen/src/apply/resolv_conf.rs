//! resolv.conf(5), which decides whom programs ask for names.
//!
//! In its place comes a symbolic link to a file of ours: NetworkManager leaves a link to a foreign file alone, and
//! would write into a file (NetworkManager.conf(5), rc-manager). What was there is kept as it was, link or file.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use galaf::config::{Dns, Upstream};

use super::files;

/// Where programs look.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The file of ours, in the state folder.
const OURS: &str = "resolv.conf";
/// What was there before, in the state folder; missing if nothing was.
const FORMER: &str = "resolv.conf.former";
/// Lines that are not about servers and stay (resolv.conf(5)).
const KEPT: [&str; 3] = ["search", "domain", "options"];

/// The file and where its former self is kept.
pub struct ResolvConf {
    path: PathBuf,
    ours: PathBuf,
    former: PathBuf,
}

impl ResolvConf {
    /// The machine's own.
    pub fn new(state_dir: &Path) -> Self {
        Self::at(Path::new(RESOLV_CONF), state_dir)
    }

    fn at(path: &Path, state_dir: &Path) -> Self {
        // A link with a relative target would lead elsewhere from its own folder.
        let state_dir = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
        Self { path: path.to_owned(), ours: state_dir.join(OURS), former: state_dir.join(FORMER) }
    }

    /// Makes programs ask galaf's resolver, or takes that back, as `dns` says; `None` is no resolver. Returns what a
    /// person should know.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn follow(&self, dns: Option<&Dns>) -> Result<Option<String>> {
        let path = self.path.display();
        match dns {
            Some(dns) if dns.manage_resolv_conf => Ok(self
                .take(dns.listen)?
                .then(|| format!("'{path}' asks galaf's resolver now; 'galaf-gen reset' brings the former one back"))),
            _ if self.release()? => Ok(Some(format!("'{path}' is the former one again"))),
            Some(dns) if !self.asks(dns.listen) => Ok(Some(format!(
                "'{path}' does not ask galaf's resolver, so names that were granted are not found: have it say \
                 'nameserver {}' and no other, or set \"manage_resolv_conf\": true in 'config.dns'",
                dns.listen.address
            ))),
            _ => Ok(None),
        }
    }

    /// Puts ours in its place; whether that is a change.
    fn take(&self, listen: Upstream) -> Result<bool> {
        let present = fs::read_to_string(&self.path).unwrap_or_default();
        let is_ours = self.is_ours();
        if !is_ours {
            // Saved before anything changes, and never from ours: whoever kills us leaves the one or the other.
            copy(&self.path, &self.former)
                .with_context(|| format!("cannot keep '{}' in '{}'", self.path.display(), self.former.display()))?;
        }
        let changed = files::replace(&self.ours, &text(listen.address, &present))?;
        if !is_ours {
            put_link(&self.ours, &self.path)
                .with_context(|| format!("the rules are in force, but '{}' cannot be replaced", self.path.display()))?;
        }
        Ok(changed || !is_ours)
    }

    /// Puts back what was there before ours; whether there was anything to do. What somebody else put there since stays.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn release(&self) -> Result<bool> {
        let is_ours = self.is_ours();
        if is_ours {
            copy(&self.former, &self.path).with_context(|| {
                format!("cannot put '{}' back from '{}'", self.path.display(), self.former.display())
            })?;
        }
        files::remove(&self.former)?;
        files::remove(&self.ours)?;
        Ok(is_ours)
    }

    fn is_ours(&self) -> bool {
        fs::read_link(&self.path).is_ok_and(|target| target == self.ours)
    }

    /// Whether programs ask at `listen`. On another port they do by ways that this file does not tell.
    fn asks(&self, listen: Upstream) -> bool {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let first = text.lines().find_map(|line| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok());
        first == Some(listen.address) || listen != Upstream::on_default_port(listen.address)
    }
}

/// The file that makes programs ask `address`; what `former` says beside servers stays.
fn text(address: IpAddr, former: &str) -> String {
    let mut text = String::from("# Made by galaf-gen; 'galaf-gen reset' brings the former file back.\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "nameserver {address}");
    for line in
        former.lines().filter(|line| line.split_ascii_whitespace().next().is_some_and(|key| KEPT.contains(&key)))
    {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Makes `to` what `from` is, in one step: a link with the same target, a file with the same content, owner and mode, or nothing.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(from) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match fs::remove_file(to) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        Err(error) => return Err(error),
    };
    if metadata.is_symlink() {
        return put_link(&fs::read_link(from)?, to);
    }
    let mut file = tempfile::NamedTempFile::with_prefix_in(files::PREFIX, folder(to))?;
    file.write_all(&fs::read(from)?)?;
    chown(file.path(), Some(metadata.uid()), Some(metadata.gid()))?;
    file.as_file().set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    file.as_file().sync_all()?;
    file.persist(to)?;
    Ok(())
}

fn put_link(target: &Path, path: &Path) -> io::Result<()> {
    let link = tempfile::Builder::new().prefix(files::PREFIX).make_in(folder(path), |new| symlink(target, new))?;
    link.into_temp_path().persist(path)?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        root: tempfile::TempDir,
        file: ResolvConf,
    }

    fn machine() -> Machine {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("state")).unwrap();
        let file = ResolvConf::at(&root.path().join("resolv.conf"), &root.path().join("state"));
        Machine { root, file }
    }

    fn dns(manage_resolv_conf: bool) -> Dns {
        Dns { manage_resolv_conf, ..Dns::default() }
    }

    impl Machine {
        fn text(&self) -> String {
            fs::read_to_string(&self.file.path).unwrap()
        }

        fn kept(&self) -> usize {
            fs::read_dir(self.root.path().join("state")).unwrap().count()
        }
    }

    #[test]
    fn a_link_comes_back_as_the_same_link() {
        let machine = machine();
        symlink("../run/stub-resolv.conf", &machine.file.path).unwrap();
        for changes in [true, false] {
            assert_eq!(machine.file.follow(Some(&dns(true))).unwrap().is_some(), changes);
            assert!(machine.text().ends_with("\nnameserver 127.0.0.1\n"), "{}", machine.text());
        }
        assert!(machine.file.release().unwrap());
        assert_eq!(fs::read_link(&machine.file.path).unwrap(), Path::new("../run/stub-resolv.conf"));
        assert_eq!(machine.kept(), 0);
        assert!(!machine.file.release().unwrap());
    }

    #[test]
    fn a_file_comes_back_with_its_content_and_mode_and_its_search_list_stays_meanwhile() {
        let machine = machine();
        let former = "search lan.test\nnameserver 192.0.2.1\noptions rotate\n";
        fs::write(&machine.file.path, former).unwrap();
        fs::set_permissions(&machine.file.path, Permissions::from_mode(0o640)).unwrap();
        for _ in 0..2 {
            machine.file.follow(Some(&dns(true))).unwrap();
            assert!(machine.text().ends_with("\nnameserver 127.0.0.1\nsearch lan.test\noptions rotate\n"));
        }
        machine.file.follow(None).unwrap().unwrap();
        assert_eq!(machine.text(), former);
        assert_eq!(fs::symlink_metadata(&machine.file.path).unwrap().mode() & 0o7777, 0o640);
    }

    #[test]
    fn where_no_file_was_there_is_none_again() {
        let machine = machine();
        machine.file.follow(Some(&dns(true))).unwrap();
        machine.file.release().unwrap();
        assert!(fs::symlink_metadata(&machine.file.path).is_err());
    }

    #[test]
    fn what_somebody_else_puts_there_is_the_former_one_from_then_on() {
        let machine = machine();
        fs::write(&machine.file.path, "nameserver 192.0.2.1\n").unwrap();
        machine.file.follow(Some(&dns(true))).unwrap();
        fs::remove_file(&machine.file.path).unwrap();
        fs::write(&machine.file.path, "nameserver 192.0.2.2\n").unwrap();
        machine.file.follow(Some(&dns(true))).unwrap();
        machine.file.release().unwrap();
        assert_eq!(machine.text(), "nameserver 192.0.2.2\n");
    }

    #[test]
    fn an_apply_that_was_killed_after_it_kept_the_file_keeps_it_again() {
        let machine = machine();
        fs::write(&machine.file.path, "nameserver 192.0.2.1\n").unwrap();
        copy(&machine.file.path, &machine.file.former).unwrap();
        machine.file.follow(Some(&dns(true))).unwrap();
        machine.file.release().unwrap();
        assert_eq!(machine.text(), "nameserver 192.0.2.1\n");
    }

    #[test]
    fn who_does_not_ask_galaf_is_told_what_to_do_and_nothing_is_changed() {
        let machine = machine();
        for (text, is_told) in
            [("nameserver 127.0.0.53\nnameserver 127.0.0.1\n", true), ("search x\nnameserver 127.0.0.1\n", false)]
        {
            fs::write(&machine.file.path, text).unwrap();
            let said = machine.file.follow(Some(&dns(false))).unwrap();
            assert_eq!(said.is_some_and(|said| said.contains("'nameserver 127.0.0.1'")), is_told);
            assert_eq!(machine.text(), text);
        }
    }
}
