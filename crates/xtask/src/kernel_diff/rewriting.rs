//! Sets of rules that change packets and connections, and rules behind them that look at what was changed.

use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables::packet::Transport;
use ptables_judge::world::{DEVICES, MARK_BITS};

use super::draft::{Draft, Wish, extension, tcp_options};
use super::pool;
use super::rng::Rng;
use super::ruleset::{Plan, Rules, chain_of};
use super::targets;

impl Rules {
    /// Few rules that change much, without many conditions.
    pub fn rewriting(plan: Plan, rng: &mut Rng) -> Rules {
        let mut aims: Vec<(Hook, Vec<Wish>)> = Vec::new();
        let mut one_way_out = false;
        let text = plan.text(|table, hooks, text| {
            for hook in hooks {
                let changes = match table {
                    "mangle" => rng.below(4),
                    "nat" => rng.below(3),
                    _ => 0,
                };
                for _ in 0..changes {
                    let (target, proto) = match table {
                        "nat" => targets::nat(rng, plan, *hook),
                        _ => targets::mangle(rng, plan, *hook),
                    };
                    if target.text.contains("TPROXY") {
                        continue;
                    }
                    one_way_out |= *hook == Hook::Output && target.reroutes;
                    let proto_text = proto.map(|it| format!(" -p {it}")).unwrap_or_default();
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "-A {}{proto_text}{}", chain_of(*hook), target.text);
                    if target.text.contains("-j CONNMARK") && rng.chance(50) {
                        // The mark of the connection leaves with the packet.
                        let _ = writeln!(
                            text,
                            "-A {} -j CONNMARK --restore-mark --nfmask {MARK_BITS:#x} --ctmask {MARK_BITS:#x}",
                            chain_of(*hook)
                        );
                    }
                    if target.text.contains("-j HMARK") && plan.tracked && rng.chance(40) {
                        // What is not known of the one mark is not known of the other.
                        let _ = writeln!(text, "-A {} -j CONNMARK --save-mark", chain_of(*hook));
                    }
                    aims.push((*hook, vec![aim(&target.text, proto)]));
                }
                let looks = if table == "raw" || rng.chance(30) { 0 } else { rng.within(3, 9) };
                for _ in 0..looks {
                    let look = look(plan, rng, *hook);
                    let _ = writeln!(text, "-A {}{look}", chain_of(*hook));
                }
                if table == "security" && *hook == Hook::Input && plan.nft && plan.tracked {
                    // Here alone something stands behind the translation of sources.
                    let (address, length) = (pool::foreign(rng, plan.v6), if plan.v6 { 34 } else { 8 });
                    let address = pool::text(address, plan.v6);
                    for name in ["ctrepldst", "ctorigsrc"] {
                        let _ = writeln!(text, "-A INPUT -m conntrack --{name} {address}/{length}");
                    }
                }
            }
        });
        let scope = plan.scope(one_way_out, DEVICES.len());
        Rules { scope, text, aims, theme: None, waits: false }
    }
}

/// What makes a packet one that such a target changes.
fn aim(target: &str, proto: Option<u8>) -> Wish {
    let (segment, hash) =
        (target.contains("TCPMSS") || target.contains("TCPOPTSTRIP"), target.contains("HMARK"));
    Rc::new(move |draft: &mut Draft, rng: &mut Rng| {
        if let Some(proto) = proto {
            draft.become_proto(proto, rng);
        }
        if segment {
            let full = rng.chance(15);
            draft.tcp(rng, |tcp| tcp.flags = 2);
            let options = if rng.chance(70) { tcp_options(rng) } else { Vec::new() };
            draft.tcp(rng, |tcp| {
                tcp.options = options;
                if full {
                    tcp.options.resize(40, 1);
                }
            });
            if rng.chance(65) {
                draft.layout.payload.clear();
            }
            if rng.chance(6) {
                let offset = rng.pick(&[1, 2, 4096]);
                if draft.v6 {
                    draft.add_fragment(7, offset, true, 0);
                } else {
                    (draft.layout.fragment, draft.layout.transport) = (offset, Transport::None);
                }
                draft.layout.payload.resize(24, rng.pick(&[2, 0x50, 0xff]));
            }
        }
        if hash {
            match rng.below(7) {
                0 | 1 => error(draft, rng),
                2 => draft.become_proto(rng.pick(&[50, 51, 136, 132]), rng),
                3 if draft.v6 => {
                    // A routing header of which few bytes are there.
                    let number = rng.pick(&[43, 51]);
                    draft.layout.extensions.clear();
                    draft.extension(number, extension(number, rng));
                    draft.cut = Some(40 + rng.pick(&[0, 1, 2, 2, 3, 4, 5, 8]));
                }
                4 if draft.v6 => {
                    draft.become_proto(rng.pick(&[59, 60, 43, 17, 50]), rng);
                    draft.add_fragment(7, rng.pick(&[0, 0, 1, 2]), true, rng.pick(&[0, 0, 4]));
                }
                _ => {}
            }
        }
    })
}

