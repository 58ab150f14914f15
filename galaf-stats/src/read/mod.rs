//! What is asked of the system: the firewall's sets through nft, names through files and name services.

pub(crate) mod names;
mod nft;
mod parse;
pub(crate) mod sets;
