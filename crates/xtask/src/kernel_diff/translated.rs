//! Translations of addresses of which not all is told, and of prefixes; and many rules behind them that look at what they leave.

use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables::packet::Transport;
use ptables_judge::world::{DEVICES, Path};

use super::draft::{Draft, Wish};
use super::pool;
use super::rng::Rng;
use super::ruleset::{Plan, Rules, chain_of};

impl Rules {
    /// Few rules that translate, and looks behind them: of connections where these are tracked, else of prefixes of IPv6.
    pub fn translated(plan: Plan, rng: &mut Rng) -> Rules {
        let text = plan.text(|table, hooks, text| {
            for hook in hooks {
                let chain = chain_of(*hook);
                let changes = match (table, hook) {
                    ("nat", Hook::Prerouting | Hook::Input) => rng.within(1, 2),
                    ("mangle", Hook::Prerouting | Hook::Input) if !plan.tracked => rng.within(1, 2),
                    _ => 0,
                };
                for _ in 0..changes {
                    let change =
                        if plan.tracked { translation(plan, rng, *hook) } else { prefix(rng, *hook) };
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "-A {chain}{change}");
                }
                let looks = match (table, hook) {
                    ("filter", Hook::Input | Hook::Forward) => 8,
                    ("security", Hook::Input) => 8,
                    ("mangle", Hook::Prerouting) if !plan.tracked => 2,
                    _ => 0,
                };
                for _ in 0..looks {
                    let look = look(plan, rng);
                    let _ = writeln!(text, "-A {chain}{look}");
                }
            }
        });
        let scope = plan.scope(false, DEVICES.len());
        Rules { scope, text, aims: vec![(Hook::Prerouting, vec![aim(plan)])], theme: None, waits: false }
    }
}

/// DNAT or SNAT, often to several addresses or ports.
fn translation(plan: Plan, rng: &mut Rng, hook: Hook) -> String {
    let v6 = plan.v6;
    let (one, other) = (pool::foreign(rng, v6), pool::foreign(rng, v6));
    let (one, other) = (one.min(other), one.max(other));
    let (one, other) = (pool::text(one, v6), pool::text(other, v6));
    let proto = rng.pick(&[6, 17]);
    let ports = rng.pick(&["22-8080", "1-1024", "1024-65535", "400-500", "443", "22"]);
    let (name, option) =
        if hook == Hook::Prerouting { ("DNAT", "--to-destination") } else { ("SNAT", "--to-source") };
    match (rng.below(4), v6) {
        (0, _) => format!(" -j {name} {option} {one}-{other}"),
        (1, false) => format!(" -p {proto} -j {name} {option} :{ports}"),
        (_, false) => format!(" -p {proto} -j {name} {option} {one}:{ports}"),
        (_, true) => format!(" -p {proto} -j {name} {option} [{one}]:{ports}"),
    }
}

/// SNPT or DNPT.
fn prefix(rng: &mut Rng, hook: Hook) -> String {
    let length = rng.pick(&[0, 32, 48, 48, 56, 64]);
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    let mut net = || pool::text(pool::foreign(rng, true) & mask, true);
    let (from, to) = (net(), net());
    let name = if hook == Hook::Prerouting { "DNPT" } else { "SNPT" };
    format!(" -j {name} --src-pfx {from}/{length} --dst-pfx {to}/{length}")
}

/// A rule that looks at what a translation may have left.
fn look(plan: Plan, rng: &mut Rng) -> String {
    let v6 = plan.v6;
    let not = if rng.chance(25) { " !" } else { "" };
    let address = pool::text(pool::foreign(rng, v6), v6);
    let length = if v6 { rng.pick(&[128, 64, 34]) } else { rng.pick(&[32, 24, 8]) };
    let ports = rng.pick(&["22", "443", "1024", "400:500", "8080", "1:1024"]);
    let proto = rng.pick(&["6 -m tcp", "17 -m udp"]);
    match rng.below(if plan.tracked { 13 } else { 5 }) {
        0 => format!("{not} -s {address}/{length}"),
        1 => format!("{not} -d {address}/{length}"),
        2 => format!(" -m addrtype{not} --src-type LOCAL"),
        3 => format!(" -m addrtype{not} --dst-type LOCAL"),
        4 => format!(" -p {proto}{not} --sport {ports}"),
        5 => format!(" -p {proto}{not} --dport {ports}"),
        6 => " -p 6 -m multiport --ports 22,443".to_owned(),
        7 => format!(" -m conntrack{not} --ctstate {}", rng.pick(&["DNAT", "SNAT"])),
        8 | 9 => {
            let name = rng.pick(&["ctreplsrc", "ctrepldst", "ctorigsrc", "ctorigdst"]);
            format!(" -m conntrack{not} --{name} {address}/{length}")
        }
        _ => {
            let name = rng.pick(&["ctreplsrcport", "ctrepldstport", "ctorigsrcport", "ctorigdstport"]);
            format!(" -m conntrack{not} --{name} {ports}")
        }
    }
}

/// A packet that begins a connection; without them, often an error about a packet, or one that looks like that.
fn aim(plan: Plan) -> Wish {
    let v6 = plan.v6;
    Rc::new(move |draft: &mut Draft, rng: &mut Rng| {
        draft.shot.path = rng.pick(&[Path::Input, Path::Forward]);
        draft.layout.extensions.clear();
        draft.layout.fragment = 0;
        if plan.tracked {
            draft.become_proto(rng.pick(&[6, 6, 17]), rng);
            draft.ports(Some(rng.pick(&[22, 443, 1024])), Some(rng.pick(&[22, 443, 1024, 8080, 65535])));
            if draft.layout.proto == 6 {
                draft.tcp(rng, |tcp| tcp.flags = 2);
            }
            return;
        }
        if v6 && rng.chance(60) {
            // Behind both headers stands the packet that an error is about.
            let mut inner = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
            inner.extend(pool::foreign(rng, true).to_be_bytes());
            inner.extend(pool::foreign(rng, true).to_be_bytes());
            inner.truncate(rng.pick(&[40, 40, 40, 39, 38]));
            inner.extend(vec![7; rng.pick(&[0, 0, 8])]);
            if rng.chance(60) {
                draft.become_proto(58, rng);
                let kind = rng.pick(&[1, 2, 3, 4, 128, 5]);
                draft.layout.transport = Transport::Icmp { kind, code: 0, rest: 0 };
            } else {
                // A port that begins as the type of an error.
                draft.become_proto(17, rng);
                draft.ports(Some(rng.pick(&[0x0103, 0x0200, 0x0401])), None);
            }
            draft.layout.payload = inner;
        }
    })
}
