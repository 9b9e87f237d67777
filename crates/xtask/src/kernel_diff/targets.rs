//! Targets by chance.

use ptables::ext::Hook;
use ptables_judge::world::MARK_BITS;

use super::pieces::within;
use super::pool;
use super::rng::Rng;
use super::ruleset::Plan;

/// What stands at the end of a rule.
pub struct Target {
    /// The text, with a blank before it, or nothing.
    pub text: String,
    /// Whether it may change the route of a packet on the output path.
    pub reroutes: bool,
}

/// A target, and the protocol that it needs.
pub fn random(rng: &mut Rng, plan: Plan, table: &str, hook: Hook, later: &[String]) -> (Target, Option<u8>) {
    let plain = |text: &str| (Target { text: text.to_owned(), reroutes: false }, None);
    if !later.is_empty() && rng.chance(35) {
        let chain = &later[rng.below(later.len() as u64) as usize];
        let how = if rng.chance(75) { "-j" } else { "-g" };
        return plain(&format!(" {how} {chain}"));
    }
    if rng.chance(50) {
        match table {
            "raw" => return raw(rng, plan),
            "mangle" => return mangle(rng, plan, hook),
            "nat" => return nat(rng, plan, hook),
            "filter" => return filter(rng, plan),
            _ => {}
        }
    }
    match rng.below(10) {
        0..=2 => plain(" -j ACCEPT"),
        // Table nat takes no DROP.
        3 | 4 if table != "nat" => plain(" -j DROP"),
        5 | 6 => plain(" -j RETURN"),
        _ => plain(""),
    }
}

fn plain(text: String) -> (Target, Option<u8>) {
    (Target { text, reroutes: false }, None)
}

fn raw(rng: &mut Rng, plan: Plan) -> (Target, Option<u8>) {
    if plan.tracked && rng.chance(50) {
        // With the last one, what the namespace leaves untracked would be tracked.
        let all = [" -j CT --notrack", " -j NOTRACK", " -j CT --ctevents new"];
        return plain(rng.pick(if plan.entries || plan.decided { &all[..2] } else { &all }).to_owned());
    }
    mark(rng)
}

fn mark(rng: &mut Rng) -> (Target, Option<u8>) {
    let value = within(rng.pick(&pool::MARKS));
    let mask = within(rng.pick(&pool::MARK_MASKS));
    let text = match rng.below(5) {
        0 => format!("--set-xmark {value:#x}/{mask:#x}"),
        1 => format!("--set-mark {value:#x}/{mask:#x}"),
        2 => format!("--and-mark {value:#x}"),
        3 => format!("--or-mark {value:#x}"),
        _ => format!("--xor-mark {value:#x}"),
    };
    (Target { text: format!(" -j MARK {text}"), reroutes: true }, None)
}

