//! A rule being made, with the families that it can be for.

use crate::dialect::Family;
use crate::firewall::place::{self, Hosts};
use crate::firewall::service::Kind;
use crate::origin::Origin;
use crate::program::{Args, Keyword, Rule};
use crate::value::port::Ports;

/// Ports of one `multiport`, a range counted twice.
const MULTIPORT: usize = 15;

/// Conditions of a rule; its jump comes last.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    args: Args,
    /// Whether IPv4 and IPv6 can have it.
    families: [bool; 2],
    /// Rules that a list of addresses makes of it.
    pub(super) weight: usize,
    /// Whether it has any condition.
    pub(super) open: bool,
}

impl Draft {
    pub(super) fn new() -> Draft {
        Draft { args: Args::new(), families: [true; 2], weight: 1, open: true }
    }

    /// A known option (`i`, `o`, `p`, `s`, `d`, `j`, `g`), or another of the rule.
    pub(super) fn with(mut self, name: &str, value: &str) -> Draft {
        // Names are those of this crate: they cannot be refused.
        let _ = self.args.keyword(Keyword { name, inverted: false }, [value.as_bytes()]);
        self.open &= matches!(name, "j" | "g");
        self
    }

    /// A match, or options of the target, as words: option, values.
    pub(super) fn also(mut self, options: &[(&str, &str)]) -> Draft {
        for (name, value) in options {
            let values: &[&[u8]] = if value.is_empty() { &[] } else { &[value.as_bytes()] };
            self.args.option(name, false, values.iter().copied());
        }
        self.open = false;
        self
    }

    /// An option of the target: no condition.
    pub(super) fn target(mut self, name: &str, value: &str) -> Draft {
        self.args.option(name, false, [value.as_bytes()]);
        self
    }

    /// A member of a set.
    fn set(mut self, name: &str, direction: &str) -> Draft {
        self.args.option("m", false, [b"set".as_slice()]);
        self.args.option("match_set", false, [name.as_bytes(), direction.as_bytes()]);
        self.open = false;
        self
    }

    /// Restricts it to families; nothing, if none is left.
    pub(super) fn only(mut self, families: [bool; 2]) -> Option<Draft> {
        for (own, other) in self.families.iter_mut().zip(families) {
            *own &= other;
        }
        self.families.contains(&true).then_some(self)
    }

    /// The rule for one family, if it can be for that, which it then says.
    pub(super) fn of(&self, family: Family) -> Option<Draft> {
        let mut own = self.clone().only(one(family))?;
        let name = if family == Family::V4 { "ipv4" } else { "ipv6" };
        own.args.option(name, false, std::iter::empty());
        Some(own)
    }

    pub(super) fn is_for(&self, family: Family) -> bool {
        let [v4, v6] = self.families;
        if family == Family::V4 { v4 } else { v6 }
    }

    /// With these hosts at one end: a rule for each way to name them. Ways that are for no family are left out.
    pub(super) fn hosts(&self, hosts: &[Hosts], source: bool) -> Vec<Draft> {
        if hosts.is_empty() {
            return vec![self.clone()];
        }
        let one_way = |hosts: &Hosts| match hosts {
            Hosts::Nets(nets) => self.nets(nets, source),
            Hosts::Range(range) => {
                let first = range.split('-').next().unwrap_or_default();
                let family = place::net(first)?.0;
                let option = if source { "src_range" } else { "dst_range" };
                self.clone().only(one(family)).map(|it| it.also(&[("m", "iprange"), (option, range)]))
            }
            Hosts::Set(name) => Some(self.clone().set(name, if source { "src" } else { "dst" })),
        };
        hosts.iter().filter_map(one_way).collect()
    }

    /// With these addresses and networks at one end; nothing, if they are all of a family that it is not for.
    pub(super) fn nets(&self, nets: &[String], source: bool) -> Option<Draft> {
        let of = |family: Family| nets.iter().any(|it| place::net(it).is_some_and(|it| it.0 == family));
        let fit = self.clone().only([of(Family::V4), of(Family::V6)])?;
        let nets: Vec<&str> = nets
            .iter()
            .filter(|it| place::net(it).is_some_and(|it| fit.is_for(it.0)))
            .map(String::as_str)
            .collect();
        let mut fit = fit.with(if source { "s" } else { "d" }, &nets.join(","));
        fit.weight *= nets.len().max(1);
        Some(fit)
    }

