//! One user or application.

use super::allow::{self, Addresses, Aliases, Allow};
use super::at::At;
use super::domain::{self, Domain};
use super::fields::{self, Fields};
use super::grant::{Family, Grant, Parts, grants};
use super::problem::Report;
use super::rule_text::RuleText;
use super::{execv, settings};
use crate::id::GidRange;
use crate::json::Node;
use crate::name::Name;

/// What an entry of `users` or `groups` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it may talk to; empty for an entry that only names a group or user.
    pub grants: Vec<Grant>,
    /// The names that narrow every one of `grants`.
    pub domains: Domains,
    /// Structured grants, beside the others.
    pub allow: Vec<Allow>,
    /// The families of those that do not bring theirs along.
    pub families: Vec<Family>,
    /// How to start it; only an application has one.
    pub launch: Option<Launch>,
    /// Where its gid is to lie, if not anywhere in the file's range.
    pub gid_range: Option<GidRange>,
}

/// An entry's `domains`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Domains {
    /// Not narrowed by name.
    #[default]
    None,
    /// These and their subdomains.
    List(Vec<Domain>),
    /// Those of this entry.
    SameAs(Name),
}

/// How an application is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Program, arguments, and at most one `…`.
    pub execv: Vec<String>,
    /// Who may start it; `None` is everybody.
    pub users: Option<Vec<Name>>,
    /// Variables to set.
    pub env: Vec<(String, String)>,
    /// Variables of the caller to keep beside the usual ones.
    pub keep_env: Vec<String>,
    /// Set `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privileges: bool,
    /// Refuse to make setuid and setgid files.
    pub seccomp: bool,
    /// The program may belong to others than root.
    pub user_owned: bool,
}

/// What `config.defaults` gives to entries that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Defaults {
    pub(super) families: Option<Vec<Family>>,
    pub(super) domains: Option<Domains>,
    pub(super) rule: Option<RuleText>,
    pub(super) rule6: Option<RuleText>,
}

/// The keys of an entry that is not launched.
const USER_KEYS: [&str; 5] = ["domains", "families", "rule", "rule6", "allow"];
/// The keys of `defaults`.
pub(super) const GRANT_KEYS: [&str; 4] = ["domains", "families", "rule", "rule6"];
const LAUNCH_KEYS: [&str; 6] = ["users", "env", "keep_env", "no_new_privileges", "seccomp", "user_owned"];
const GROUP_KEYS: [&str; 13] = [
    "execv",
    "domains",
    "families",
    "rule",
    "rule6",
    "allow",
    "users",
    "env",
    "keep_env",
    "no_new_privileges",
    "seccomp",
    "user_owned",
    "gid_range",
];

/// The four keys that defaults and entries share.
pub(super) fn read_grant_keys(fields: &Fields<'_>, at: At<'_>, report: &mut Report) -> Defaults {
    Defaults {
        families: fields.read("families", at, report, read_families),
        domains: fields.read("domains", at, report, read_domains),
        rule: fields.read("rule", at, report, |node, at, report| fields::checked(node, at, report, RuleText::new)),
        rule6: fields.read("rule6", at, report, |node, at, report| fields::checked(node, at, report, RuleText::new)),
    }
}

/// What entries refer to.
pub(super) struct Shared {
    pub(super) defaults: Defaults,
    pub(super) aliases: Aliases,
}

/// An entry of `users`.
pub(super) fn read_user(node: &Node, shared: &Shared, at: At<'_>, report: &mut Report) -> Entry {
    if *node == Node::Null {
        return Entry::default();
    }
    let fields = Fields::of(node, at, report, &USER_KEYS);
    read_granting(&fields, shared, at, report)
}

/// An entry of `groups`.
pub(super) fn read_group(node: &Node, shared: &Shared, at: At<'_>, report: &mut Report) -> Entry {
    if *node == Node::Null {
        return Entry::default();
    }
    let fields = Fields::of(node, at, report, &GROUP_KEYS);
    let launch = read_launch(&fields, at, report);
    let gid_range = fields.read("gid_range", at, report, settings::read_gid_range);
    Entry { launch, gid_range, ..read_granting(&fields, shared, at, report) }
}

fn read_granting(fields: &Fields<'_>, shared: &Shared, at: At<'_>, report: &mut Report) -> Entry {
    if fields.is_empty() {
        return Entry::default();
    }
    let defaults = &shared.defaults;
    let own = read_grant_keys(fields, at, report);
    let allow = fields.read("allow", at, report, |node, at, report| allow::read(node, &shared.aliases, at, report));
    let allow = allow.unwrap_or_default();
    if let Some(families) = &own.families {
        check_families(&allow, families, at.key("allow"), report);
    }
    let domains = own.domains.or_else(|| defaults.domains.clone()).unwrap_or_default();
    let parts = Parts {
        families: own.families.or_else(|| defaults.families.clone()).unwrap_or_else(|| vec![Family::Ipv4]),
        has_domains: domains != Domains::None,
        rule: own.rule.or_else(|| defaults.rule.clone()),
        rule6: own.rule6.or_else(|| defaults.rule6.clone()),
    };
    Entry {
        grants: grants(&parts, at, report),
        domains,
        allow,
        families: parts.families,
        launch: None,
        gid_range: None,
    }
}

