//! The launch index.

use std::collections::BTreeMap;

use galaf::launch::{Header, LaunchEntry, compile};

use crate::policy::Policy;

/// The text of the index: every application that has an `execv`.
pub fn render(policy: &Policy) -> String {
    let mut entries = BTreeMap::new();
    for application in &policy.applications {
        let Some((launch, users)) = &application.launch else { continue };
        let launch = launch.clone();
        let entry = LaunchEntry {
            gid: application.gid,
            execv: launch.execv,
            users: users.clone(),
            env: launch.env,
            keep_env: launch.keep_env,
            no_new_privileges: launch.no_new_privileges,
            seccomp: launch.seccomp,
            user_owned: launch.user_owned,
        };
        entries.insert(application.subject.name.clone(), entry);
    }
    compile(&Header { gid_range: policy.gid_range, containers: policy.containers.clone() }, &entries)
}
