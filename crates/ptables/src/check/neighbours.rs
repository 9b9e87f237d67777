//! An INPUT chain of IPv6 whose policy is DROP, and that forgets neighbour discovery.

use super::{Facts, input};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    if facts.ruleset.context.family != Family::V6 {
        return;
    }
    let Some(chain) = input::closed(facts) else { return };
    // A question and an answer of neighbours, at each interface that rules name, and at one that they do not.
    let asked = input::interfaces(facts)
        .iter()
        .flat_map(|iface| {
            [
                format!(
                    "icmpv6 fe80::2 -> ff02::1:ff00:1 in {iface} type=neighbour-solicitation hop-limit=255"
                ),
                format!("icmpv6 fe80::2 -> fe80::1 in {iface} type=neighbour-advertisement hop-limit=255"),
            ]
        })
        .collect::<Vec<_>>();
    if !input::all_dropped(facts, &asked) {
        return;
    }
    let message =
        "the policy drops neighbour discovery, without which nothing reaches this machine over IPv6";
    let warning = Diagnostic::warning(codes::CHECK_NEIGHBOURS_DROPPED, message).at(chain.origin.clone(), "");
    found.push(warning.help(
        "accept ICMPv6 types 133 to 136 with hop limit 255: `-A INPUT -p ipv6-icmp --icmpv6-type neighbour-solicitation -m hl --hl-eq 255 -j ACCEPT`, and so on",
    ));
}
