//! Targets by chance.

use ptables::ext::Hook;

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
        return plain(if rng.chance(50) { " -j CT --notrack" } else { " -j NOTRACK" }.to_owned());
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

fn mangle(rng: &mut Rng, plan: Plan, hook: Hook) -> (Target, Option<u8>) {
    let changes = |text: String| (Target { text, reroutes: true }, None);
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
            let text = rng.pick(&["--ecn-tcp-remove"]);
            (Target { text: format!(" -j ECN {text}"), reroutes: false }, Some(6))
        }
        8 if plan.tracked => {
            let value = rng.pick(&pool::MARKS);
            let mask = within(rng.pick(&pool::MARK_MASKS));
            let text = match rng.below(5) {
                0 => format!("--set-xmark {value:#x}/{mask:#x}"),
                1 => format!("--save-mark --nfmask {mask:#x} --ctmask {mask:#x}"),
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

fn nat(rng: &mut Rng, plan: Plan, hook: Hook) -> (Target, Option<u8>) {
    let v6 = plan.v6;
    let address = pool::text(foreign(rng, v6), v6);
    let proto = rng.chance(50).then(|| rng.pick(&[6, 17]));
    let with_port = |rng: &mut Rng| match (proto, v6) {
        (None, _) => address.clone(),
        (Some(_), false) => format!("{address}:{}", rng.pick(&[22, 8080, 65535])),
        (Some(_), true) => format!("[{address}]:{}", rng.pick(&[22, 8080, 65535])),
    };
    let text = match (hook, rng.below(4)) {
        (Hook::Prerouting, 0) if !plan.decided => match proto {
            Some(_) => format!(" -j REDIRECT --to-ports {}", rng.pick(&[22, 3128])),
            None => " -j REDIRECT".to_owned(),
        },
        (Hook::Postrouting, 0) if !plan.decided => " -j MASQUERADE".to_owned(),
        (_, 1) if v6 => format!(" -j NETMAP --to {address}/64"),
        (_, 1) => format!(" -j NETMAP --to {address}/24"),
        (Hook::Prerouting | Hook::Output, _) => format!(" -j DNAT --to-destination {}", with_port(rng)),
        _ => format!(" -j SNAT --to-source {}", with_port(rng)),
    };
    (Target { text, reroutes: true }, proto)
}

/// An address of another machine: the way to one of ours is another.
fn foreign(rng: &mut Rng, v6: bool) -> u128 {
    loop {
        let address = pool::address(rng, v6);
        if (0..5).all(|device| address != pool::local(device, v6)) {
            return address;
        }
    }
}
