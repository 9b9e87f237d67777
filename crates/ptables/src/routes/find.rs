//! The search: rules by priority, tables by the longest prefix.

use super::{Action, Kind, Query, Refusal, Route, Routes, Routing, Rule, Way};
use crate::dialect::Family;
use crate::value::iface::Iface;

/// Why nobody can tell.
type Unknown = &'static str;

/// What the rules of routing lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Found<'a> {
    Route(&'a Route),
    Refused(Refusal),
}

impl PartialEq for Route {
    fn eq(&self, other: &Route) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Routes {
    /// Where a packet goes.
    ///
    /// # Errors
    /// Why nobody can tell from what the snapshot says.
    pub fn find(&self, query: &Query) -> Result<Way, &'static str> {
        let routing = self.of(query.family);
        if !routing.knows_addresses() {
            return Err("the routes do not tell the addresses of the machine (`ip route show table all`)");
        }
        special(query)?;
        match query.from {
            Some(_) => self.incoming(routing, query),
            None => routing.outgoing(query),
        }
    }

    fn incoming(&self, routing: &Routing, query: &Query) -> Result<Way, Unknown> {
        if query.family == Family::V4 && is_martian(query.source) {
            return Ok(Way::Refused(Refusal::Martian));
        }
        let found = routing.search(query, query.source)?;
        let way = match found {
            Found::Refused(refusal) => Way::Refused(refusal),
            Found::Route(route) => match (route.kind, route.device) {
                (Kind::Local | Kind::Broadcast, _) => Way::Local,
                (Kind::Unicast, Some(iface)) => Way::Out { iface, gateway: route.gateway },
                (Kind::Unicast, None) => return Err("a route names no interface"),
                _ => return Err(MULTICAST),
            },
        };
        let closed = routing.forwards == Some(false);
        let out = match way {
            Way::Local => None,
            // IPv6 asks for it later: senders are told of missing routes in any case.
            Way::Refused(_) if !closed || query.family == Family::V6 => return Ok(way),
            _ if closed => return Ok(Way::Refused(Refusal::NotForwarding)),
            Way::Out { iface, .. } => Some(iface),
            Way::Refused(_) => return Ok(way),
        };
        Ok(self.reverse(routing, query, out)?.map_or(way, Way::Refused))
    }

    /// Whether a packet may have come that way: of IPv4 only.
    fn reverse(
        &self,
        routing: &Routing,
        query: &Query,
        out: Option<Iface>,
    ) -> Result<Option<Refusal>, Unknown> {
        let (Family::V4, Some(from)) = (query.family, query.from) else { return Ok(None) };
        if is_loopback(&from) {
            return Ok(None);
        }
        let (source, destination) = (query.destination, query.source);
        let back = Query { source, destination, mark: 0, from: out, ..*query };
        let plain = self.may_come(routing, &from, routing.search(&back, source));
        if query.mark != 0 {
            let marked = routing.search(&Query { mark: query.mark, ..back }, source);
            if self.may_come(routing, &from, marked) != plain {
                return Err("whether `src_valid_mark` is set is not told: the way back depends on it");
            }
        }
        plain
    }

    /// Whether a packet may come through an interface if this is the way back.
    fn may_come(
        &self,
        routing: &Routing,
        from: &Iface,
        found: Result<Found<'_>, Unknown>,
    ) -> Result<Option<Refusal>, Unknown> {
        let filter = self.filter(from);
        let device = match found {
            Ok(Found::Route(it)) if it.kind == Kind::Unicast => it.device,
            Ok(Found::Route(it)) if it.kind == Kind::Local => {
                return Err(
                    "whether `accept_local` is set is not told: the source is an address of this machine",
                );
            }
            Ok(Found::Route(_)) if filter.is_none_or(|it| it == 0) => {
                return Err(
                    "whether a packet may come from a broadcast address depends on what routes do not say",
                );
            }
            Ok(_) => None,
            Err(why) => return if filter == Some(0) { Ok(None) } else { Err(why) },
        };
        let has_address = routing.addresses.iter().any(|it| it.device == *from);
        match filter {
            _ if device == Some(*from) => Ok(None),
            Some(0) => Ok(None),
            Some(2) if device.is_some() && has_address => Ok(None),
            Some(_) => Ok(Some(Refusal::Martian)),
            None => Err("whether `rp_filter` is set is not told: the way back is another"),
        }
    }

    /// The reverse path filter that counts at an interface.
    fn filter(&self, iface: &Iface) -> Option<u8> {
        let of = |name: &[u8]| self.filters.iter().find(|it| it.0.as_bytes() == name).map(|it| it.1);
        of(b"all").zip(of(iface.as_bytes())).map(|(all, own)| all.max(own))
    }
}

const MULTICAST: Unknown = "whether this machine listens to a group is not told";

