//! What 'galaf-gen grant' wrote: the drop-in of its own, as a document. Pure.

use galaf::json::Node;
use jiff::Timestamp;

const HEADER: (&str, &str) = ("#", "Written by 'galaf-gen grant' and 'galaf-gen revoke'.");

/// The document. What a person added to it by hand is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted(Vec<(String, Node)>);

/// The document is not what 'galaf-gen grant' writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form that 'galaf-gen grant' writes; correct it or remove it")]
pub struct Misshapen;

/// An element of an entry's `allow` to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGrant {
    /// Destinations as a person wrote them.
    pub to: Vec<String>,
    /// Ports as a person wrote them.
    pub tcp: Vec<String>,
    /// The same over UDP.
    pub udp: Vec<String>,
    /// Echo requests.
    pub icmp: bool,
    /// For whoever reads the rules.
    pub comment: Option<String>,
    /// When it lapses.
    pub until: Option<Timestamp>,
}

/// The keys that say what is granted; the others say for how long and why.
const WHAT: [&str; 4] = ["to", "tcp", "udp", "icmp"];

impl NewGrant {
    /// As the element of an entry's `allow`.
    pub fn to_node(&self) -> Node {
        let mut fields = vec![("to", list(&self.to, |to| Node::String(to.to_owned())))];
        for (key, ports) in [("tcp", &self.tcp), ("udp", &self.udp)] {
            match ports.as_slice() {
                [] => {}
                [all] if all == "all" => fields.push((key, Node::Bool(true))),
                ports => fields.push((key, list(ports, port))),
            }
        }
        fields.extend(self.icmp.then_some(("icmp", Node::Bool(true))));
        fields.extend(self.comment.iter().map(|comment| ("comment", Node::String(comment.clone()))));
        fields.extend(self.until.iter().map(|until| ("until", Node::String(until.to_string()))));
        Node::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The arguments with which 'galaf-gen grant' grants it, time and comment left out, to the entry `name` of `section`.
    pub fn arguments(&self, section: &str, name: &str) -> String {
        let mut arguments = if section == "users" { vec!["--user".to_owned()] } else { Vec::new() };
        arguments.push(name.to_owned());
        for (option, values) in [("--to", &self.to), ("--tcp", &self.tcp), ("--udp", &self.udp)] {
            arguments.extend((!values.is_empty()).then(|| format!("{option} {}", values.join(","))));
        }
        arguments.extend(self.icmp.then(|| "--icmp".to_owned()));
        arguments.join(" ")
    }
}

/// One value stands alone.
fn list(texts: &[String], node: impl Fn(&str) -> Node) -> Node {
    match texts {
        [one] => node(one),
        more => Node::Array(more.iter().map(|text| node(text)).collect()),
    }
}

fn port(text: &str) -> Node {
    text.parse::<u32>().map_or_else(|_| Node::String(text.to_owned()), |port| Node::Number(port.into()))
}

impl Granted {
    /// Reads a document; no text is an empty one.
    ///
    /// # Errors
    /// If it is not an object.
    pub fn parse(text: Option<&str>) -> Result<Self, Misshapen> {
        let Some(text) = text else { return Ok(Self(Vec::new())) };
        match Node::parse(text) {
            Ok(Node::Object(entries)) => Ok(Self(entries)),
            _ => Err(Misshapen),
        }
    }

    /// The document as text; `None` if it says nothing any more.
    pub fn to_text(&self) -> Option<String> {
        if self.0.iter().all(|(key, _)| key.starts_with('#')) {
            return None;
        }
        Some(format!("{:#}\n", Node::Object(self.0.clone())))
    }

