//! Where galaf keeps what it reads and writes.

/// The administrator's file.
pub const CONFIG_PATH: &str = "/etc/galaf/galaf.json";
/// The folder beside the administrator's file whose files are merged into it.
pub const DROP_IN_DIR: &str = "galaf.d";
/// The file in [`DROP_IN_DIR`] that `galaf-gen grant` and `galaf-gen revoke` write.
pub const GRANTED: &str = "50-granted.json";
/// What `galaf-gen apply` leaves behind for the boot, the launcher and dnsmasq. Root's alone to write.
pub const STATE_DIR: &str = "/var/lib/galaf";
/// The launch index, inside [`STATE_DIR`].
pub const LAUNCH_INDEX: &str = "applications";
/// The last good ruleset, inside [`STATE_DIR`].
pub const RULESET: &str = "galaf.nft";
/// The configuration of galaf's dnsmasq, inside [`STATE_DIR`].
pub const DNSMASQ_CONF: &str = "dnsmasq.conf";
/// What NetworkManager's own dnsmasq reads, where that is galaf's resolver. NetworkManager has it in the program.
pub const NETWORKMANAGER_CONF: &str = "/etc/NetworkManager/dnsmasq.d/galaf.conf";
/// Where the mark program's link is pinned (bpffs).
pub const PIN_DIR: &str = "/sys/fs/bpf/galaf";
/// galaf's nftables table, of family `inet`. Not configurable: no file can make galaf touch another one.
pub const TABLE: &str = "galaf";