/// Addresses that routes alone do not decide about.
fn special(query: &Query) -> Result<(), Unknown> {
    let to = query.destination;
    match query.family {
        Family::V4 => match to >> 24 {
            224..=239 => Err(MULTICAST),
            0 => Err("the destination is an address of no machine"),
            127 if query.from.is_some_and(|it| !is_loopback(&it)) => {
                Err("whether `route_localnet` is set is not told")
            }
            _ if to == 0xffff_ffff => Err("the destination is everybody on a link"),
            _ => Ok(()),
        },
        Family::V6 if to >> 120 == 0xff => Err(MULTICAST),
        Family::V6 if to >> 118 == 0xfe80 >> 6 || query.source >> 118 == 0xfe80 >> 6 => {
            Err("addresses of a link are not looked for in the routes")
        }
        Family::V6 => Ok(()),
    }
}

/// Sources that come from no other machine.
fn is_martian(source: u128) -> bool {
    matches!(source >> 24, 0 | 127 | 224..=239) || source == 0xffff_ffff
}

fn is_loopback(iface: &Iface) -> bool {
    iface.as_bytes() == b"lo"
}

impl Routing {
    /// Whether the snapshot says which addresses are ours.
    fn knows_addresses(&self) -> bool {
        !self.addresses.is_empty() || self.routes.iter().any(|it| it.kind == Kind::Local)
    }

    fn outgoing(&self, query: &Query) -> Result<Way, Unknown> {
        let found = self.search(query, query.source)?;
        if !query.is_made && self.search(query, 0)? != found {
            return Err("whether the socket was bound to its address before it was routed is not told");
        }
        Ok(match found {
            Found::Refused(refusal) => Way::Refused(refusal),
            Found::Route(route) => match (route.kind, route.device) {
                (Kind::Local, _) => Way::Out { iface: Iface::LOOPBACK, gateway: None },
                (Kind::Unicast | Kind::Broadcast, Some(iface)) => Way::Out { iface, gateway: route.gateway },
                _ => return Err("a route names no interface"),
            },
        })
    }

    fn search(&self, query: &Query, source: u128) -> Result<Found<'_>, Unknown> {
        if self.rules.is_empty() {
            for table in [&b"local"[..], b"main", b"default"] {
                if let Some(found) = self.table(table, query, source, None)? {
                    return Ok(found);
                }
            }
            return Ok(Found::Refused(Refusal::NoRoute));
        }
        let mut from = 0;
        for rule in &self.rules {
            if rule.priority < from {
                continue;
            }
            match rule.fits(query, source) {
                Some(false) => continue,
                Some(true) => {}
                None => return Err("a rule of routing asks for what is not told"),
            }
            match &rule.action {
                Action::Nothing => {}
                Action::Goto(to) => from = *to,
                Action::Refuse(refusal) => return Ok(Found::Refused(*refusal)),
                Action::Other => return Err("what a rule of routing does is not known"),
                Action::Lookup(table) => {
                    if let Some(found) = self.table(table, query, source, rule.suppress)? {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(Found::Refused(Refusal::NoRoute))
    }

    /// What a table says; `None` if it has no route, or one that does not count.
    fn table(
        &self,
        table: &[u8],
        query: &Query,
        source: u128,
        suppress: Option<u8>,
    ) -> Result<Option<Found<'_>>, Unknown> {
        let fits =
            |it: &&Route| it.table.as_bytes() == table && it.to.has(query.destination) && it.from.has(source);
        // The longest prefix, then the lowest metric; of equal ones the first.
        let rank = |it: &Route| (it.to.length(), it.from.length(), u32::MAX - it.metric);
        if !self.is_whole && !matches!(table, b"local" | b"main") {
            return Err("only the table `main` is told (`ip route show table all`)");
        }
        let Some(best) = self.routes.iter().filter(fits).map(rank).max() else { return Ok(None) };
        let mut all =
            self.routes.iter().filter(fits).filter(|it| (rank(it).0, rank(it).1) == (best.0, best.1));
        if let Some(why) = all.clone().find_map(|it| it.others) {
            return Err(why);
        }
        let Some(route) = all.find(|it| rank(it) == best) else { return Ok(None) };
        if query.family == Family::V6 && all.any(|it| rank(it) == best) {
            return Err("a route leads over several ways");
        }
        Ok(match route.kind {
            Kind::Throw => None,
            Kind::Refuse(refusal) => Some(Found::Refused(refusal)),
            _ if suppress.is_some_and(|it| route.to.length() <= u32::from(it)) => None,
            _ => Some(Found::Route(route)),
        })
    }
}

impl Rule {
    /// Whether a packet is one that this rule is for; `None` if nobody can tell.
    fn fits(&self, query: &Query, source: u128) -> Option<bool> {
        let (mark, mask) = self.mark;
        let input = self.input.is_none_or(|it| it == query.from.unwrap_or(Iface::LOOPBACK));
        let known =
            self.from.has(source) && self.to.has(query.destination) && query.mark & mask == mark && input;
        match (known, self.others) {
            (true, true) => None,
            (known, _) => Some(known != self.inverted),
        }
    }
}
