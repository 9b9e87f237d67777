//! What every firewall begins with: loopback, established connections, neighbour discovery, invalid and spoofed packets, floods.

use super::draft::{Draft, Made};
use super::filter::above;
use super::{End, Maker, frame};
use crate::dialect::Family;
use crate::firewall::Statement;
use crate::origin::Origin;

/// Messages of neighbour discovery: routers and neighbours, asked for and told. Only neighbours send hop limit 255.
const NEIGHBOURS: [&str; 4] =
    ["router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement"];
/// Multicast listeners: query, report, done, report of version 2.
const LISTENERS: [&str; 4] = ["130", "131", "132", "143"];

impl Maker<'_> {
    /// `syn_limit`.
    pub(super) fn syn_limit(&mut self, statement: &Statement) {
        let Some(rate) = self.limit_of(statement, "rate") else { return };
        let origin = frame(&statement.origin, "syn_limit");
        for (end, hosts) in self.ends(statement, "sources") {
            match end {
                End::Zone(at) if hosts.is_empty() => self.floods.push((at, rate.clone(), origin.clone())),
                _ => {
                    let message = "a limit of new connections is for whole zones".to_owned();
                    self.wrong(statement, message, None);
                }
            }
        }
    }

    /// The beginnings of INPUT, FORWARD and OUTPUT.
    pub(super) fn guard(&mut self) {
        let base = self.base.clone();
        let state = |states: &str| Draft::new().also(&[("m", "conntrack"), ("ctstate", states)]);
        let begin = |interface: Option<&str>| {
            let local = interface.map(|option| Draft::new().with(option, "lo").rule("ACCEPT", &base));
            local.into_iter().chain([state("ESTABLISHED,RELATED").rule("ACCEPT", &base)])
        };
        let (mut input, mut forward, mut output): (Vec<Made>, Vec<Made>, Vec<Made>) =
            (begin(Some("i")).collect(), begin(None).collect(), Vec::new());
        let neighbours = self.names.fresh("neighbours");
        let icmp = || Draft::new().only([false, true]).map(|it| it.with("p", "ipv6-icmp"));
        input.extend(icmp().map(|it| it.rule(&neighbours, &base)));
        let speaks = self.pairs.keys().any(|it| it.0 == End::Host);
        if speaks {
            output.extend(begin(Some("o")));
            output.extend(icmp().map(|it| it.rule(&neighbours, &base)));
        }
        for chain in [&mut input, &mut forward] {
            chain.push(state("INVALID").rule("DROP", &base));
        }
        let mut more: Vec<(String, Vec<Made>, Origin)> = vec![(neighbours, self.neighbours(), base.clone())];
        self.spoofed(&mut input, &mut forward, &mut more);
        self.flooded(&mut input, &mut forward, &mut more);
        self.hooks = [input, forward, output];
        self.chains = more;
    }

    fn neighbours(&self) -> Vec<Made> {
        let one = |kind: &str| Draft::new().with("p", "ipv6-icmp").also(&[("icmpv6_type", kind)]);
        let mut rules: Vec<Made> = NEIGHBOURS
            .iter()
            .filter_map(|it| one(it).of(Family::V6))
            .map(|it| it.also(&[("m", "hl"), ("hl_eq", "255")]).rule("ACCEPT", &self.base))
            .collect();
        let local = ["fe80::/10".to_owned()];
        rules.extend(
            LISTENERS
                .iter()
                .filter_map(|it| one(it).nets(&local, true))
                .map(|it| it.rule("ACCEPT", &self.base)),
        );
        rules
    }

    /// Packets from a zone that has networks come from these; from other zones they do not.
    fn spoofed(
        &mut self,
        input: &mut Vec<Made>,
        forward: &mut Vec<Made>,
        chains: &mut Vec<(String, Vec<Made>, Origin)>,
    ) {
        for at in 0..self.zones.len() {
            let Some(zone) = self.zones.get(at).cloned() else { continue };
            // Zones that their networks tell cannot be spoofed into.
            if !zone.antispoof || zone.interfaces.is_empty() || zone.shared {
                continue;
            }
            let mut rules = Vec::new();
            for family in Family::ALL {
                let own = zone.networks_of(family);
                let others: Vec<String> = self
                    .zones
                    .iter()
                    .filter(|it| {
                        it.name != zone.name && !it.interfaces.iter().any(|it| zone.interfaces.contains(it))
                    })
                    .filter(|it| !it.interfaces.is_empty())
                    .flat_map(|it| it.networks_of(family))
                    .collect();
                self.sources(&zone.name, family, own, others, &zone.origin, &mut rules);
            }
            if rules.is_empty() {
                continue;
            }
            let name = self.names.fresh(&format!("spoof-{}", zone.name));
            for interface in &zone.interfaces {
                for chain in [&mut *input, &mut *forward] {
                    chain.push(Draft::new().with("i", interface).rule(&name, &zone.origin));
                }
            }
            chains.push((name, rules, zone.origin.clone()));
        }
    }

    /// Sources of one family that a zone may have, or may not.
    fn sources(
        &self,
        zone: &str,
        family: Family,
        own: Vec<String>,
        others: Vec<String>,
        origin: &Origin,
        rules: &mut Vec<Made>,
    ) {
        let log = |draft: Draft| draft.log(&format!("{zone} SPOOFED"), origin);
        if own.is_empty() {
            let local = if family == Family::V4 { "127.0.0.0/8" } else { "::1" };
            let wrong: Vec<String> = others.into_iter().chain([local.to_owned()]).collect();
            for part in wrong.chunks(50) {
                if let Some(draft) = Draft::new().nets(part, true) {
                    rules.extend([log(draft.clone()), draft.rule("DROP", origin)]);
                }
            }
            return;
        }
        for part in own.chunks(50) {
            rules.extend(Draft::new().nets(part, true).map(|it| it.rule("RETURN", origin)));
        }
        // Hosts that have no address yet, or only one of the link.
        let unset = match family {
            Family::V4 => Draft::new()
                .nets(&["0.0.0.0".to_owned()], true)
                .map(|it| it.with("p", "udp").also(&[("dport", "67")])),
            Family::V6 => Draft::new().nets(&["fe80::/10".to_owned(), "::".to_owned()], true),
        };
        rules.extend(unset.map(|it| it.rule("RETURN", origin)));
        if let Some(draft) = Draft::new().of(family) {
            rules.extend([log(draft.clone()), draft.rule("DROP", origin)]);
        }
    }

    /// Zones from which a source makes at most so many connections.
    fn flooded(
        &mut self,
        input: &mut Vec<Made>,
        forward: &mut Vec<Made>,
        chains: &mut Vec<(String, Vec<Made>, Origin)>,
    ) {
        for (at, rate, origin) in std::mem::take(&mut self.floods) {
            let Some(zone) = self.zones.get(at).cloned() else { continue };
            let name = self.names.fresh(&format!("syn-{}", zone.name));
            let counters = self.counters();
            for draft in zone.end(&Draft::new().with("p", "tcp").also(&[("syn", "")]), true) {
                for chain in [&mut *input, &mut *forward] {
                    chain.push(draft.clone().rule(&name, &origin));
                }
            }
            chains.push((name, above(&Draft::new(), &rate, &counters, &origin), origin));
        }
    }
}
