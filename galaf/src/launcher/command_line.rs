//! What the command line asks for.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::failure::Failure;
use galaf::printable::printable;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Execute an application.
    Launch {
        name: OsString,
        further: Vec<OsString>,
    },
    /// Say what [`Command::Launch`] would do.
    Explain {
        name: OsString,
        further: Vec<OsString>,
    },
    /// Show the caller's applications.
    List,
    Help,
    Version,
}

/// The name under which options are understood. Under any other, this program is a link to an application.
const OWN_NAME: &str = "galaf";

/// Reads `arguments`, the program's own name first.
///
/// That name is the caller's to choose (execve(2)), which gives nothing away: the caller may ask for every
/// application by name as well.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Failure> {
    let mut arguments = arguments.into_iter();
    let own_path = arguments.next().unwrap_or_default();
    match Path::new(&own_path).file_name() {
        Some(name) if name != OWN_NAME => {
            return Ok(Command::Launch { name: name.to_owned(), further: arguments.collect() });
        }
        _ => {}
    }
    let Some(first) = arguments.next() else { return Err(Failure::Usage("no application given".into())) };
    let rest: Vec<OsString> = arguments.collect();
    let alone = |command| match rest.first() {
        Some(extra) => {
            Err(Failure::Usage(format!("unexpected argument '{}' after '{}'", printable(extra), printable(&first))))
        }
        None => Ok(command),
    };
    match first.to_str() {
        Some("-h" | "--help") => alone(Command::Help),
        Some("-V" | "--version") => alone(Command::Version),
        Some("--list") => alone(Command::List),
        Some("--explain") => named(&first, rest).map(|(name, further)| Command::Explain { name, further }),
        Some("--") => named(&first, rest).map(|(name, further)| Command::Launch { name, further }),
        _ if is_option(&first) => Err(Failure::Usage(format!("unknown option '{}'", printable(&first)))),
        _ => Ok(Command::Launch { name: first, further: rest }),
    }
}

fn named(option: &OsStr, rest: Vec<OsString>) -> Result<(OsString, Vec<OsString>), Failure> {
    let mut rest = rest.into_iter();
    match rest.next() {
        Some(name) if !is_option(&name) => Ok((name, rest.collect())),
        Some(name) => Err(Failure::Usage(format!(
            "expected an application after '{}', found '{}'",
            printable(option),
            printable(&name)
        ))),
        None => Err(Failure::Usage(format!("no application given after '{}'", printable(option)))),
    }
}

/// No application's name begins with a hyphen.
fn is_option(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command, String> {
        parse(line.iter().map(OsString::from)).map_err(|failure| failure.to_string())
    }

    fn launch(name: &str, further: &[&str]) -> Result<Command, String> {
        Ok(Command::Launch { name: name.into(), further: further.iter().map(OsString::from).collect() })
    }

    #[test]
    fn what_follows_the_application_goes_to_it_even_if_it_looks_like_an_option() {
        assert_eq!(parsed(&["galaf", "mail", "--help", "--", "-x"]), launch("mail", &["--help", "--", "-x"]));
        assert_eq!(parsed(&["/usr/bin/galaf", "--", "mail", "--list"]), launch("mail", &["--list"]));
    }

    #[test]
    fn a_link_takes_every_argument_for_its_application() {
        assert_eq!(parsed(&["/usr/local/bin/mail", "--help"]), launch("mail", &["--help"]));
        assert_eq!(parsed(&["mail"]), launch("mail", &[]));
    }

    #[test]
    fn an_empty_program_name_is_galaf_itself() {
        assert_eq!(parsed(&["", "--list"]), Ok(Command::List));
        assert!(parsed(&[]).is_err());
    }

    #[test]
    fn explain_takes_the_application_and_its_arguments() {
        let expected = Command::Explain { name: "mail".into(), further: vec!["--list".into()] };
        assert_eq!(parsed(&["galaf", "--explain", "mail", "--list"]), Ok(expected));
    }

    #[test]
    fn a_wrong_command_line_names_the_word_at_fault() {
        for (line, word) in [
            (&["galaf", "--lst"][..], "'--lst'"),
            (&["galaf", "--list", "mail"], "'mail'"),
            (&["galaf", "--explain"], "'--explain'"),
            (&["galaf", "--explain", "--list"], "'--list'"),
            (&["galaf", "-\u{1b}[2J"], "'-\\u{1b}[2J'"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