/// An address of a family that the entry itself leaves out is a slip, one way or the other.
fn check_families(allow: &[Allow], families: &[Family], at: At<'_>, report: &mut Report) {
    for (index, item) in allow.iter().enumerate() {
        for family in item.to.addresses.iter().map(Addresses::family).filter(|family| !families.contains(family)) {
            let at = at.index(index);
            report.problem(
                at.key("to"),
                format!("has {family} addresses, but 'families' does not have {}", family.number()),
            );
        }
    }
}

fn read_launch(fields: &Fields<'_>, at: At<'_>, report: &mut Report) -> Option<Launch> {
    if fields.get("execv").is_none() {
        for key in LAUNCH_KEYS.into_iter().filter(|key| fields.get(key).is_some()) {
            report.problem(at.key(key), format!("'{key}' without 'execv': there is nothing to launch"));
        }
        return None;
    }
    let execv = fields.read("execv", at, report, execv::read);
    let no_new_privileges = fields.read("no_new_privileges", at, report, fields::boolean).unwrap_or(true);
    let seccomp = fields.read("seccomp", at, report, fields::boolean);
    if seccomp == Some(true) && !no_new_privileges {
        report.problem(at.key("seccomp"), "needs 'no_new_privileges': the kernel takes a filter from an unprivileged process only with it (seccomp(2))");
    }
    let launch = Launch {
        execv: Vec::new(),
        users: fields.read("users", at, report, |node, at, report| {
            fields::list(node, at, report, "user names", |node, at, report| {
                fields::checked(node, at, report, Name::new)
            })
        }),
        env: fields.read("env", at, report, read_env).unwrap_or_default(),
        keep_env: fields.read("keep_env", at, report, read_keep_env).unwrap_or_default(),
        no_new_privileges,
        seccomp: seccomp.unwrap_or(no_new_privileges),
        user_owned: fields.read("user_owned", at, report, fields::boolean).unwrap_or(false),
    };
    execv.map(|execv| Launch { execv, ..launch })
}

fn read_env(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<(String, String)>> {
    let mut env = Vec::new();
    for (name, value) in Fields::any(node, at, report).iter() {
        let at = at.key(name);
        if let Err(error) = variable(name) {
            report.problem(at, format!("'{}' {error}", name.escape_debug()));
        }
        let value = fields::checked(value, at, report, |text| {
            if text.contains('\0') { Err("has a NUL character") } else { Ok(text.to_owned()) }
        });
        env.extend(value.map(|value| (name.to_owned(), value)));
    }
    env.sort();
    Some(env)
}

/// Beginnings of variables that make a loader, interpreter or toolkit run code from where they point.
const RUN_CODE: [&str; 10] = ["LD_", "PYTHON", "PERL", "RUBY", "NODE_", "JAVA_", "BASH_", "GTK_", "GIO_", "QT_PLUGIN"];

fn read_keep_env(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<String>> {
    fields::list(node, at, report, "names of variables", |node, at, report| {
        let name = fields::checked(node, at, report, variable)?;
        if RUN_CODE.iter().any(|beginning| name.starts_with(beginning)) {
            report.notice(at, format!("with '{name}' the caller can run other code as this application"));
        }
        Some(name)
    })
}

/// POSIX, Base Definitions 8.1: what a portable variable is called.
fn variable(name: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        return Err("is not the name of a variable, expected letters, digits and '_'");
    }
    Ok(name.to_owned())
}

fn read_families(node: &Node, at: At<'_>, report: &mut Report) -> Option<Vec<Family>> {
    let mut families = Vec::new();
    fields::list(node, at, report, "4 and 6", |node, at, report| {
        let family = match fields::number(node, at, report)? {
            4 => Family::Ipv4,
            6 => Family::Ipv6,
            other => {
                report.problem(at, format!("is {other}, expected 4 or 6"));
                return None;
            }
        };
        if families.contains(&family) {
            report.problem(at, format!("{} is there twice", family.number()));
        } else {
            families.push(family);
        }
        Some(())
    })?;
    if matches!(node, Node::Array(items) if items.is_empty()) {
        report.problem(at, "is empty, expected [4], [6] or [4, 6]");
    }
    Some(families)
}

fn read_domains(node: &Node, at: At<'_>, report: &mut Report) -> Option<Domains> {
    if let Node::String(text) = node {
        return match Name::new(text) {
            Ok(name) => Some(Domains::SameAs(name)),
            Err(error) => {
                report.problem(
                    at,
                    format!("'{}' {error}; a string names another entry, names stand in a list", text.escape_debug()),
                );
                None
            }
        };
    }
    let mut names =
        fields::list(node, at, report, "domain names, or the name of another entry", |node, at, report| {
            let text = fields::text(node, at, report)?;
            let name = fields::checked(node, at, report, Domain::new)?;
            domain::tell_ascii_form(text, &name, at, report);
            Some(name)
        })?;
    if matches!(node, Node::Array(items) if items.is_empty()) {
        report.problem(at, "is empty, expected at least one name; leave it out to grant by 'rule' alone");
    }
    names.sort();
    names.dedup();
    Some(Domains::List(names))
}
