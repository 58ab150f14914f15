//! The table that lets nothing through but the machine's traffic with itself, and the end of any table.
//! Both without a child process, so that they work when `nft` does not.

use galaf::paths::TABLE;
use rustables::error::{BuilderError, QueryError};
use rustables::expr::{Cmp, CmpOp, Immediate, Meta, MetaType, VerdictKind};
use rustables::{Batch, Chain, ChainPolicy, ChainType, Hook, HookClass, MsgType, ProtocolFamily, Rule, Table};

/// Priority `filter` (nft(8), CHAINS).
const FILTER: i32 = 0;
/// An interface name as the kernel compares it: with its final NUL.
const LOOPBACK: &[u8] = b"lo\0";

/// Why the table could not be set or removed.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The kernel or the socket to it.
    #[error("nf_tables refuses: {}", super::text_of(.0))]
    Query(#[from] QueryError),
    /// A message without a part it needs.
    #[error("cannot build the locked table: {0}")]
    Build(#[from] BuilderError),
}

/// Puts the locked table in the place of whatever table of ours there is, in one transaction. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If the kernel refuses; it is then unchanged.
pub fn lock() -> Result<(), LockError> {
    let mut batch = Batch::new();
    let table = removal(&mut batch).add_to_batch(&mut batch);
    for (name, hook, interface) in
        [("input", HookClass::In, MetaType::IifName), ("output", HookClass::Out, MetaType::OifName)]
    {
        let chain = Chain::new(&table)
            .with_name(name.to_owned())
            .with_type(ChainType::Filter)
            .with_hook(Hook::new(hook, FILTER))
            .with_policy(ChainPolicy::Drop)
            .add_to_batch(&mut batch);
        Rule::new(&chain)?
            .with_expr(Meta::new(interface))
            .with_expr(Cmp::new(CmpOp::Eq, LOOPBACK))
            .with_expr(Immediate::new_verdict(VerdictKind::Accept))
            .add_to_batch(&mut batch);
    }
    Ok(batch.send()?)
}

/// Removes our table. Needs `CAP_NET_ADMIN`.
///
/// # Errors
/// If the kernel refuses; the table is then unchanged.
pub fn remove() -> Result<(), LockError> {
    let mut batch = Batch::new();
    removal(&mut batch);
    Ok(batch.send()?)
}

/// Declares the table before it is deleted: deleting one that is not there is an error.
fn removal(batch: &mut Batch) -> Table {
    let table = Table::new(ProtocolFamily::Inet).with_name(TABLE.to_owned()).add_to_batch(batch);
    batch.add(&table, MsgType::Del);
    table
}
