//! Names of hosts, and of applications and users.

use galaf::config::Domain;
use galaf::name::Name;

/// Whatever counts as a name can stand unquoted in a line of dnsmasq, nft and group(5), and is the same name again.
pub fn names(text: &str) {
    if let Ok(domain) = Domain::new(text) {
        let name = domain.as_str();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        assert!(name.chars().all(is_plain), "{text:?}: {name}");
        assert!(name.len() <= 253 && name.contains('.'), "{text:?}: {name}");
        let is_label =
            |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        assert!(name.split('.').all(is_label), "{text:?}: {name}");
        assert!(name.parse::<std::net::IpAddr>().is_err(), "{text:?}: {name}");
        assert_eq!(Domain::new(name).as_ref(), Ok(&domain), "{text:?}");
    }
    if let Ok(name) = Name::new(text) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        assert!(name.as_str() == text && text.chars().all(is_plain), "{text:?}: {name}");
        assert!(!text.starts_with(['-', '.']) && (1..=32).contains(&text.len()), "{text:?}");
    }
}
