//! `--list`.

use galaf::launch::LaunchEntry;

use super::caller::Caller;
use galaf::printable::printable;

/// One line for each application that `caller` may launch: name, program, restrictions.
pub(super) fn text(entries: &[(String, LaunchEntry)], caller: &Caller) -> String {
    let own = |entry: &LaunchEntry| entry.users.as_ref().is_none_or(|users| users.contains(&caller.uid()));
    let rows: Vec<[String; 3]> = entries
        .iter()
        .filter(|(_, entry)| own(entry))
        .map(|(name, entry)| {
            [printable(name), printable(entry.execv.first().map_or("", String::as_str)), restrictions(entry)]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, programs) = (width(0), width(1));
    rows.iter().map(|[name, program, rest]| format!("{name:names$}  {program:programs$}  {rest}\n")).collect()
}

/// The restrictions of an entry, in the words of galaf.json.
pub(super) fn restrictions(entry: &LaunchEntry) -> String {
    let words =
        [(entry.no_new_privileges, "no_new_privileges"), (entry.seccomp, "seccomp"), (entry.user_owned, "user_owned")];
    let set: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    if set.is_empty() { "-".to_owned() } else { set.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use galaf::id::{GroupId, UserId};

    fn entry(program: &str, users: Option<Vec<UserId>>, seccomp: bool) -> LaunchEntry {
        LaunchEntry {
            gid: GroupId(30000),
            execv: vec![program.into()],
            users,
            env: vec![],
            keep_env: vec![],
            no_new_privileges: seccomp,
            seccomp,
            user_owned: false,
        }
    }

    #[test]
    fn only_the_callers_applications_are_listed_and_columns_line_up() {
        let entries = [
            ("a".to_owned(), entry("/bin/long-name", None, true)),
            ("bcd".to_owned(), entry("/bin/b\u{1b}", Some(vec![UserId(1000)]), false)),
            ("theirs".to_owned(), entry("/bin/c", Some(vec![UserId(1001)]), false)),
            ("nobodys".to_owned(), entry("/bin/c", Some(vec![]), false)),
        ];
        let caller = Caller {
            uids: [UserId(1000); 3],
            gid: GroupId(1000),
            groups: vec![],
            may_set_groups: false,
            no_new_privileges: false,
        };
        assert_eq!(
            text(&entries, &caller),
            "a    /bin/long-name  no_new_privileges,seccomp\nbcd  /bin/b\\u{1b}    -\n"
        );
    }
}
