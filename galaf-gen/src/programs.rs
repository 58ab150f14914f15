//! What the launcher will say of the programs that the file names.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use galaf::config::Launch;
use galaf::json::JsonPath;
use galaf::printable::printable;
use galaf::trust::{Untrusted, check_file, text_of};

use crate::policy::Policy;

const S_ISUID: u32 = 0o4000;
const S_ISGID: u32 = 0o2000;
/// Where the kernel keeps a file's capabilities (capabilities(7)).
const CAPABILITIES: &str = "security.capability";

/// Programs that would not start, or not work, each with the remedy.
pub fn notices(policy: &Policy) -> Vec<(JsonPath, String)> {
    let mut notices = Vec::new();
    for application in &policy.applications {
        let Some((launch, _)) = &application.launch else { continue };
        let at = JsonPath::root().key("groups").key(application.subject.name.as_str()).key("execv");
        notices.extend(notice(launch).map(|message| (at.index(0), message)));
    }
    notices
}

fn notice(launch: &Launch) -> Option<String> {
    let program = launch.execv.first()?;
    if !launch.user_owned
        && let Err(error) = check_file(Path::new(program))
    {
        let remedy = if matches!(error, Untrusted::Owner(..) | Untrusted::Writable(..)) {
            "; \"user_owned\": true launches it all the same, and grants the same to whoever can replace it"
        } else {
            ""
        };
        return Some(format!("cannot be launched: {error}{remedy}"));
    }
    let metadata = match std::fs::metadata(program) {
        Ok(metadata) => metadata,
        Err(error) => {
            return Some(format!("cannot be launched: cannot look at '{}': {}", printable(program), text_of(&error)));
        }
    };
    let has = |name| matches!(xattr::get_deref(program, name), Ok(Some(_)));
    let gains = match metadata.mode() {
        mode if mode & S_ISUID != 0 => "is setuid",
        mode if mode & S_ISGID != 0 => "is setgid",
        _ if has(CAPABILITIES) => "has file capabilities",
        _ => return None,
    };
    launch.no_new_privileges.then(|| {
        let program = printable(program);
        format!("'{program}' {gains}, which has no effect under 'no_new_privileges'; if it does not work so, set \"no_new_privileges\": false")
    })
}
