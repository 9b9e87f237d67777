//! Long chains of plain rules, of which a simulator leaves out what cannot match.

use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables_judge::world::DEVICES;

use super::draft::Wish;
use super::pool;
use super::rng::Rng;
use super::ruleset::{Plan, Rules, chain_of};

const HOOKS: [Hook; 3] = [Hook::Input, Hook::Forward, Hook::Output];
/// How many rules; the last is beyond what one overview of a set holds.
const SIZES: [usize; 8] = [7, 40, 65, 70, 130, 300, 700, 4300];

impl Rules {
    /// A chain of many rules in the filter table, with some chains behind it.
    pub fn long(plan: Plan, rng: &mut Rng) -> Rules {
        let hook = rng.pick(&HOOKS);
        // The longest take their time.
        let all = rng.chance(15);
        let size = rng.pick(if all { &SIZES[..] } else { &SIZES[..7] });
        let mut aims = Vec::new();
        let mut body = String::new();
        let users: Vec<String> = (0..3).map(|at| format!("user{at}")).collect();
        for number in 0..size {
            rule(plan, rng, hook, (chain_of(hook), &users), number, &mut body, &mut aims);
        }
        for (at, name) in users.iter().enumerate() {
            for number in 0..rng.within(0, 12) as usize {
                rule(plan, rng, hook, (name, &users[at + 1..]), number, &mut body, &mut aims);
            }
        }
        let text = plan.text(|table, _, text| {
            if table == "filter" {
                users.iter().for_each(|name| text.push_str(&format!(":{name} - [0:0]\n")));
                text.push_str(&body);
            }
        });
        let scope = plan.scope(false, DEVICES.len());
        Rules { scope, text, aims, theme: None, waits: false }
    }
}

/// An address of many.
fn address(rng: &mut Rng, v6: bool) -> u128 {
    match rng.below(3) {
        0 => pool::address(rng, v6),
        1 if v6 => 0x2001_0db8 << 96 | u128::from(rng.any()) << 32,
        1 => 0xc0a8_0000 | u128::from(rng.below(1 << 16)),
        _ if v6 => 0x2001_0db8 << 96 | u128::from(rng.below(64)),
        _ => 0xc633_6400 | u128::from(rng.below(256)),
    }
}

fn rule(
    plan: Plan,
    rng: &mut Rng,
    hook: Hook,
    (chain, later): (&str, &[String]),
    number: usize,
    body: &mut String,
    aims: &mut Vec<(Hook, Vec<Wish>)>,
) {
    let v6 = plan.v6;
    let mut line = format!("-A {chain}");
    let mut wishes: Vec<Wish> = Vec::new();
    let not = |rng: &mut Rng| if rng.chance(8) { " !" } else { "" };
    for option in ["-s", "-d"] {
        if !rng.chance(55) {
            continue;
        }
        let it = address(rng, v6);
        let length = rng.pick(if v6 { &[128, 128, 120, 64, 97] } else { &[32, 32, 28, 24, 31] });
        let mask = if !v6 && rng.chance(3) { "255.255.0.255".to_owned() } else { length.to_string() };
        // Writing to a string does not fail.
        let _ = write!(line, "{} {option} {}/{mask}", not(rng), pool::text(it, v6));
        let free = if v6 { 128 } else { 32 } - length;
        wishes.push(Rc::new(move |draft, rng| {
            let all = if free == 128 { u128::MAX } else { (1 << free) - 1 };
            // The edges of the network, and what lies beside them.
            let near = rng.pick(&[it & !all, it | all, it, (it & !all).wrapping_sub(1), (it | all) + 1]);
            match option {
                "-s" => draft.layout.source = near,
                _ => draft.layout.destination = near,
            }
        }));
    }
    let (input, output) = (hook != Hook::Output, hook != Hook::Input);
    for (option, possible) in [("-i", input), ("-o", output)] {
        if possible && rng.chance(20) {
            let (name, device) =
                rng.pick(&[("eth0", 0), ("eth1", 1), ("eth10", 4), ("eth+", 4), ("eth1+", 1), ("ppp0", 3)]);
            let _ = write!(line, "{} {option} {name}", not(rng));
            wishes.push(Rc::new(move |draft, _| match option {
                "-i" => draft.shot.input = device,
                _ => draft.shot.output = device,
            }));
        }
    }
    if rng.chance(60) {
        let proto = rng.pick(&[6, 6, 17, 132, if v6 { 58 } else { 1 }]);
        let inverted = not(rng);
        let _ = write!(line, "{inverted} -p {proto}");
        wishes.push(Rc::new(move |draft, rng| draft.become_proto(proto, rng)));
        let name = match proto {
            6 => "tcp",
            17 => "udp",
            _ => "sctp",
        };
        if [6, 17, 132].contains(&proto) && inverted.is_empty() && rng.chance(75) {
            let (low, high) = rng.pair(&[0_u16, 1, 22, 80, 81, 443, 1023, 1024, 8080, 65534, 65535]);
            let side = rng.pick(&["sport", "dport"]);
            let _ = write!(line, " -m {name}{} --{side} {low}:{high}", not(rng));
            wishes.push(Rc::new(move |draft, rng| {
                let near = Some(rng.pick(&[low, high, low.wrapping_sub(1), high.wrapping_add(1)]));
                if side == "sport" { draft.ports(near, None) } else { draft.ports(None, near) }
            }));
        }
    }
    // What changes a packet makes the rules that are left be chosen anew; what drops it must not be left out.
    let target = match rng.below(40) {
        0 => " -j ACCEPT".to_owned(),
        1 => " -j RETURN".to_owned(),
        2 if !later.is_empty() => format!(" -g {}", later[rng.below(later.len() as u64) as usize]),
        3..=6 if !later.is_empty() => format!(" -j {}", later[rng.below(later.len() as u64) as usize]),
        7..=9 => format!(" -j MARK --set-mark {:#x}", number % 4096),
        10 => " -m mark --mark 0x1/0x1".to_owned(),
        11 => " -m length --length 40:100".to_owned(),
        12 => format!(" -m {0} ! --{0}-eq 64", if v6 { "hl" } else { "ttl" }),
        _ => String::new(),
    };
    let _ = writeln!(body, "{line}{target}");
    aims.push((hook, wishes));
}
