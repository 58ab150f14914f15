//! What runs in the kernel.

use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::macros::{cgroup_sock, map};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::SockContext;
use aya_log_ebpf::warn;
use galaf::fold::{MAX_TRUSTED_BASES, both_plain, fold};
use galaf::id::{GroupId, UserId};
use galaf::mark::Mark;

/// The hook's verdict that lets the socket be made. A firewall that failed to mark would still
/// refuse the unmarked, so nothing here has a reason to refuse.
const ALLOW: i32 = 1;

/// The helpers used are not GPL-only, but the kernel tells its modules and programs apart by this section.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

/// Bases of the containers that root trusts. The value means nothing.
#[map]
static TRUSTED_BASES: HashMap<u32, u8> = HashMap::with_max_entries(MAX_TRUSTED_BASES, 0);

/// Marks the socket that the calling process is creating.
#[cgroup_sock(sock_create)]
pub(crate) fn galaf_mark(ctx: SockContext) -> i32 {
    let (gid, uid) = current_ids();
    let mark = if both_plain(gid, uid) { Mark::new(gid, uid) } else { mark_of_other_ids(gid, uid) };
    // SAFETY: the kernel passes a live socket, and the verifier accepts this store to `mark` only.
    unsafe { (*ctx.sock).mark = mark.0 };
    ALLOW
}

#[allow(clippy::as_conversions, reason = "the helper packs two ids of 32 bits into 64")]
fn current_ids() -> (GroupId, UserId) {
    let both = bpf_get_current_uid_gid();
    (GroupId((both >> 32) as u32), UserId(both as u32))
}

/// Kept out of line, so that a socket of ordinary ids never pays for the map and the log.
#[cold]
#[inline(never)]
fn mark_of_other_ids(gid: GroupId, uid: UserId) -> Mark {
    if let Some(mark) = fold(gid, uid, |base| TRUSTED_BASES.get_ptr(base.get()).is_some()) {
        return mark;
    }
    let mark = Mark::new(gid, uid);
    warn!(
        &(),
        "gid {} uid {}: ids neither of the host nor of a trusted container, marked 0x{:x}", gid.0, uid.0, mark.0
    );
    mark
}

/// The linker drops it: no path of the program reaches a panic.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
