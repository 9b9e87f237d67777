//! Policies between zones: a chain for each pair.

use super::draft::{Draft, Made};
use super::{End, Maker, chains, frame, text};
use crate::dialect::Family;
use crate::firewall::{Statement, Verb};
use crate::origin::Origin;
use crate::program::Tables;

/// What is said of connections from one end to another.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) rules: Vec<Made>,
    /// A rule without conditions has decided: nothing comes after it.
    closed: bool,
    /// What happens to the rest, whether it is logged, who said so.
    policy: Option<(String, bool, Origin)>,
}

impl Maker<'_> {
    /// `allow`, `drop` and `reject`.
    pub(super) fn filter(&mut self, statement: &Statement) {
        let sources = self.ends(statement, "sources");
        let destinations = self.ends(statement, "destinations");
        let (kinds, helpers) = self.kinds(statement);
        if !statement.words("services").is_empty() && kinds.is_empty() {
            return;
        }
        let origin = frame(&statement.origin, statement.verb.name());
        let jump = match statement.verb {
            Verb::Allow => "ACCEPT",
            Verb::Reject => "REJECT",
            _ => "DROP",
        };
        let limit = self.limit_of(statement, "limit");
        let log = statement.flag("log", false);
        let mut made_any = sources.is_empty() || destinations.is_empty();
        for (from, from_hosts) in &sources {
            for (to, to_hosts) in &destinations {
                // `any` to `any` does not mean what stays within a zone.
                if from == to && (sources.len() > 1 || destinations.len() > 1 || *from == End::Host) {
                    made_any |= *from != End::Host;
                    continue;
                }
                let drafts: Vec<Draft> = Draft::new()
                    .services(&kinds)
                    .iter()
                    .flat_map(|it| it.hosts(from_hosts, true))
                    .flat_map(|it| it.hosts(to_hosts, false))
                    .collect();
                made_any |= !drafts.is_empty();
                let prefix = format!("{}-{} {jump}", self.end_name(*from), self.end_name(*to));
                let counters = limit.as_ref().map(|_| self.counters());
                let mut rules = Vec::new();
                let mut closed = false;
                for draft in drafts {
                    if let (Some(rate), Some(counters)) = (&limit, &counters) {
                        rules.extend(above(&draft, rate, counters, &origin));
                    }
                    if log {
                        rules.push(draft.clone().log(&prefix, &origin));
                    }
                    closed |= draft.open;
                    rules.push(draft.rule(jump, &origin));
                }
                if jump == "ACCEPT" {
                    self.help(*from, &helpers, &origin);
                }
                let pair = self.pairs.entry((*from, *to)).or_default();
                pair.rules.extend(rules);
                pair.closed |= closed;
            }
        }
        if !made_any {
            let message = "the addresses of this statement never meet: they are of different families";
            self.wrong(statement, message.to_owned(), None);
        }
    }

    /// `policy`.
    pub(super) fn policy(&mut self, statement: &Statement) {
        let verdict = statement.word("verdict").unwrap_or_default().to_uppercase();
        if !matches!(verdict.as_str(), "ACCEPT" | "DROP" | "REJECT") {
            let message = format!("`{verdict}` is no policy: ACCEPT, DROP or REJECT");
            return self.wrong(statement, message, None);
        }
        let log = statement.flag("log", verdict != "ACCEPT");
        let origin = frame(&statement.origin, "policy");
        let destinations = self.ends(statement, "destinations");
        for (from, hosts) in self.ends(statement, "sources") {
            for (to, more) in &destinations {
                if !hosts.is_empty() || !more.is_empty() {
                    let message = "a policy is for whole zones".to_owned();
                    return self.wrong(
                        statement,
                        message,
                        Some("use `allow`, `drop` or `reject`".to_owned()),
                    );
                }
                if from != *to {
                    self.pairs.entry((from, *to)).or_default().policy =
                        Some((verdict.clone(), log, origin.clone()));
                }
            }
        }
    }

    /// Connections that a helper follows, from one end.
    fn help(
        &mut self,
        from: End,
        helpers: &[(&'static str, Vec<crate::firewall::service::Kind>)],
        origin: &Origin,
    ) {
        for (helper, kinds) in helpers {
            let drafts = Draft::new().services(kinds);
            // The first protocol is the one that carries the control connection.
            let drafts = drafts
                .into_iter()
                .filter(|_| *helper != "pptp")
                .chain((*helper == "pptp").then(|| Draft::new().with("p", "tcp").also(&[("dport", "1723")])));
            for draft in drafts {
                let ends = match from {
                    End::Host => vec![draft],
                    End::Zone(at) => self.zones.get(at).map(|it| it.end(&draft, true)).unwrap_or_default(),
                };
                for draft in ends {
                    let made = draft.rule_with("CT", "helper", helper, origin);
                    let list = if from == End::Host { &mut self.host_helpers } else { &mut self.helpers };
                    if !list.iter().any(|it| it.rule == made.rule) {
                        list.push(made);
                    }
                }
            }
        }
    }

    /// A rate as it was given, if it is one.
    pub(super) fn limit_of(&mut self, statement: &Statement, argument: &str) -> Option<String> {
        let rate = statement.word(argument)?;
        let parts = rate.split_once('/').and_then(|(count, unit)| Some((count.parse::<u32>().ok()?, unit)));
        let unit = |unit: &str| {
            let names = ["second", "minute", "hour", "day"];
            !unit.is_empty() && names.iter().any(|it| it.starts_with(unit))
        };
        match parts {
            Some((1..=10_000, name)) if unit(name) => Some(rate.to_owned()),
            _ => {
                let message = format!("`{rate}` is no rate");
                self.wrong(statement, message, Some("write `4/minute` or `100/second`".to_owned()));
                None
            }
        }
    }

    /// The name of a new table of counters, at most 15 bytes.
    pub(super) fn counters(&mut self) -> String {
        self.limits += 1;
        format!("ptables-{}", self.limits)
    }

    /// The chains of all pairs, and the ways to them.
    pub(super) fn dispatch(&mut self, tables: &mut Tables) {
        let zones: Vec<usize> = {
            let mut order: Vec<usize> = (0..self.zones.len()).collect();
            // What is told by its networks is asked before what is left of an interface.
            order.sort_by_key(|at| self.zones.get(*at).is_some_and(|it| !it.is_narrow()));
            order
        };
        let [mut input, mut forward, mut output] = std::mem::take(&mut self.hooks);
        let mut chains = std::mem::take(&mut self.chains);
        for from in zones.iter().copied() {
            let Some(zone) = self.zones.get(from).cloned() else { continue };
            let chain = self.pair_chain(End::Zone(from), End::Host, &zone.origin, &mut chains);
            input.extend(zone.end(&Draft::new(), true).into_iter().map(|it| it.rule(&chain, &zone.origin)));
            let chain = self.names.fresh(&format!("from-{}", zone.name));
            let mut rules = Vec::new();
            for to in zones.iter().copied() {
                if !self.pairs.contains_key(&(End::Zone(from), End::Zone(to))) {
                    continue;
                }
                let Some(other) = self.zones.get(to).cloned() else { continue };
                let pair = self.pair_chain(End::Zone(from), End::Zone(to), &zone.origin, &mut chains);
                let ways = other.end(&Draft::new(), false);
                rules.extend(ways.into_iter().map(|it| it.rule(&pair, &other.origin)));
            }
            rules.push(Draft::new().log(&format!("{} DROP", zone.name), &zone.origin));
            rules.push(Draft::new().rule("DROP", &zone.origin));
            forward.extend(zone.end(&Draft::new(), true).into_iter().map(|it| it.rule(&chain, &zone.origin)));
            chains.push((chain, rules, zone.origin.clone()));
        }
        for to in zones {
            let Some(zone) = self.zones.get(to).cloned() else { continue };
            if self.pairs.contains_key(&(End::Host, End::Zone(to))) {
                let chain = self.pair_chain(End::Host, End::Zone(to), &zone.origin, &mut chains);
                output.extend(
                    zone.end(&Draft::new(), false).into_iter().map(|it| it.rule(&chain, &zone.origin)),
                );
            }
        }
        let base = self.base.clone();
        for (name, list) in [("INPUT", &mut input), ("FORWARD", &mut forward)] {
            list.push(Draft::new().log(&format!("{name} DROP"), &base));
        }
        let Some(filter) = tables.get_mut("filter") else { return };
        for (name, rules, policy) in
            [("INPUT", input, "DROP"), ("FORWARD", forward, "DROP"), ("OUTPUT", output, "ACCEPT")]
        {
            if let Some(chain) = filter.get_mut(name) {
                chain.set_policy(text(policy));
            }
            chains::fill(filter, name, rules, &base);
        }
        for (name, rules, origin) in chains {
            chains::fill(filter, &name, rules, &origin);
        }
    }

    /// Makes the chain of a pair; gives its name.
    fn pair_chain(
        &mut self,
        from: End,
        to: End,
        origin: &Origin,
        chains: &mut Vec<(String, Vec<Made>, Origin)>,
    ) -> String {
        let title = format!("{}-{}", self.end_name(from), self.end_name(to));
        let name = self.names.fresh(&title);
        let Pair { mut rules, closed, policy } = self.pairs.get(&(from, to)).cloned().unwrap_or_default();
        // What this machine sends is free unless somebody says otherwise.
        let free = (from == End::Host).then(|| ("ACCEPT".to_owned(), false, origin.clone()));
        let (verdict, log, author) =
            policy.or(free).unwrap_or_else(|| ("DROP".to_owned(), true, origin.clone()));
        if !closed {
            if log {
                rules.push(Draft::new().log(&format!("{title} {verdict}"), &author));
            }
            rules.push(Draft::new().rule(&verdict, &author));
        }
        chains.push((name.clone(), rules, origin.clone()));
        name
    }
}

/// Rules that drop what is above a rate, counted by source: of IPv6 by /64, since that is what one host has.
pub(super) fn above(draft: &Draft, rate: &str, counters: &str, origin: &Origin) -> Vec<Made> {
    let burst = rate.split('/').next().unwrap_or_default();
    Family::ALL
        .into_iter()
        .filter_map(|family| draft.of(family).map(|it| (family, it)))
        .map(|(family, draft)| {
            let mut options = vec![
                ("m", "hashlimit"),
                ("hashlimit_above", rate),
                ("hashlimit_burst", burst),
                ("hashlimit_mode", "srcip"),
            ];
            if family == Family::V6 {
                options.push(("hashlimit_srcmask", "64"));
            }
            options.push(("hashlimit_name", counters));
            draft.also(&options).rule("DROP", origin)
        })
        .collect()
}
