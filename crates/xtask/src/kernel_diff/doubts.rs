//! Few rules that ask for what is not always told, with what remembers, changes or drops packets behind it; and packets that are
//! much alike, so that what one leaves behind is asked of the next.

use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables_judge::world::{DEVICES, OWNERS, Path};

use super::draft::{Draft, Wish};
use super::pieces::{Place, stateful};
use super::pool;
use super::rng::Rng;
use super::ruleset::{Plan, Rules, chain_of};

/// Tables and hooks in which such rules stand.
const PLACES: [(&str, Hook); 6] = [
    ("raw", Hook::Prerouting),
    ("mangle", Hook::Prerouting),
    ("mangle", Hook::Forward),
    ("filter", Hook::Input),
    ("filter", Hook::Forward),
    ("filter", Hook::Output),
];

impl Rules {
    /// Few rules of this kind.
    pub fn doubts(plan: Plan, rng: &mut Rng) -> Rules {
        let places = [rng.pick(&PLACES[..2]), rng.pick(&PLACES)];
        let waits = plan.stateful && rng.chance(4);
        let text = plan.text(|table, hooks, text| {
            let here: Vec<Hook> =
                hooks.iter().copied().filter(|hook| places.contains(&(table, *hook))).collect();
            here.iter().for_each(|hook| text.push_str(&format!(":some{} - [0:0]\n", *hook as usize)));
            for hook in here {
                let chain = format!("some{}", hook as usize);
                for _ in 0..rng.within(4, 9) {
                    let line = rule((plan, waits), rng, (table, hook), Some(&chain));
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "-A {}{line}", chain_of(hook));
                }
                for _ in 0..rng.within(1, 3) {
                    let line = rule((plan, waits), rng, (table, hook), None);
                    let _ = writeln!(text, "-A {chain}{line}");
                }
            }
        });
        let scope = plan.scope(true, DEVICES.len());
        let aims = places.iter().map(|(_, hook)| (*hook, vec![alike(plan)])).collect();
        Rules { scope, text, aims, theme: None, waits }
    }
}

/// A rule: what is not always told, what drops packets by a look, what remembers; and what comes of it.
fn rule(
    (plan, waits): (Plan, bool),
    rng: &mut Rng,
    (table, hook): (&'static str, Hook),
    chain: Option<&str>,
) -> String {
    let mut line = String::new();
    let mut proto = None;
    if rng.chance(45) {
        let number = rng.pick(&[6_u8, 6, 17, 132, 132, 33]);
        proto = Some(number);
        let _ = write!(line, " -p {number}");
    }
    let first = rng.below(4);
    for at in 0..rng.pick(&[0, 1, 1, 1, 2]) {
        // Another one: of interfaces the tools take one.
        line.push_str(&doubt(rng, hook, (first + at * 2) % 4));
    }
    for _ in 0..rng.pick(&[0, 0, 1, 1, 2]) {
        line.push_str(look(rng, proto));
    }
    if plan.stateful {
        let mut place = plan.place(rng, table, hook, proto);
        for _ in 0..place.rng.pick(&[0, 1, 1, 1, 2]) {
            let piece = if waits && place.rng.chance(60) {
                timed(&mut place)
            } else {
                let all = stateful();
                let maker = &all[place.rng.below(all.len() as u64) as usize];
                (maker.make)(&mut place).text
            };
            let _ = write!(line, " {piece}");
        }
    }
    line.push_str(&target(plan, rng, table, chain));
    line
}

/// A condition on what is not always told.
fn doubt(rng: &mut Rng, hook: Hook, kind: u64) -> String {
    let not = if rng.chance(30) { " !" } else { "" };
    let device = rng.pick(&["eth0", "eth1", "wlan0", "eth+"]);
    let (incoming, outgoing) = (hook != Hook::Output, matches!(hook, Hook::Forward | Hook::Output));
    match kind {
        0 | 1 if incoming => format!("{not} -i {device}"),
        2 if incoming => format!(" -m mac{not} --mac-source 02:00:00:00:00:01"),
        0 | 1 if outgoing => format!("{not} -o {device}"),
        2 if outgoing => format!(" -m owner{not} --uid-owner {}", rng.pick(&OWNERS).0),
        _ => format!(" -m cpu{not} --cpu 0"),
    }
}

/// A condition on a header that may be cut off.
fn look(rng: &mut Rng, proto: Option<u8>) -> &'static str {
    match proto {
        Some(6) => rng.pick(&[" -m tcp --dport 22", " -m tcp ! --dport 22", " -m tcp --tcp-flags SYN SYN"]),
        Some(17) => rng.pick(&[" -m udp --sport 22", " -m udp ! --dport 22:1024"]),
        Some(132) => rng.pick(&[
            " -m sctp ! --chunk-types any DATA",
            " -m sctp ! --chunk-types any INIT",
            " -m sctp --chunk-types all DATA",
            " -m sctp ! --dport 22",
        ]),
        Some(33) => rng.pick(&[
            " -m dccp ! --dccp-option 44",
            " -m dccp ! --dccp-option 32",
            " -m dccp --dccp-option 38",
            " -m dccp ! --dport 22",
        ]),
        _ => rng.pick(&[" -m mark --mark 0x1/0x1", " -m mark ! --mark 0x10/0x10", ""]),
    }
}

