//! Routing that looks at marks, `ip rule … fwmark`: other software's marks and ours are the same 32 bits.

use std::process::Command;

use galaf::id::GroupId;
use galaf::mark::{GROUP_MASK, half};
use serde_json::Value;

const IP: [&str; 3] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"];

/// A routing rule that selects by mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FwMark {
    /// The value.
    pub mark: u32,
    /// The bits that are compared.
    pub mask: u32,
    /// Its preference, which `ip rule del pref N` takes.
    pub priority: u32,
}

impl FwMark {
    /// Whether the mark of a socket of `gid` can meet the rule. The user half can be anybody's.
    ///
    /// A rule that looks at no bit of the group half is not about groups.
    pub fn can_meet(self, gid: GroupId) -> bool {
        let bits = self.mask & GROUP_MASK;
        bits != 0 && (u32::from(half(gid.0)) << 16) & bits == self.mark & bits
    }
}

/// The rules of both families. None if ip(8) is missing: then nobody has set any, as far as can be known.
pub fn read() -> Vec<FwMark> {
    let Some(ip) = IP.into_iter().find(|path| std::path::Path::new(path).exists()) else { return Vec::new() };
    let mut rules = Vec::new();
    for family in ["-4", "-6"] {
        let output = Command::new(ip).args([family, "-j", "rule", "list"]).output();
        let listed = output.map(|output| parse(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default();
        rules.extend(listed.into_iter().filter(|rule| !rules.contains(rule)).collect::<Vec<_>>());
    }
    rules
}

/// What `ip -j rule` prints: marks as hexadecimal strings, no `fwmask` for a full one.
fn parse(listing: &str) -> Vec<FwMark> {
    let listing: Value = serde_json::from_str(listing).unwrap_or_default();
    let rules = listing.as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |rule: &Value, key: &str| {
        let text = rule.get(key)?.as_str()?;
        u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
    };
    let rule = |rule: &Value| {
        Some(FwMark {
            mark: number(rule, "fwmark")?,
            mask: number(rule, "fwmask").unwrap_or(u32::MAX),
            priority: rule.get("priority").and_then(Value::as_u64).and_then(|it| u32::try_from(it).ok())?,
        })
    };
    rules.iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As tailscale and wg-quick leave them.
    const LISTING: &str = r#"[{"priority":0,"src":"all","table":"local"},
        {"priority":5210,"src":"all","fwmark":"0x80000","fwmask":"0xff0000","table":"main"},
        {"priority":5230,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"},
        {"priority":5240,"src":"all","fwmark":"0x4000","fwmask":"0x4000","table":"5"}]"#;

    #[test]
    fn an_application_whose_mark_a_vpn_routes_by_is_found() {
        let rules = parse(LISTING);
        assert_eq!(rules.len(), 3);
        let meets = |gid: u32| rules.iter().filter(|rule| rule.can_meet(GroupId(gid))).count();
        // 30216 is 0x7608.
        assert_eq!((meets(30216), meets(30217), meets(30000)), (1, 0, 0));
        // The whole mark 0xca6c has the group half of gid 0.
        assert_eq!(meets(0), 1);
    }

    #[test]
    fn what_is_no_listing_has_no_rules() {
        assert_eq!(parse(""), []);
        assert_eq!(parse(r#"[{"fwmark":"x","priority":1},{"fwmark":"0x1"}]"#), []);
    }
}