pub(super) fn mangle(rng: &mut Rng, plan: Plan, hook: Hook) -> (Target, Option<u8>) {
    let changes = |text: String| (Target { text, reroutes: true }, None);
    match rng.below(16) {
        9 if matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting) => {
            return plain(" -j CLASSIFY --set-class 1:2".to_owned());
        }
        10 => return segment(rng, plan, hook),
        11 if plan.v6 && !plan.tracked && !plan.decided => return prefix(rng, hook),
        12 | 13 => return changes(hmark(rng, plan)),
        14 if hook == Hook::Prerouting && plan.tracked => {
            let text = " -j TPROXY --on-port 8080 --tproxy-mark 0x1/0x1".to_owned();
            return (Target { text, reroutes: false }, Some(rng.pick(&[6, 17])));
        }
        _ => {}
    }
    match rng.below(10) {
        0..=2 => mark(rng),
        3 => {
            let value = rng.pick(&pool::TOS);
            let text = match rng.below(4) {
                0 => format!("--set-tos {value:#x}/{:#x}", rng.pick(&[0xff, 0x3f, 0x0f])),
                1 => format!("--and-tos {value:#x}"),
                2 => format!("--or-tos {value:#x}"),
                _ => format!("--xor-tos {value:#x}"),
            };
            changes(format!(" -j TOS {text}"))
        }
        4 => changes(format!(" -j DSCP --set-dscp {}", rng.pick(&[0, 8, 46, 63]))),
        5 | 6 => {
            let (name, option) = if plan.v6 { ("HL", "hl") } else { ("TTL", "ttl") };
            let (how, value) = match rng.below(3) {
                // A packet whose hops are used up is no longer forwarded.
                0 => ("set", rng.pick(&[1, 2, 64, 255])),
                1 => ("inc", rng.pick(&[1, 100, 255])),
                _ => ("dec", rng.pick(&[1, 2, 70])),
            };
            let text = format!(" -j {name} --{option}-{how} {value}");
            (Target { text, reroutes: plan.v6 }, None)
        }
        7 if !plan.v6 && plan.tracked => {
            let text = rng.pick(&[
                "--ecn-tcp-remove",
                "--ecn-tcp-ece 1 --ecn-tcp-cwr 0",
                "--ecn-tcp-cwr 1",
                "--ecn-ip-ect 2",
                "--ecn-ip-ect 0 --ecn-tcp-ece 0",
            ]);
            // Another TOS asks for another route.
            (Target { text: format!(" -j ECN {text}"), reroutes: true }, Some(6))
        }
        8 if plan.tracked => {
            let value = rng.pick(&pool::MARKS);
            let mask = within(rng.pick(&pool::MARK_MASKS));
            let other = within(rng.pick(&pool::MARK_MASKS));
            let text = match rng.below(15) {
                // What is shifted stays within the bits that a namespace leaves to tests.
                9 => format!(
                    "--restore-mark --nfmask {mask:#x} --ctmask 0xff --left-shift-mark {}",
                    rng.below(9)
                ),
                10 => format!(
                    "--restore-mark --nfmask {mask:#x} --ctmask {other:#x} --right-shift-mark {}",
                    rng.below(9)
                ),
                11..=13 => format!(
                    "--set-xmark {value:#x}/{mask:#x} --right-shift-mark {}",
                    rng.pick(&[0, 1, 1, 2, 4, 8])
                ),
                14 => format!(
                    "--set-xmark {:#x}/0xffffffff --left-shift-mark {}",
                    value & 0xff,
                    rng.pick(&[1, 4, 8])
                ),
                0 => format!("--set-xmark {value:#x}/{mask:#x}"),
                1 => format!("--save-mark --nfmask {mask:#x} --ctmask {mask:#x}"),
                4 => format!("--and-mark {value:#x}"),
                5 => format!("--xor-mark {value:#x}"),
                6 => format!("--save-mark --nfmask {mask:#x} --ctmask {other:#x}"),
                7 => format!("--restore-mark --nfmask {mask:#x} --ctmask {other:#x}"),
                2 => format!("--restore-mark --nfmask {mask:#x} --ctmask {mask:#x}"),
                3 => format!("--or-mark {value:#x}"),
                _ => "--save-mark".to_owned(),
            };
            changes(format!(" -j CONNMARK {text}"))
        }
        _ if matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting) => {
            plain(" -j CLASSIFY --set-class 1:2".to_owned())
        }
        _ => mark(rng),
    }
}

/// What rewrites the header of TCP.
fn segment(rng: &mut Rng, plan: Plan, hook: Hook) -> (Target, Option<u8>) {
    let syn = " -m tcp --tcp-flags SYN,RST SYN -j TCPMSS";
    let text = match rng.below(4) {
        // What the path takes is not told.
        0 if !plan.decided && hook == Hook::Forward => format!("{syn} --clamp-mss-to-pmtu"),
        0 | 1 => format!("{syn} --set-mss {}", rng.pick(&[1, 535, 536, 1219, 1220, 1300, 1459, 1460, 65495])),
        _ => {
            let options = rng.pick(&["2", "mss,wscale", "sack-permitted", "254", "3,5", "5,254"]);
            format!(" -j TCPOPTSTRIP --strip-options {options}")
        }
    };
    (Target { text, reroutes: false }, Some(6))
}

/// What replaces a prefix of IPv6.
fn prefix(rng: &mut Rng, hook: Hook) -> (Target, Option<u8>) {
    let lengths = [0, 32, 47, 48, 48, 49, 56, 64];
    let (from, to) = (rng.pick(&lengths), rng.pick(&lengths));
    let net = |rng: &mut Rng, length: u32| {
        let mut address = pool::foreign(rng, true);
        if rng.chance(40) {
            address ^= 0xfff0_0000 << 64;
        }
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        format!("{}/{length}", pool::text(address & mask, true))
    };
    let name = match hook {
        Hook::Prerouting | Hook::Output => "DNPT",
        Hook::Input | Hook::Postrouting => "SNPT",
        Hook::Forward => return mark(rng),
    };
    let from = net(rng, from);
    let to = match net(rng, to) {
        // Of nothing but zeros may come ::1, to which no packet is routed.
        zeros if zeros.starts_with("::/") => "8000::/1".to_owned(),
        to => to,
    };
    (Target { text: format!(" -j {name} --src-pfx {from} --dst-pfx {to}"), reroutes: true }, None)
}