/// An ICMP error about a packet, which may be cut off, a fragment, or no such packet.
fn error(draft: &mut Draft, rng: &mut Rng) {
    let v6 = draft.v6;
    draft.become_proto(if v6 { 58 } else { 1 }, rng);
    let kind = if v6 { rng.pick(&[1, 2, 3, 4, 128, 127]) } else { rng.pick(&[3, 4, 5, 11, 12, 8, 13]) };
    draft.layout.transport = Transport::Icmp { kind, code: 0, rest: 0 };
    let mut inner = draft.layout.clone();
    (inner.source, inner.destination) = (pool::address(rng, v6), pool::address(rng, v6));
    inner.extensions.clear();
    inner.proto = rng.pick(&[6, 17, 17, 50, 51, if v6 { 58 } else { 1 }]);
    if !v6 {
        inner.fragment = rng.pick(&[0, 0, 0x2000, 5, 0x4000]);
    } else if rng.chance(30) {
        inner.extensions.push((44, vec![0, 0, rng.pick(&[0, 1, 8, 9]), 0, 0, 0, 7]));
        inner.proto = rng.pick(&[inner.proto, inner.proto, 59, 60, 43]);
    } else if rng.chance(30) {
        inner.extensions.push((43, extension(43, rng)));
    }
    inner.transport = match inner.proto {
        50 => Transport::Esp { spi: rng.pick(&pool::NUMBERS), sequence: 1 },
        51 => Transport::Ah {
            next: 17,
            reserved: 0,
            spi: rng.pick(&pool::NUMBERS),
            sequence: 1,
            check: Vec::new(),
        },
        6 | 17 => Transport::Udp { source: rng.pick(&pool::PORTS), destination: rng.pick(&pool::PORTS) },
        _ => Transport::Icmp { kind: 8, code: 0, rest: 9 },
    };
    inner.payload = vec![7; 8];
    let family = if v6 { ptables::dialect::Family::V6 } else { ptables::dialect::Family::V4 };
    let mut bytes = inner.to_bytes(family).unwrap_or_default();
    if rng.chance(35) {
        let few = rng.below(bytes.len() as u64 + 1);
        // Often within the first bytes behind the IP header.
        let few = if v6 && rng.chance(60) { 40 + few % 12 } else { few };
        bytes.truncate(few as usize);
    }
    draft.layout.payload = bytes;
}

/// A rule that looks at what may have been changed.
fn look(plan: Plan, rng: &mut Rng, hook: Hook) -> String {
    let v6 = plan.v6;
    let address = pool::text(pool::foreign(rng, v6), v6);
    let not = if rng.chance(15) { " !" } else { "" };
    let length = if v6 { rng.pick(&[128, 64, 48, 34]) } else { rng.pick(&[32, 24, 16, 8]) };
    let incoming = matches!(hook, Hook::Prerouting | Hook::Input | Hook::Forward);
    match rng.below(18) {
        0 | 1 => format!("{not} -s {address}/{length}"),
        2 | 3 => format!("{not} -d {address}/{length}"),
        4 => format!(" -p 6 -m tcp --dport {}", rng.pick(&["22", "8080", "1000:1010", "65535"])),
        5 => format!(" -p 17 -m udp --sport {}", rng.pick(&["22", "8080", "40000", "65535"])),
        6 => format!(" -p 6 -m tcpmss{not} --mss {}", rng.pick(&["0:535", "536", "537:1300", "1400:65535"])),
        7 => " -p 6 -m tcp --tcp-option 2".to_owned(),
        8 => format!(
            " -m mark{not} --mark {:#x}/{:#x}",
            rng.pick(&pool::MARKS),
            rng.pick(&[0xff_u32, 1, 0xffff_ffff])
        ),
        9 => format!(" -m tos{not} --tos {:#x}/0xff", rng.pick(&pool::TOS)),
        10 if plan.decided || !incoming => String::new(),
        10 => format!(" -m addrtype{not} --dst-type LOCAL"),
        11 if v6 => " -m u32 --u32 \"36&0xffff=0:0x7fff\"".to_owned(),
        11 => " -m u32 --u32 \"16&0xffff=0:0x7fff\"".to_owned(),
        _ if !plan.tracked => format!("{not} -d {address}/{length}"),
        15 if !plan.entries && rng.chance(60) => {
            " -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 0x1".to_owned()
        }
        17 if !plan.entries && rng.chance(60) => {
            format!(" -m pkttype{not} --pkt-type {}", rng.pick(&["unicast", "multicast"]))
        }
        16 => {
            // It is set in one place, and asked for in another.
            let label = rng.pick(&[0, 1, 40, 127]);
            let set = if not.is_empty() && rng.chance(50) { " --set" } else { "" };
            let iface = match (rng.below(3), incoming) {
                (0, true) => " -i eth+",
                (0, false) => " -o eth+",
                _ => "",
            };
            format!("{iface} -m connlabel{not} --label {label}{set}")
        }
        12 => format!(" -m conntrack{not} --ctstate {}", rng.pick(&["DNAT", "SNAT", "NEW", "ESTABLISHED"])),
        13 => format!(
            " -m conntrack{not} --{} {address}/{length}",
            rng.pick(&["ctreplsrc", "ctrepldst", "ctorigsrc", "ctorigdst"])
        ),
        14 | 15 => {
            let name = rng.pick(&["ctreplsrcport", "ctrepldstport", "ctorigsrcport", "ctorigdstport"]);
            format!(
                " -m conntrack{not} --{name} {}",
                rng.pick(&["22", "8080", "40000", "1000:1010", "1:1024"])
            )
        }
        _ => format!(
            " -m connmark{not} --mark {:#x}/{:#x}",
            rng.pick(&pool::MARKS),
            rng.pick(&[0xff_u32, 1, 0xffff_ffff])
        ),
    }
}