    /// Adds `grant` to the entry `name` of `section`. One of the same destinations and ports takes its time and comment.
    ///
    /// # Errors
    /// If a person made something else of the document.
    pub fn add(&mut self, section: &str, name: &str, grant: &NewGrant) -> Result<(), Misshapen> {
        if self.0.is_empty() {
            self.0.push((HEADER.0.to_owned(), Node::String(HEADER.1.to_owned())));
        }
        let section = object(value(&mut self.0, section, || Node::Object(Vec::new())))?;
        let entry = object(value(section, name, || Node::Object(Vec::new())))?;
        let Node::Array(items) = value(entry, "allow", || Node::Array(Vec::new())) else { return Err(Misshapen) };
        let node = grant.to_node();
        match items.iter_mut().find(|item| WHAT.iter().all(|key| field(item, key) == field(&node, key))) {
            Some(item) => *item = node,
            None => items.push(node),
        }
        Ok(())
    }

    /// Removes what was granted to the entry: to `destinations`, or everything if there are none. Says how many
    /// destinations that were.
    pub fn revoke(&mut self, section: &str, name: &str, destinations: &[String]) -> usize {
        let mut removed = 0;
        let is_meant = |to: &Node| match to {
            Node::String(to) => destinations.is_empty() || destinations.iter().any(|it| it.eq_ignore_ascii_case(to)),
            _ => destinations.is_empty(),
        };
        self.retain(|of_section, of_name, item| {
            if of_section != section || of_name != name {
                return true;
            }
            let Node::Object(fields) = item else { return true };
            let Some((_, to)) = fields.iter_mut().find(|(key, _)| key == "to") else { return true };
            if let Node::Array(all) = to {
                let before = all.len();
                all.retain(|to| !is_meant(to));
                removed += before - all.len();
                return !all.is_empty();
            }
            let is_kept = !is_meant(to);
            removed += usize::from(!is_kept);
            is_kept
        });
        removed
    }

    /// Gives an entry another name.
    pub fn rename(&mut self, section: &str, old: &str, new: &str) {
        for (_, entries) in self.0.iter_mut().filter(|(name, _)| name == section) {
            let Node::Object(entries) = entries else { continue };
            entries.iter_mut().filter(|(name, _)| name == old).for_each(|(name, _)| new.clone_into(name));
        }
    }

    /// Removes grants whose time is over at `now`, in seconds since the epoch.
    pub fn forget_lapsed(&mut self, now: i64) {
        self.retain(|_, _, item| {
            let until = match field(item, "until") {
                Some(Node::String(until)) => until.parse::<Timestamp>().ok(),
                _ => None,
            };
            until.is_none_or(|until| until.as_second() > now)
        });
    }

    /// Keeps the grants for which `keep` holds, and no list, entry or section that is left empty.
    fn retain(&mut self, mut keep: impl FnMut(&str, &str, &mut Node) -> bool) {
        for (section, entries) in &mut self.0 {
            let Node::Object(entries) = entries else { continue };
            for (name, entry) in entries.iter_mut() {
                let Node::Object(fields) = entry else { continue };
                for (key, list) in fields.iter_mut() {
                    if let (true, Node::Array(items)) = (key == "allow", list) {
                        items.retain_mut(|item| keep(section, name, item));
                    }
                }
                fields.retain(|(key, list)| key != "allow" || *list != Node::Array(Vec::new()));
            }
            entries.retain(|(_, entry)| *entry != Node::Object(Vec::new()));
        }
        self.0.retain(|(_, section)| *section != Node::Object(Vec::new()));
    }
}

fn value<'n>(entries: &'n mut Vec<(String, Node)>, key: &str, empty: impl FnOnce() -> Node) -> &'n mut Node {
    let index = entries.iter().position(|(name, _)| name == key).unwrap_or(entries.len());
    if index == entries.len() {
        entries.push((key.to_owned(), empty()));
    }
    &mut entries[index].1
}

fn object(node: &mut Node) -> Result<&mut Vec<(String, Node)>, Misshapen> {
    match node {
        Node::Object(entries) => Ok(entries),
        _ => Err(Misshapen),
    }
}

fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match node {
        Node::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(to: &[&str], tcp: &[&str], until: Option<i64>) -> NewGrant {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let until = until.map(|until| Timestamp::from_second(until).unwrap());
        NewGrant { to: owned(to), tcp: owned(tcp), until, ..NewGrant::default() }
    }

    fn compact(granted: &Granted) -> String {
        granted.to_text().map(|text| Node::parse(&text).unwrap().to_string()).unwrap_or_default()
    }

    #[test]
    fn a_grant_is_written_as_a_person_would_write_it() {
        let mut granted = Granted::parse(None).unwrap();
        let all = NewGrant {
            udp: vec!["all".into()],
            icmp: true,
            comment: Some("a \"word\"".into()),
            ..grant(&["a.example.org", "192.0.2.1"], &["443", "ssh", "8000-8010"], Some(0))
        };
        granted.add("groups", "git", &all).unwrap();
        assert_eq!(
            compact(&granted),
            r##"{"#":"Written by 'galaf-gen grant' and 'galaf-gen revoke'.","groups":{"git":{"allow":[{"to":["a.example.org","192.0.2.1"],"tcp":[443,"ssh","8000-8010"],"udp":true,"icmp":true,"comment":"a \"word\"","until":"1970-01-01T00:00:00Z"}]}}}"##
        );
    }

    #[test]
    fn granting_the_same_again_renews_it_and_other_ports_are_another_grant() {
        let mut granted = Granted::parse(None).unwrap();
        for (tcp, until) in [(&["22"][..], Some(5)), (&["443"], None), (&["22"], Some(9))] {
            granted.add("groups", "git", &grant(&["any"], tcp, until)).unwrap();
        }
        let text = compact(&granted);
        assert!(
            text.contains(r#""allow":[{"to":"any","tcp":22,"until":"1970-01-01T00:00:09Z"},{"to":"any","tcp":443}]"#),
            "{text}"
        );
    }

    #[test]
    fn what_has_lapsed_goes_and_nothing_else() {
        let mut granted = Granted::parse(None).unwrap();
        granted.add("groups", "git", &grant(&["any"], &[], Some(100))).unwrap();
        granted.add("users", "_apt", &grant(&["any"], &[], None)).unwrap();
        granted.forget_lapsed(99);
        assert!(compact(&granted).contains("git"));
        granted.forget_lapsed(100);
        assert!(!compact(&granted).contains("git") && compact(&granted).contains("_apt"));
        assert_eq!(granted.revoke("users", "_apt", &[]), 1);
        assert_eq!(granted.to_text(), None);
    }

    #[test]
    fn one_destination_of_several_is_revoked_alone() {
        let mut granted = Granted::parse(None).unwrap();
        granted.add("groups", "git", &grant(&["a.test", "b.test"], &[], None)).unwrap();
        granted.add("groups", "git", &grant(&["B.test"], &["1"], None)).unwrap();
        granted.add("groups", "other", &grant(&["b.test"], &[], None)).unwrap();
        assert_eq!(granted.revoke("groups", "git", &["b.test".to_owned()]), 2);
        let text = compact(&granted);
        assert!(text.contains(r#""git":{"allow":[{"to":["a.test"]}]},"other":{"allow":[{"to":"b.test"}]}"#), "{text}");
        assert_eq!(granted.revoke("groups", "git", &["c.test".to_owned()]), 0);
    }

    #[test]
    fn what_a_person_made_of_it_is_kept_or_refused_but_not_lost() {
        let mut granted = Granted::parse(Some(r#"{"groups": {"git": {"rule": ""}}, "aliases": {}}"#)).unwrap();
        granted.add("groups", "git", &grant(&["any"], &[], None)).unwrap();
        assert_eq!(compact(&granted), r#"{"groups":{"git":{"rule":"","allow":[{"to":"any"}]}},"aliases":{}}"#);
        for text in ["[]", "{", "null"] {
            assert_eq!(Granted::parse(Some(text)), Err(Misshapen));
        }
        let mut other = Granted::parse(Some(r#"{"groups": {"git": null}}"#)).unwrap();
        assert_eq!(other.add("groups", "git", &grant(&["any"], &[], None)), Err(Misshapen));
    }
}
