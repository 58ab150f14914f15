//! One application as the launcher needs it.

use serde_json::{Map, Value, json};

use crate::id::{GroupId, UserId};

/// The element of `execv` that stands for the caller's further arguments.
pub const PLACEHOLDER: &str = "…";

/// How one application is launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchEntry {
    /// The application's group.
    pub gid: GroupId,
    /// Absolute path and arguments, with at most one [`PLACEHOLDER`].
    pub execv: Vec<String>,
    /// Who may launch it; `None` is everybody.
    pub users: Option<Vec<UserId>>,
    /// Variables to set, by name.
    pub env: Vec<(String, String)>,
    /// Names of the caller's variables to keep beside the usual ones.
    pub keep_env: Vec<String>,
    /// Set `PR_SET_NO_NEW_PRIVS` (prctl(2)) before the program is executed.
    pub no_new_privileges: bool,
    /// Refuse to make setuid and setgid files. Needs `no_new_privileges`.
    pub seccomp: bool,
    /// The program may belong to others than root.
    pub user_owned: bool,
}

/// Replaces the [`PLACEHOLDER`] of `execv` by `further`.
///
/// `None` if there are further arguments but no place for them.
pub fn arguments<T: Clone + From<String>>(execv: &[String], further: &[T]) -> Option<Vec<T>> {
    let own = |part: &String| T::from(part.clone());
    match execv.iter().position(|part| part == PLACEHOLDER) {
        Some(at) => {
            let (before, after) = (&execv[..at], &execv[at + 1..]);
            Some(before.iter().map(own).chain(further.iter().cloned()).chain(after.iter().map(own)).collect())
        }
        None => further.is_empty().then(|| execv.iter().map(own).collect()),
    }
}

impl LaunchEntry {
    pub(super) fn to_json(&self) -> Value {
        let env: Map<String, Value> = self.env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "gid": self.gid.0,
            "execv": self.execv,
            "users": self.users.as_ref().map(|users| users.iter().map(|uid| uid.0).collect::<Vec<_>>()),
            "env": env,
            "keep_env": self.keep_env,
            "no_new_privileges": self.no_new_privileges,
            "seccomp": self.seccomp,
            "user_owned": self.user_owned,
        })
    }

    /// `None` if any key is missing or of another type: an index of another version.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let flag = |key: &str| object.get(key)?.as_bool();
        let users = match object.get("users")? {
            Value::Null => None,
            list => Some(list.as_array()?.iter().map(|uid| number(uid).map(UserId)).collect::<Option<Vec<_>>>()?),
        };
        let env = object.get("env")?.as_object()?;
        Some(Self {
            gid: GroupId(number(object.get("gid")?)?),
            execv: texts(object.get("execv")?)?,
            users,
            env: env
                .iter()
                .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect::<Option<_>>()?,
            keep_env: texts(object.get("keep_env")?)?,
            no_new_privileges: flag("no_new_privileges")?,
            seccomp: flag("seccomp")?,
            user_owned: flag("user_owned")?,
        })
    }
}

pub(super) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}
