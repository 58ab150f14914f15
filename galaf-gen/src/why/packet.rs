//! What is asked about, and what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use galaf::config::Family;

use super::{Destination, Target};
use crate::accounts::Services;
use crate::policy::Policy;
use crate::render::learned::LearnedSets;

/// The first packet of something that begins.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What its socket's creator had as group; `None` for one that no application has.
    pub gid: Option<u32>,
    /// What its socket's creator had as user; `None` for one that no entry is for.
    pub uid: Option<u32>,
    /// Where to, and what with.
    pub target: &'a Target,
    /// Its family; that of the address, if the target has one.
    pub family: Family,
}

impl Packet<'_> {
    /// Where to, if that is known.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.target.to {
            Destination::Address(address) => Some(address),
            Destination::Name(_) => None,
        }
    }
}

/// What a packet is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The rules.
    pub policy: &'a Policy,
    /// Which names fill which sets.
    pub learned: &'a LearnedSets,
    /// Ports by the name that a rule's text may give them.
    pub services: &'a Services,
    /// Addresses of this machine: it reaches them over the loopback.
    pub own: &'a [IpAddr],
    /// The addresses that are in the learned sets, by set; `None` if the kernel was not asked.
    pub elements: Option<&'a BTreeMap<String, BTreeSet<IpAddr>>>,
    /// Seconds since the epoch.
    pub now: i64,
}
