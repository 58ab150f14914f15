//! Where the resolver's configuration lies, and which process reads it.

use std::fs;
use std::path::{Path, PathBuf};

use galaf::config::{Dns, Instance};
use galaf::id::UserId;
use galaf::paths::{DNSMASQ_CONF, NETWORKMANAGER_CONF};
use nix::unistd::User;

/// The account that dnsmasq takes where nobody names one, as for NetworkManager's before it has a file of ours.
const UNNAMED_USER: &str = "nobody";

/// One of the two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose process reads it.
    pub instance: Instance,
    /// The file.
    pub conf: PathBuf,
    /// Whom the process may run as: anybody can start one that looks like it.
    owners: Vec<UserId>,
}

impl Place {
    /// The place of `instance`, with the process that reads the file as it is now.
    pub fn of(instance: Instance, state_dir: &Path) -> Self {
        let conf = match instance {
            Instance::Own => state_dir.join(DNSMASQ_CONF),
            Instance::NetworkManager => PathBuf::from(NETWORKMANAGER_CONF),
        };
        Self::read(instance, conf)
    }

    /// The same place after its file changed.
    pub(super) fn read_again(&self) -> Self {
        Self::read(self.instance, self.conf.clone())
    }

    fn read(instance: Instance, conf: PathBuf) -> Self {
        let text = fs::read_to_string(&conf).unwrap_or_default();
        let named = text.lines().find_map(|line| line.strip_prefix("user="));
        let own = Dns::default().user;
        let default = match instance {
            Instance::Own => own.as_str(),
            Instance::NetworkManager => UNNAMED_USER,
        };
        let names = named.into_iter().chain([default]);
        let users = names.filter_map(|name| User::from_name(name).ok().flatten());
        let owners = std::iter::once(UserId::ROOT).chain(users.map(|user| UserId(user.uid.as_raw()))).collect();
        Self { instance, conf, owners }
    }

    /// Whether the process may be one that runs as `owner`.
    pub(super) fn may_be_of(&self, owner: UserId) -> bool {
        self.owners.contains(&owner)
    }

    /// Both.
    pub fn all(state_dir: &Path) -> [Self; 2] {
        [Instance::Own, Instance::NetworkManager].map(|instance| Self::of(instance, state_dir))
    }

    /// What a process that reads the file has among its arguments.
    pub(super) fn argument(&self) -> String {
        match self.instance {
            Instance::Own => format!("--conf-file={}", self.conf.display()),
            // NetworkManager's reads every file of the folder (nm-dns-dnsmasq.c).
            Instance::NetworkManager => {
                format!("--conf-dir={}", self.conf.parent().unwrap_or(Path::new("/")).display())
            }
        }
    }
}