    /// With these services: a rule for each protocol, ports together.
    pub(super) fn services(&self, kinds: &[Kind]) -> Vec<Draft> {
        if kinds.is_empty() {
            return vec![self.clone()];
        }
        let mut drafts = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        for kind in kinds {
            match kind {
                Kind::Ports(proto, _) if done.contains(proto) => {}
                Kind::Ports(proto, _) => {
                    done.push(proto);
                    let ports = kinds.iter().filter_map(|it| match it {
                        Kind::Ports(other, ports) if other == proto => Some(*ports),
                        _ => None,
                    });
                    drafts.extend(self.ports(proto, ports.collect()));
                }
                Kind::Protocol(number) => {
                    let family = match *number {
                        crate::value::proto::ICMP => [true, false],
                        crate::value::proto::ICMPV6 => [false, true],
                        _ => [true; 2],
                    };
                    drafts.extend(self.clone().only(family).map(|it| it.with("p", &number.to_string())));
                }
                Kind::Ping => {
                    for (family, proto, option) in
                        [(Family::V4, "icmp", "icmp_type"), (Family::V6, "ipv6-icmp", "icmpv6_type")]
                    {
                        let draft = self.clone().only(one(family));
                        drafts.extend(draft.map(|it| it.with("p", proto).also(&[(option, "echo-request")])));
                    }
                }
            }
        }
        drafts
    }

    fn ports(&self, proto: &str, mut ports: Vec<Ports>) -> Vec<Draft> {
        ports.sort_by_key(|it| (it.low, it.high));
        ports.dedup();
        let draft = self.clone().with("p", proto);
        if ports.iter().any(|it| it.is_all()) {
            return vec![draft];
        }
        let mut chunks: Vec<Vec<Ports>> = Vec::new();
        let slots = |it: &Ports| if it.low == it.high { 1 } else { 2 };
        for port in ports {
            match chunks.last_mut() {
                Some(last) if last.iter().map(slots).sum::<usize>() + slots(&port) <= MULTIPORT => {
                    last.push(port)
                }
                _ => chunks.push(vec![port]),
            }
        }
        let text = |port: &Ports| match (port.low, port.high) {
            (low, high) if low == high => low.to_string(),
            (low, high) => format!("{low}:{high}"),
        };
        let with = |chunk: &Vec<Ports>| match chunk.as_slice() {
            [one] => draft.clone().also(&[("dport", &text(one))]),
            many => {
                let list = many.iter().map(text).collect::<Vec<_>>().join(",");
                draft.clone().also(&[("m", "multiport"), ("dports", &list)])
            }
        };
        chunks.iter().map(with).collect()
    }

    /// The rule, by this author.
    pub(super) fn rule(self, jump: &str, origin: &Origin) -> Made {
        let draft = self.with("j", jump);
        Made { weight: draft.weight, rule: Rule::from_args(origin.clone(), draft.args) }
    }

    /// The rule that logs, 10 a minute at most.
    pub(super) fn log(self, prefix: &str, origin: &Origin) -> Made {
        let prefix: String = prefix.chars().take(28).collect();
        let limit = [("m", "limit"), ("limit", "10/minute"), ("limit_burst", "5")];
        let mut draft = self.also(&limit);
        draft = draft.with("j", "LOG").target("log_prefix", &format!("{prefix} "));
        Made { weight: draft.weight, rule: Rule::from_args(origin.clone(), draft.args) }
    }

    /// The rule that jumps with an option of its target.
    pub(super) fn rule_with(self, jump: &str, option: &str, value: &str, origin: &Origin) -> Made {
        let draft = self.with("j", jump).target(option, value);
        Made { weight: draft.weight, rule: Rule::from_args(origin.clone(), draft.args) }
    }
}

/// A rule, and how many it becomes.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) rule: Rule,
    pub(super) weight: usize,
}

pub(super) fn one(family: Family) -> [bool; 2] {
    [family == Family::V4, family == Family::V6]
}
