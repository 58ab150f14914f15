//! Who runs a program.

use galaf::id::{GroupId, UserId};

/// The ids of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Real, effective and saved user id.
    pub uid: UserId,
    /// Real, effective and saved group id.
    pub gid: GroupId,
    /// Supplementary groups.
    pub groups: Vec<GroupId>,
}

impl Identity {
    /// The superuser, with every capability.
    pub const ROOT: Self = Self { uid: UserId::ROOT, gid: GroupId(0), groups: Vec::new() };

    /// Without supplementary groups.
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid: UserId(uid), gid: GroupId(gid), groups: Vec::new() }
    }

    /// What setpriv(1) is told; nothing for root, who stays as it is.
    pub(crate) fn setpriv(&self) -> Vec<String> {
        if *self == Self::ROOT {
            return Vec::new();
        }
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        let groups =
            if groups.is_empty() { "--clear-groups".to_owned() } else { format!("--groups={}", groups.join(",")) };
        vec![
            "setpriv".to_owned(),
            format!("--reuid={}", self.uid),
            format!("--regid={}", self.gid),
            groups,
            "--inh-caps=-all".to_owned(),
            "--".to_owned(),
        ]
    }
}
