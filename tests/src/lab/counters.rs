//! What the workstation counted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::{AddAssign, Sub};

use anyhow::{Context, Result};
use galaf::mark::Mark;
use serde_json::Value;

/// Packets and their bytes, from the IP header on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { packets: self.packets - other.packets, bytes: self.bytes - other.bytes }
    }
}

/// The sets of the firewall, as `galaf-stats --json` has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What was to be sent, by mark.
    pub out_before: BTreeMap<u32, Count>,
    /// What was sent, by mark.
    pub out_after: BTreeMap<u32, Count>,
    /// What was received, by mark.
    pub in_after: BTreeMap<u32, Count>,
    /// What was refused, by mark, address, protocol number and port.
    pub refused: BTreeMap<(u32, IpAddr, u8, u16), Count>,
    /// What was let through by audit, in the same way.
    pub audited: BTreeMap<(u32, IpAddr, u8, u16), Count>,
}

impl Counters {
    /// Reads the document.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text)?;
        Self::read(&document).context("not what 'galaf-stats --json' prints")
    }

    fn read(document: &Value) -> Option<Self> {
        let set = |name: &str| {
            let elements = document["sets"][name]["elements"].as_array()?.iter();
            elements.map(|element| Some((mark(element)?, count(element)?))).collect::<Option<BTreeMap<_, _>>>()
        };
        let destination = |row: &Value| {
            let protocol = u8::try_from(row["protocol"].as_u64()?).ok()?;
            // Protocols without ports have none.
            let port = u16::try_from(row["port"].as_u64().unwrap_or(0)).ok()?;
            Some(((mark(row)?, row["address"].as_str()?.parse().ok()?, protocol, port), count(row)?))
        };
        let destinations = |rows: &Value| rows.as_array().into_iter().flatten().map(destination).collect::<Option<_>>();
        document["refused"].as_array()?;
        Some(Self {
            out_before: set("out_before")?,
            out_after: set("out_after")?,
            in_after: set("in_after")?,
            refused: destinations(&document["refused"])?,
            audited: destinations(&document["audited"])?,
        })
    }

    /// Everything refused to `mark`.
    pub fn refused_to(&self, mark: Mark) -> Count {
        let own = self.refused.iter().filter(|((owner, ..), _)| *owner == mark.0);
        own.fold(Count::default(), |mut sum, (_, count)| {
            sum += *count;
            sum
        })
    }
}

fn mark(value: &Value) -> Option<u32> {
    u32::try_from(value["mark"].as_u64()?).ok()
}

fn count(value: &Value) -> Option<Count> {
    Some(Count { packets: value["packets"].as_u64()?, bytes: value["bytes"].as_u64()? })
}
