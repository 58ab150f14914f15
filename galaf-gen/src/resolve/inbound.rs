//! Services that may be reached from outside, as one rule after the other.

use std::collections::BTreeMap;

use galaf::config::{Addresses, Family, Inbound};
use galaf::id::{GroupId, UserId};
use galaf::json::JsonPath;
use galaf::mark::{Mark, UNKNOWN, half};
use galaf::name::Name;

use super::grants::with;
use super::{Context, Messages};
use crate::policy::Service;

/// The rules of `inbound`.
pub(super) fn services(context: &Context<'_>, gids: &BTreeMap<Name, GroupId>, problems: &mut Messages) -> Vec<Service> {
    let mut services = Vec::new();
    for (index, item) in context.config.inbound.iter().enumerate() {
        let at = JsonPath::root().key("inbound").index(index);
        let mark = item.mark.as_ref().and_then(|name| mark(name, context, gids, &at.key("mark"), problems));
        let with = with(&item.protocols, context, &at, problems);
        for (family, from) in sources(item) {
            services.extend(with.iter().map(|with| Service {
                index,
                name: item.service.clone(),
                family,
                from: from.clone(),
                with: with.clone(),
                mark,
                limit: item.limit,
                comment: item.comment.clone(),
            }));
        }
    }
    services
}

/// Where from, by family; `None` is anywhere, which includes every address.
fn sources(item: &Inbound) -> Vec<(Family, Option<Addresses>)> {
    if item.from.anywhere {
        return Family::ALL.map(|family| (family, None)).into();
    }
    let addresses = |family| Some((family, Some(item.from.addresses_of(family, &Family::ALL)?)));
    Family::ALL.into_iter().filter_map(addresses).collect()
}

/// The mark of an application of the file, else of an account, else of a group.
fn mark(
    name: &Name,
    context: &Context<'_>,
    gids: &BTreeMap<Name, GroupId>,
    at: &JsonPath,
    problems: &mut Messages,
) -> Option<Mark> {
    let of_group = |gid: GroupId| Mark::from_halves(half(gid.0), UNKNOWN);
    let of_user = |uid: UserId| match uid {
        UserId::ROOT => Mark::ROOT,
        uid => Mark::from_halves(UNKNOWN, half(uid.0)),
    };
    let accounts = context.accounts;
    let application = gids.get(name).copied().map(of_group);
    let user = || accounts.users.get(name.as_str()).map(|user| of_user(user.uid));
    let group = || accounts.groups.get(name.as_str()).map(|group| of_group(group.gid));
    let mark = application.or_else(user).or_else(group);
    if mark.is_none() && !context.config.groups.contains_key(name) {
        problems.push((at.clone(), format!("this machine has no user or group '{name}'")));
    }
    mark
}
