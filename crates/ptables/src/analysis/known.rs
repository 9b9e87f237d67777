//! Sets whose contents are told, as conditions on fields.

use std::collections::HashMap;

use crate::dialect::Family;
use crate::ipset::{self, Contents, Entry, Part, Set, SetType, Sets};
use crate::meaning::{Effect, Field, Need, Pred, SetTest};
use crate::model::{Body, Jump, Rule, Ruleset};
use crate::source::Text;
use crate::value::addr::prefix_mask;
use crate::value::set_dirs::{SetDir, SetDirs};

/// Sets of a ruleset that hold what they are told to hold, whatever packet comes.
#[derive(Debug)]
pub(super) struct Known<'a> {
    sets: HashMap<&'a [u8], &'a Set>,
    family: Family,
}

/// Lists of sets hold no lists.
const DEEPEST: usize = 2;

impl<'a> Known<'a> {
    /// Left out are sets that rules change, whose entries go with time, that have entries which the kernel does not take, and sets
    /// without entries: these are places for entries to come.
    pub(super) fn of(ruleset: &'a Ruleset) -> Known<'a> {
        let mut known = Known { sets: HashMap::new(), family: ruleset.context.family };
        if ruleset.sets.is_empty() {
            return known;
        }
        for set in ruleset.sets.iter() {
            let mut alone = Sets::new();
            // Of a list, that the members are there is asked of all together.
            alone.declare(set.clone());
            let fits = set.kind == SetType::ListSet || Contents::new(&alone).1.is_empty();
            let stays = set.options.timeout.is_none() && set.entries.iter().all(|it| it.timeout.is_none());
            if fits && stays && !set.entries.is_empty() {
                known.sets.insert(&set.name, set);
            }
        }
        for (_, _, rule) in ruleset.rules() {
            known.sets.retain(|name, _| !may_change(rule, name, ruleset));
        }
        known
    }

    /// The condition with what is known of sets.
    pub(super) fn told(&self, pred: Pred) -> Pred {
        if self.sets.is_empty() {
            return pred;
        }
        match pred {
            Pred::Not(inner) => self.told(*inner).inverted(true),
            Pred::All(all) => Pred::All(all.into_iter().map(|it| self.told(it)).collect()),
            Pred::Any(all) => Pred::Any(all.into_iter().map(|it| self.told(it)).collect()),
            Pred::Needs(Need::Set(test)) => {
                self.set(&test.name, &test, DEEPEST).unwrap_or(Pred::Needs(Need::Set(test)))
            }
            other => other,
        }
    }

    /// Whether all is known of a set, whichever side of a packet is looked up.
    fn is_exact(&self, name: &Text) -> bool {
        ["src,src,src,src,src,src", "dst,dst,dst,dst,dst,dst"].into_iter().all(|dirs| {
            let dirs = SetDirs::parse(dirs.as_bytes()).unwrap_or_default();
            let test = SetTest { name: name.clone(), dirs, exceptions: false };
            self.set(name, &test, DEEPEST).is_some()
        })
    }

    /// Which packets are in a set; `None` if its contents are not told, or not as fields.
    fn set(&self, name: &Text, test: &SetTest, depth: usize) -> Option<Pred> {
        let set = self.sets.get(name.as_bytes()).filter(|_| depth > 0)?;
        let dirs: Vec<SetDir> = test.dirs.iter().collect();
        if set.kind == SetType::ListSet {
            let members = set.entries.iter().map(|it| match it.parts.first() {
                Some(Part::Set(name)) => self.set(name, test, depth - 1),
                _ => None,
            });
            let members: Vec<Pred> = members.collect::<Option<_>>()?;
            return Some(if dirs.is_empty() { Pred::False } else { any(members) });
        }
        let options = &set.options;
        let cut = options.netmask.is_some() || options.bitmask.is_some();
        if cut || matches!(set.kind, SetType::HashNetIface | SetType::BitmapIpMac) {
            return None;
        }
        if dirs.len() < set.kind.parts().len() || set.family().is_some_and(|it| it != self.family) {
            return Some(Pred::False);
        }
        let exceptions = set.entries.iter().any(|it| it.nomatch);
        let mut entries: Vec<(Vec<u8>, &Entry)> = Vec::new();
        for entry in &set.entries {
            entries.push((if exceptions { lengths(entry)? } else { Vec::new() }, entry));
        }
        // What says most about a packet decides.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found = Pred::False;
        let mut rest = entries.as_slice();
        while let Some((_, first)) = rest.first() {
            let alike = rest.iter().take_while(|it| it.1.nomatch == first.nomatch).count();
            let (same, more) = rest.split_at(alike);
            let preds = same.iter().map(|it| self.entry(it.1, &dirs, options.markmask));
            let these = any(preds.collect::<Option<_>>()?);
            let is_in = first.nomatch == (test.exceptions && set.kind.has_networks());
            found = match (is_in, found) {
                (true, Pred::False) => these,
                (true, found) => Pred::Any(vec![found, these]),
                (false, Pred::False) => Pred::False,
                (false, found) => Pred::All(vec![found, these.inverted(true)]),
            };
            rest = more;
        }
        Some(found)
    }

    fn entry(&self, entry: &Entry, dirs: &[SetDir], markmask: Option<u32>) -> Option<Pred> {
        let parts = entry.parts.iter().zip(dirs).map(|(part, dir)| {
            let is_source = *dir == SetDir::Source;
            let address = if is_source { Field::Source } else { Field::Destination };
            let port = if is_source { Field::SourcePort } else { Field::DestinationPort };
            Some(match part {
                Part::Ips(first, last) => Pred::Range(address, *first, *last),
                Part::Net(net, length) => Pred::Bits(address, prefix_mask(self.family, *length), *net),
                Part::Ports(proto, first, last) => self.ports(*proto, (*first, *last), port)?,
                Part::BarePorts(first, last) => {
                    let range = Pred::Range(port, u128::from(*first), u128::from(*last));
                    let protos = [6, 17].map(|it| Pred::is(Field::Proto, it));
                    Pred::All(vec![Pred::Any(protos.into()), range])
                }
                Part::Mac(Some(mac)) if is_source => {
                    Pred::is(Field::MacSource, mac.0.iter().fold(0, |sum, it| sum << 8 | u128::from(*it)))
                }
                Part::Mark(mark) => {
                    let mask = markmask.unwrap_or(u32::MAX);
                    Pred::Bits(Field::Mark, u128::from(mask), u128::from(mark & mask))
                }
                _ => return None,
            })
        });
        Some(Pred::All(parts.collect::<Option<_>>()?))
    }

    /// A protocol with its ports; of those without ports, nothing but the protocol.
    fn ports(&self, proto: u8, (first, last): (u16, u16), field: Field) -> Option<Pred> {
        let of_proto = Pred::is(Field::Proto, u128::from(proto));
        let more = match proto {
            6 | 17 | 132 | 136 => Pred::Range(field, u128::from(first), u128::from(last)),
            // ICMP's ports are type and code; of others, it depends on the family what a fragment is taken for.
            0 | 1 | 58 | 59 => return None,
            _ if first > 0 || self.family == Family::V6 => return None,
            _ => Pred::True,
        };
        Some(Pred::all([of_proto, more]))
    }
}

/// Sets of two rulesets that are not the same, and of which not all is known.
pub(super) fn unlike(old: &Ruleset, new: &Ruleset) -> Vec<String> {
    let known = [old, new].map(Known::of);
    let mut found = Vec::new();
    for set in old.sets.iter().chain(new.sets.iter()) {
        let of = [old, new].map(|it| it.sets.get(&set.name));
        let text = of.map(|it| ipset::print(it).unwrap_or_default());
        let exact = of.iter().zip(&known).all(|(set, known)| set.is_none_or(|it| known.is_exact(&it.name)));
        let said = format!("the set {} does not hold the same in both", set.name.to_lossy());
        if text[0] != text[1] && !exact && !found.contains(&said) {
            found.push(said);
        }
    }
    found
}

/// Whether a rule changes a set, or may do so.
fn may_change(rule: &Rule, name: &[u8], ruleset: &Ruleset) -> bool {
    match &rule.body {
        Body::Opaque(opaque) => {
            let mut words = opaque.text.split(|byte| byte.is_ascii_whitespace() || *byte == b'"');
            words.any(|it| it == name)
        }
        Body::Typed(typed) => match &typed.jump {
            Jump::Target(target) => match target.effect(ruleset.context) {
                Effect::Sets(changes) => changes.iter().any(|it| it.name.as_bytes() == name),
                _ => false,
            },
            _ => false,
        },
    }
}

/// The lengths of an entry's prefixes, in order; `None` if it is several networks.
fn lengths(entry: &Entry) -> Option<Vec<u8>> {
    let mut lengths = Vec::new();
    for part in &entry.parts {
        match part {
            Part::Net(_, length) => lengths.push(*length),
            Part::Ips(first, last) if first == last => lengths.push(u8::MAX),
            Part::Ips(..) => return None,
            _ => {}
        }
    }
    Some(lengths)
}

/// One of these holds; in halves, so that sets of thousands stay small on the way.
fn any(mut preds: Vec<Pred>) -> Pred {
    match preds.len() {
        0 => Pred::False,
        1 => preds.pop().unwrap_or(Pred::False),
        2..=4 => Pred::Any(preds),
        many => {
            let second = preds.split_off(many / 2);
            Pred::Any(vec![any(preds), any(second)])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::lines::Lines;
    use super::super::tests::ruleset;
    use super::super::{Given, compare, simulator};
    use super::*;
    use crate::packet::Path;
    use crate::simulate::Verdict;
    use crate::value::BuiltinNames;

    fn with_set(rules: &str, kind: &str, entries: &[String]) -> Ruleset {
        let mut ruleset = ruleset(&format!("*filter\n:INPUT DROP [0:0]\n{rules}\nCOMMIT\n"));
        let mut set = Set::new("a", SetType::find(kind.as_bytes()).unwrap());
        let words = |it: &String| -> Vec<Text> { it.split(' ').map(Text::from).collect() };
        for entry in entries {
            set.entries.push(set.read_entry(&words(entry), &BuiltinNames).unwrap());
        }
        let mut sets = Sets::new();
        sets.declare(set);
        ruleset.sets = Arc::new(sets);
        ruleset
    }

    /// Packets drawn from what a set is said to hold are in it, others are not.
    #[test]
    fn what_a_set_holds_is_what_the_simulator_finds() {
        let seed = 7u64;
        println!("seed {seed}");
        let mut state = seed | 1;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 20) % below
        };
        let mut tried = 0;
        for round in 0..300 {
            let kinds = [
                "hash:ip",
                "hash:net",
                "hash:ip,port",
                "hash:net,port",
                "hash:net,net",
                "hash:ip,port,net",
                "bitmap:port",
                "hash:ip,mark",
            ];
            let kind = kinds[round % kinds.len()];
            let mut entries: Vec<String> = Vec::new();
            for _ in 0..random(6) + 1 {
                let mut parts: Vec<String> = Vec::new();
                for part in kind.split_once(':').unwrap().1.split(',') {
                    parts.push(match part {
                        "ip" => format!("10.0.0.{}", random(8) + 1),
                        "net" => format!("10.0.0.{}/{}", random(16), 28 + random(5)),
                        "port" if kind == "bitmap:port" => format!("{}", 20 + random(5)),
                        "port" => format!("{}:{}", ["tcp", "udp"][random(2) as usize], 20 + random(5)),
                        _ => format!("0x{:x}", random(4)),
                    });
                }
                let exception = if kind.contains("net") && random(4) == 0 { " nomatch" } else { "" };
                let entry = parts.join(",") + exception;
                if !entries.iter().any(|it| it.trim_end_matches(" nomatch") == parts.join(",")) {
                    entries.push(entry);
                }
            }
            let dirs: Vec<&str> = (0..3).map(|_| ["src", "dst"][random(2) as usize]).collect();
            let not = ["", "! "][random(2) as usize];
            let more = if kind.contains("net") && random(4) == 0 { " --return-nomatch" } else { "" };
            let rule = format!("-A INPUT -m set {not}--match-set a {}{more} -j ACCEPT", dirs.join(","));
            let range = if kind == "bitmap:port" { Some((0, 65535)) } else { None };
            let mut ruleset = with_set(&rule, kind, &entries);
            let mut set = ruleset.sets.get(b"a").unwrap().clone();
            set.options.range = range;
            let mut sets = Sets::new();
            sets.declare(set);
            ruleset.sets = Arc::new(sets);
            let mut lines = Lines::new(&ruleset, &ruleset.tables[0], 1_000_000, false).unwrap();
            let when = lines.lanes[0].lines[0].when;
            assert!(when.is_exact(), "{rule} {kind} {entries:?}");
            let domain = lines.lanes[0].domain;
            let simulator = simulator(&ruleset, None);
            for (set, wanted) in [(when.must, Verdict::Accept), (when.must.not(), Verdict::Drop)] {
                let set = lines.space.arena().and(set, domain).unwrap();
                for _ in 0..8 {
                    let Some(packet) = lines.space.draw(set, Path::Input, &mut || random(2) == 1) else {
                        continue;
                    };
                    tried += 1;
                    assert_eq!(simulator.verdict(&packet), wanted, "{rule} {kind} {entries:?} {packet}");
                }
            }
        }
        assert!(tried > 3000, "{tried}");
    }

    #[test]
    fn a_set_is_as_good_as_rules() {
        let rule = "-A INPUT -m set --match-set a src -j ACCEPT";
        let entries = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let set = with_set(rule, "hash:net", &entries(&["10.0.0.0/8", "192.0.2.1"]));
        let rules = ruleset(
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n",
        );
        assert!(compare(&set, &rules, Given::default()).unwrap().is_same());
        let less = with_set(rule, "hash:net", &entries(&["10.0.0.0/8"]));
        let found = compare(&set, &less, Given::default()).unwrap();
        assert_eq!((found.differences.len(), found.undecided.len()), (1, 0), "{:?}", found.undecided);
        assert_eq!(found.differences[0].region.to_string(), "source 192.0.2.1");
        // Without entries, or if rules change it, nothing is known of a set.
        let empty = with_set(rule, "hash:net", &[]);
        assert!(!compare(&set, &empty, Given::default()).unwrap().is_same());
        let changed = format!("{rule}\n-A INPUT -j SET --add-set a src");
        let one = with_set(&changed, "hash:net", &entries(&["10.0.0.0/8"]));
        let other = with_set(&changed, "hash:net", &entries(&["10.0.0.0/9"]));
        assert!(!compare(&one, &other, Given::default()).unwrap().is_same());
    }
}