/// A mark by a hash.
fn hmark(rng: &mut Rng, plan: Plan) -> String {
    let mut parts = Vec::new();
    for name in ["src", "dst", "sport", "dport", "proto"] {
        if rng.chance(45) {
            parts.push(name);
        }
    }
    if parts.is_empty() {
        parts.push(rng.pick(&["spi", "src", "proto"]));
    }
    if plan.tracked && rng.chance(35) {
        parts.push("ct");
    }
    let mut text = format!(" -j HMARK --hmark-tuple {}", parts.join(","));
    let ports = parts.iter().any(|it| it.ends_with("port"));
    if ports && rng.chance(20) {
        text.push_str(rng.pick(&[" --hmark-sport 0x0100", " --hmark-dport 0x8000"]));
    }
    if parts.iter().all(|it| ["spi", "proto"].contains(it)) && rng.chance(50) {
        text = match plan.v6 {
            true => " -j HMARK --hmark-src-prefix 40 --hmark-dst-prefix 64 --hmark-proto-mask 0x7".to_owned(),
            false => " -j HMARK --hmark-src-prefix 16 --hmark-dst-prefix 25 --hmark-spi-mask 0xff".to_owned(),
        };
    }
    // The protocol counts among the last bits of the hash, of which a small number takes little notice.
    let random = rng.pick(&[0, 1, 0xdead_beef_u32]);
    let modulus = rng.pick(&[1, 2, 7, 256, 0xffff, MARK_BITS, MARK_BITS]);
    let offset =
        if modulus == MARK_BITS { "" } else { rng.pick(&["", " --hmark-offset 16", " --hmark-offset 1"]) };
    format!("{text} --hmark-rnd {random:#x} --hmark-mod {modulus}{offset}")
}

fn filter(rng: &mut Rng, plan: Plan) -> (Target, Option<u8>) {
    match rng.below(4) {
        0 if plan.v6 => plain(format!(
            " -j REJECT --reject-with {}",
            rng.pick(&["icmp6-port-unreachable", "icmp6-adm-prohibited"])
        )),
        0 => plain(format!(
            " -j REJECT --reject-with {}",
            rng.pick(&["icmp-port-unreachable", "icmp-host-prohibited"])
        )),
        1 => (Target { text: " -j REJECT --reject-with tcp-reset".to_owned(), reroutes: false }, Some(6)),
        2 => plain(" -j LOG --log-prefix \"x \"".to_owned()),
        _ => mark(rng),
    }
}

pub(super) fn nat(rng: &mut Rng, plan: Plan, hook: Hook) -> (Target, Option<u8>) {
    let v6 = plan.v6;
    let address = pool::text(pool::foreign(rng, v6), v6);
    let proto = rng.chance(60).then(|| rng.pick(&[6, 17, 6, 17, 132, 33]));
    let (one, other) = (pool::foreign(rng, v6), pool::foreign(rng, v6));
    let range = format!("{}-{}", pool::text(one.min(other), v6), pool::text(one.max(other), v6));
    let with_port = |rng: &mut Rng, base: bool| {
        // Which port of a range is chosen is told only if it holds the old one, or is counted from another.
        let ports = match rng.below(8) {
            0 if base => "1000-1010/20".to_owned(),
            1 if base => "8000-8100/8080".to_owned(),
            2 if !plan.decided => rng.pick(&["1-1024", "400-500", "1024-65535"]).to_owned(),
            _ => rng.pick(&["22", "8080", "65535"]).to_owned(),
        };
        match (proto, v6) {
            (None, _) if !plan.decided && rng.chance(30) => range.clone(),
            (None, _) => address.clone(),
            (Some(_), false) => format!("{address}:{ports}"),
            (Some(_), true) => format!("[{address}]:{ports}"),
        }
    };
    let text = match (hook, rng.below(4)) {
        (Hook::Prerouting, 0) if !plan.decided => match proto {
            Some(_) => format!(" -j REDIRECT --to-ports {}", rng.pick(&[22, 3128])),
            None => " -j REDIRECT".to_owned(),
        },
        (Hook::Postrouting, 0) if !plan.decided => " -j MASQUERADE".to_owned(),
        (_, 1) if v6 => format!(" -j NETMAP --to {address}/64"),
        (_, 1) => format!(" -j NETMAP --to {address}/24"),
        (Hook::Prerouting | Hook::Output, _) => format!(" -j DNAT --to-destination {}", with_port(rng, true)),
        _ => format!(" -j SNAT --to-source {}", with_port(rng, false)),
    };
    (Target { text, reroutes: true }, proto)
}
