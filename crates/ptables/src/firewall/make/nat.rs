//! Published servers, and addresses that are hidden.

use super::draft::Draft;
use super::zones::Zone;
use super::{End, Maker, chains, frame};
use crate::dialect::Family;
use crate::firewall::Statement;
use crate::firewall::place::{self, Hosts, Place};
use crate::origin::Origin;
use crate::program::{Chain, Table, Tables};

impl Maker<'_> {
    /// `publish`: IPv4 by a forwarded port, IPv6 by the server's own address.
    pub(super) fn publish(&mut self, statement: &Statement) {
        let origin = frame(&statement.origin, "publish");
        let sources = self.ends(statement, "sources");
        let (kinds, _) = self.kinds(statement);
        let port = statement.word("port");
        if port.is_some_and(|it| it.parse::<u16>().is_err()) {
            return self.wrong(statement, "`port` is a number from 0 to 65535".to_owned(), None);
        }
        let address = statement.word("address");
        if address.is_some_and(|it| !matches!(place::net(it), Some((Family::V4, _, 32)))) {
            let message = "`address` is one IPv4 address: servers of IPv6 have their own".to_owned();
            return self.wrong(statement, message, None);
        }
        if kinds.is_empty() {
            return;
        }
        let hairpin = statement.flag("hairpin", false);
        if hairpin && address.is_none() {
            let message =
                "zones inside reach a published server by its `address`, which is missing".to_owned();
            return self.wrong(statement, message, Some("say `address='203.0.113.5'`".to_owned()));
        }
        for (server, zone) in self.servers(statement) {
            let reached = |draft: &Draft| match port {
                // The port that the server listens on.
                Some(port) => draft.clone().services(&with_port(&kinds, port)),
                None => draft.clone().services(&kinds),
            };
            let four = !server.contains(':');
            let mut inside = Vec::new();
            for draft in reached(&Draft::new()) {
                let Some(draft) = draft.nets(std::slice::from_ref(&server), false) else { continue };
                inside.push(if four {
                    draft.also(&[("m", "conntrack"), ("ctstate", "DNAT")])
                } else {
                    draft
                });
            }
            let outside: Vec<(End, Vec<Hosts>)> = if hairpin && four {
                let all = (0..self.zones.len())
                    .map(End::Zone)
                    .filter(|it| !sources.iter().any(|(end, _)| end == it));
                sources.iter().cloned().chain(all.map(|it| (it, Vec::new()))).collect()
            } else {
                sources.clone()
            };
            for (from, hosts) in &outside {
                if *from == End::Host {
                    let message = "this machine reaches a server at its own address".to_owned();
                    return self.wrong(statement, message, None);
                }
                let rules: Vec<_> = inside
                    .iter()
                    .flat_map(|it| it.hosts(hosts, true))
                    .map(|it| it.rule("ACCEPT", &origin))
                    .collect();
                self.pairs.entry((*from, End::Zone(zone))).or_default().rules.extend(rules);
                if four {
                    self.forwarded(*from, hosts, &kinds, (&server, port, address), &origin);
                }
            }
            if hairpin && four {
                self.hide_hairpin(zone, &inside, &origin);
            }
        }
    }

    /// The addresses of a server, each with the zone that it is in.
    fn servers(&mut self, statement: &Statement) -> Vec<(String, usize)> {
        let mut servers = Vec::new();
        for word in statement.words("server") {
            // An address of IPv6 has colons too.
            let whole = place::net(word).map(|_| (None, vec![word.clone()]));
            let found = whole.or_else(|| {
                let place = Place::read(word).ok()?;
                match place.hosts.as_slice() {
                    [Hosts::Nets(nets)] => Some((Some(place.zone), nets.clone())),
                    _ => None,
                }
            });
            let Some((zone, addresses)) = found else {
                self.wrong(statement, format!("`{word}` is no address of a server"), None);
                continue;
            };
            for address in addresses {
                if place::net(&address).is_none_or(|(family, _, length)| length != family.bits()) {
                    self.wrong(
                        statement,
                        format!("`{address}` is a network, not the address of a server"),
                        None,
                    );
                    continue;
                }
                let at = match &zone {
                    Some(name) => self.zones.iter().position(|it| it.name == *name),
                    None => self
                        .zones
                        .iter()
                        .position(|it| it.networks.iter().any(|net| place::holds(net, &address))),
                };
                match (at, &zone) {
                    (Some(at), _) => servers.push((address, at)),
                    (None, Some(name)) => self.unknown_zone(statement, &name.clone()),
                    (None, None) => {
                        let message = format!("no zone has `{address}` in its networks");
                        let help = format!("give its zone networks, or write `ZONE:{address}`");
                        self.wrong(statement, message, Some(help));
                    }
                }
            }
        }
        servers
    }

    /// The rules that forward the port.
    fn forwarded(
        &mut self,
        from: End,
        hosts: &[Hosts],
        kinds: &[crate::firewall::service::Kind],
        (server, port, address): (&str, Option<&str>, Option<&str>),
        origin: &Origin,
    ) {
        let End::Zone(at) = from else { return };
        let Some(zone) = self.zones.get(at).cloned() else { return };
        let to = port.map_or_else(|| server.to_owned(), |port| format!("{server}:{port}"));
        for draft in Draft::new().services(kinds) {
            let draft = match address {
                Some(address) => draft.nets(&[address.to_owned()], false),
                None => {
                    draft.only([true, false]).map(|it| it.also(&[("m", "addrtype"), ("dst_type", "LOCAL")]))
                }
            };
            let Some(draft) = draft else { continue };
            let made: Vec<_> = from_zone(&zone, hosts, &draft)
                .into_iter()
                .map(|it| it.rule_with("DNAT", "to_destination", &to, origin))
                .collect();
            self.prerouting.extend(made);
        }
    }

    /// Clients in the zone of the server itself: its answers must come back through this machine.
    fn hide_hairpin(&mut self, zone: usize, inside: &[Draft], origin: &Origin) {
        let Some(zone) = self.zones.get(zone).cloned() else { return };
        let nets = zone.networks_of(Family::V4);
        for draft in inside.iter().filter_map(|it| it.nets(&nets, true)) {
            self.postrouting.push(draft.rule("MASQUERADE", origin));
        }
    }

    /// `masquerade`.
    pub(super) fn masquerade(&mut self, statement: &Statement) {
        let origin = frame(&statement.origin, "masquerade");
        for draft in self.leaving(statement, Family::V4) {
            // Networks of IPv4 tell that by themselves.
            let draft =
                if statement.words("sources").is_empty() { draft.of(Family::V4) } else { Some(draft) };
            self.postrouting.extend(draft.map(|it| it.rule("MASQUERADE", &origin)));
        }
    }

    /// `snat`.
    pub(super) fn snat(&mut self, statement: &Statement) {
        let origin = frame(&statement.origin, "snat");
        let address = statement.word("address").unwrap_or_default();
        let Some((family, _, length)) = place::net(address).filter(|it| it.2 == it.0.bits()) else {
            return self.wrong(statement, format!("`{address}` is no address"), None);
        };
        let to =
            if family == Family::V6 && length == 128 { format!("[{address}]") } else { address.to_owned() };
        for draft in self.leaving(statement, family) {
            self.postrouting.push(draft.rule_with("SNAT", "to_source", &to, &origin));
        }
    }

    /// Packets of a family that leave to the zones of a statement, from those that it names.
    fn leaving(&mut self, statement: &Statement, family: Family) -> Vec<Draft> {
        let sources = self.ends(statement, "sources");
        let destinations = self.ends(statement, "destinations");
        let mut drafts = Vec::new();
        for (to, hosts) in destinations {
            let End::Zone(to) = to else {
                self.wrong(statement, "packets to this machine do not leave it".to_owned(), None);
                continue;
            };
            let Some(zone) = self.zones.get(to).cloned() else { continue };
            let Some(draft) = Draft::new().only(super::draft::one(family)) else { continue };
            let mut outgoing = Vec::new();
            for draft in draft.hosts(&hosts, false) {
                outgoing.extend(if hosts.is_empty() {
                    zone.end(&draft, false)
                } else {
                    by_interface(&zone, &draft, "o")
                });
            }
            for draft in outgoing {
                if sources.is_empty() {
                    drafts.push(draft);
                    continue;
                }
                for (from, hosts) in &sources {
                    let End::Zone(from) = from else {
                        let message = "name zones: what this machine sends has its own address".to_owned();
                        self.wrong(statement, message, None);
                        continue;
                    };
                    let Some(zone) = self.zones.get(*from).cloned() else { continue };
                    let nets = zone.networks_of(family);
                    if hosts.is_empty() && nets.is_empty() {
                        let message = format!("zone `{}` has no {family} networks to be told by", zone.name);
                        let help =
                            "packets that leave have no incoming interface: give the zone its networks";
                        self.wrong(statement, message, Some(help.to_owned()));
                        continue;
                    }
                    drafts.extend(if hosts.is_empty() {
                        draft.nets(&nets, true).into_iter().collect()
                    } else {
                        draft.hosts(hosts, true)
                    });
                }
            }
        }
        drafts
    }

    /// Puts the rules into nat and raw.
    pub(super) fn translate(&mut self, tables: &mut Tables) {
        let base = self.base.clone();
        let lists = [
            ("PREROUTING", std::mem::take(&mut self.prerouting)),
            ("POSTROUTING", std::mem::take(&mut self.postrouting)),
        ];
        if let Some(nat) = tables.get_mut("nat") {
            for (name, rules) in lists {
                chains::fill(nat, name, rules, &base);
            }
        }
        let lists = [
            ("PREROUTING", std::mem::take(&mut self.helpers)),
            ("OUTPUT", std::mem::take(&mut self.host_helpers)),
        ];
        if lists.iter().all(|it| it.1.is_empty()) {
            return;
        }
        let mut raw = Table::new("raw", []);
        raw.origin = base.clone();
        for (name, rules) in lists {
            let mut chain = Chain::builtin(name, "ACCEPT");
            chain.origin = base.clone();
            raw.push(chain);
            chains::fill(&mut raw, name, rules, &base);
        }
        tables.push(raw);
    }
}

/// Packets from a zone, or from some hosts in it.
fn from_zone(zone: &Zone, hosts: &[Hosts], draft: &Draft) -> Vec<Draft> {
    if hosts.is_empty() {
        return zone.end(draft, true);
    }
    draft.hosts(hosts, true).iter().flat_map(|it| by_interface(zone, it, "i")).collect()
}

/// By the interfaces of a zone alone: hosts tell the rest.
fn by_interface(zone: &Zone, draft: &Draft, option: &str) -> Vec<Draft> {
    if zone.interfaces.is_empty() {
        return vec![draft.clone()];
    }
    zone.interfaces.iter().map(|it| draft.clone().with(option, it)).collect()
}

/// The same protocols at another port.
fn with_port(kinds: &[crate::firewall::service::Kind], port: &str) -> Vec<crate::firewall::service::Kind> {
    use crate::firewall::service::Kind;
    use crate::value::port::Ports;
    let port = port.parse().unwrap_or_default();
    kinds
        .iter()
        .map(|it| match it {
            Kind::Ports(proto, _) => Kind::Ports(proto, Ports::one(port)),
            other => other.clone(),
        })
        .collect()
}