/// What fills again in a second or two, by so much that a part of a second makes no difference.
fn timed(place: &mut Place<'_>) -> String {
    let family = if place.v6 { 6 } else { 4 };
    match place.rng.below(6) {
        0 | 1 => format!("-m limit --limit 1/sec --limit-burst {}", place.rng.within(1, 4)),
        2 => format!("-m limit --limit 2/sec --limit-burst {}", place.rng.within(3, 5)),
        3 | 4 => {
            let side = place.rng.pick(&["upto", "above"]);
            format!(
                "-m hashlimit --hashlimit-{side} 1/sec --hashlimit-burst 3 --hashlimit-mode srcip \
                 --hashlimit-name filled{family} --hashlimit-htable-size 64 --hashlimit-htable-expire 60000"
            )
        }
        _ => {
            // Gone after the second that is said, or just before.
            let side = place.rng.pick(&["upto", "above"]);
            format!(
                "-m hashlimit --hashlimit-{side} 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name \
                 timed{family} --hashlimit-htable-size 64 --hashlimit-htable-expire 1000 --hashlimit-htable-gcinterval 20"
            )
        }
    }
}

fn target(plan: Plan, rng: &mut Rng, table: &str, chain: Option<&str>) -> String {
    match rng.below(12) {
        0 if table == "filter" && plan.v6 => " -j REJECT --reject-with icmp6-adm-prohibited".to_owned(),
        0 if table == "filter" => " -j REJECT --reject-with icmp-host-prohibited".to_owned(),
        0 | 1 => " -j DROP".to_owned(),
        2 => " -j ACCEPT".to_owned(),
        3 => " -j RETURN".to_owned(),
        4 => format!(" -j MARK --set-mark {:#x}", rng.pick(&pool::MARKS)),
        5 => " -j LOG --log-prefix \"x \"".to_owned(),
        6..=8 if chain.is_some() => format!(" -j {}", chain.unwrap_or_default()),
        _ => String::new(),
    }
}

/// A packet of few senders and protocols, which may end within its header.
fn alike(plan: Plan) -> Wish {
    let v6 = plan.v6;
    Rc::new(move |draft: &mut Draft, rng: &mut Rng| {
        if draft.shot.path == Path::Output && rng.chance(60) {
            draft.shot.path = Path::Input;
        }
        draft.shot.input = rng.pick(&[0, 0, 1, 2]);
        draft.shot.mac = rng.pick(&pool::MACS[..2]);
        draft.layout.extensions.clear();
        draft.layout.options.clear();
        draft.become_proto(rng.pick(&[6, 6, 17, 132, 33]), rng);
        if rng.chance(85) {
            let low = u128::from(rng.below(3)) + 1;
            draft.layout.source = if v6 { 0x2001_0db8 << 96 | low } else { 0xc000_0200 | low };
            draft.layout.destination = if v6 { 0x2001_0db8 << 96 | 1 << 80 | low } else { 0xc633_6400 | low };
            draft.layout.hop_limit = rng.pick(&[64, 64, 63, 2]);
            draft.ports(Some(rng.pick(&[22, 1024])), Some(rng.pick(&[22, 80])));
        }
        if rng.chance(25) {
            draft.short = Some(rng.pick(&[0, 4, 8, 11, 12, 13, 16, 19, 20]));
        }
        if draft.layout.proto == 132 && rng.chance(30) {
            // Without a chunk.
            draft.layout.payload.clear();
        }
    })
}
