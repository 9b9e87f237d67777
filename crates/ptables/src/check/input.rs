//! What the checks of INPUT have in common: packets that a machine cannot do without.

use super::Facts;
use crate::ext::Target;
use crate::model::{Chain, Inverted, Jump, Policy};
use crate::packet::Packet;
use crate::simulate::{Options, Simulator, Verdict};
use crate::source::Text;
use crate::value::iface::Iface;

/// Interfaces that are tried, at most.
const MOST: usize = 32;

/// INPUT of the table filter, if its policy is DROP.
pub(super) fn closed<'a>(facts: &Facts<'a>) -> Option<&'a Chain> {
    let chain = facts.ruleset.table(b"filter")?.chain(b"INPUT")?;
    (chain.policy == Some(Policy::Drop)).then_some(chain)
}

/// Whether a rule accepts all that comes in by this interface, before anything else could drop it.
pub(super) fn accepts_all_of(chain: &Chain, iface: &[u8]) -> bool {
    chain.rules.iter().filter_map(|it| it.as_typed()).take_while(|it| !drops(&it.jump)).any(|rule| {
        let plain = rule.matches.is_empty() && rule.proto == 0 && rule.source.bits() == (0, 0);
        let accepts = matches!(&rule.jump, Jump::Target(Target::Accept(_)));
        let own = rule.in_iface.as_bytes() == iface && !rule.inverted.has(Inverted::IN_IFACE);
        plain && accepts && own && rule.destination.bits() == (0, 0)
    })
}

fn drops(jump: &Jump) -> bool {
    matches!(jump, Jump::Target(Target::Drop(_) | Target::Reject(_)))
}

/// Names of interfaces that rules of the table filter name, and one that none names.
pub(super) fn interfaces(facts: &Facts<'_>) -> Vec<String> {
    let mut names = vec!["unnamed0".to_owned()];
    let table = facts.ruleset.table(b"filter");
    let rules = table.into_iter().flat_map(|it| &it.chains).flat_map(|it| &it.rules);
    for rule in rules.filter_map(|it| it.as_typed()) {
        let name = name(&rule.in_iface);
        if !name.is_empty() && name != "lo" && !names.contains(&name) {
            names.push(name);
        }
        if names.len() > MOST {
            break;
        }
    }
    names
}

/// A name that fits, in letters that the text of a packet takes; empty for none.
fn name(iface: &Iface) -> String {
    let name = String::from_utf8_lossy(iface.as_bytes()).replace('+', "0");
    let fits = name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'));
    if fits { name } else { String::new() }
}

/// Whether it is certain that all these packets are dropped.
pub(super) fn all_dropped(facts: &Facts<'_>, packets: &[String]) -> bool {
    let simulator = Simulator::new(facts.ruleset, Options::new(None));
    packets.iter().all(|text| {
        let packet = Packet::parse(&Text::from(text.as_str()));
        packet.is_ok_and(|it| matches!(simulator.simulate(&it).verdict, Verdict::Drop | Verdict::Reject(_)))
    })
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::dialect::{Dialect, Family};
    use crate::lower::Options;
    use crate::source::Source;
    use crate::value::BuiltinNames;

    fn found(family: Family, rules: &str) -> Vec<&'static str> {
        let text = format!("*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n{rules}COMMIT\n");
        let tables = crate::text::parse(&Source::new("t", text).unwrap()).tables;
        let compiled = compile(&tables, family, Options::new(Dialect::default(), &BuiltinNames));
        compiled.diagnostics.iter().map(|it| it.code.as_str()).collect()
    }

    #[test]
    fn a_closed_input_must_not_forget_loopback_and_neighbours() {
        use Family::{V4, V6};
        let (lo, nd) = ("check/loopback-dropped", "check/neighbours-dropped");
        assert_eq!(found(V4, ""), [lo]);
        assert_eq!(found(V6, ""), [lo, nd]);
        assert_eq!(found(V4, "-A INPUT -i lo -j ACCEPT\n"), [""; 0]);
        assert_eq!(found(V4, "-A INPUT -i lo -j own\n-A own -j ACCEPT\n"), [""; 0]);
        assert_eq!(found(V4, "-A INPUT -s 127.0.0.0/8 -j ACCEPT\n"), [""; 0]);
        assert_eq!(found(V4, "-A INPUT ! -i eth0 -j ACCEPT\n"), [""; 0]);
        assert_eq!(found(V4, "-A INPUT -p tcp --dport 22 -j ACCEPT\n"), [lo]);
        assert_eq!(found(V4, "-A INPUT -i lo -j DROP\n-A INPUT -i lo -j ACCEPT\n"), [lo]);
        // What cannot be told is not warned of.
        assert!(!found(V4, "-A INPUT -m time --timestart 10:00 -j ACCEPT\n").contains(&lo));
        assert_eq!(found(V6, "-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n"), [nd]);
        assert_eq!(found(V6, "-A INPUT -i lo -j ACCEPT\n-A INPUT -p ipv6-icmp -j ACCEPT\n"), [""; 0]);
        assert_eq!(
            found(
                V6,
                "-A INPUT -i lo -j ACCEPT\n-A INPUT -i eth7 -m conntrack --ctstate UNTRACKED -j ACCEPT\n"
            ),
            [""; 0]
        );
        assert_eq!(found(V4, "-A INPUT -i lo -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n"), [""; 0]);
    }
}
