//! Reads a snapshot: what `ip rule`, `ip route show table all`, `ip addr` and `sysctl` print.

use super::{Action, Address, Kind, Prefix, Refusal, Route, Routes, Routing, Rule};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::source::{Source, Text};
use crate::value::addr::{prefix_mask, strict};
use crate::value::iface::Iface;
use crate::value::number;

type Done<T = ()> = Result<T, Box<Diagnostic>>;

impl Routes {
    /// Reads a snapshot, and goes on after an error. A line that is wrong is left out.
    pub fn parse(source: &Source) -> (Routes, Vec<Diagnostic>) {
        let mut reader = Reader { routes: Routes::default(), family: None, device: None, errors: Vec::new() };
        let mut number = 1;
        while let Some(line) = source.line(number) {
            number += 1;
            if let Err(error) = reader.line(&line) {
                reader.errors.push(*error);
            }
        }
        for it in &mut reader.routes.families {
            // Rules of the same priority stay in the order in which they were made.
            it.rules.sort_by_key(|it| it.priority);
            it.complete();
        }
        (reader.routes, reader.errors)
    }
}

impl Route {
    /// A route to everywhere in the table `main`.
    fn main() -> Route {
        Route {
            table: Text::from("main"),
            kind: Kind::Unicast,
            to: Prefix::default(),
            from: Prefix::default(),
            gateway: None,
            device: None,
            metric: 0,
            others: None,
        }
    }
}

impl Routing {
    /// Of `ip route` without `table all` only the table `main` is known; the table `local` follows from the addresses.
    fn complete(&mut self) {
        self.is_whole = self.routes.iter().any(|it| it.table.as_bytes() == b"local");
        if self.is_whole {
            return;
        }
        for it in &self.addresses {
            let to = Prefix { address: it.address, mask: u128::MAX };
            let kind = Kind::Local;
            self.routes.push(Route {
                table: Text::from("local"),
                kind,
                device: Some(it.device),
                to,
                ..Route::main()
            });
        }
    }
}

struct Reader {
    routes: Routes,
    /// As a headline says.
    family: Option<Family>,
    /// The interface of the addresses that follow.
    device: Option<Iface>,
    errors: Vec<Diagnostic>,
}

pub(super) fn error(at: &Text, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::PACKET_ROUTES, message).at(Origin::Text(at.clone()), ""))
}

/// The words of a line.
fn words(line: &Text) -> Vec<Text> {
    let mut words = Vec::new();
    let mut start = None;
    for at in 0..=line.len() {
        let blank = line.get(at).is_none_or(|it| it.is_ascii_whitespace() || *it == b'\\');
        match (start, blank) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(line.slice(from, at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// A line's words one after the other.
struct Words {
    rest: std::vec::IntoIter<Text>,
}

impl Words {
    fn value(&mut self, of: &Text) -> Done<Text> {
        self.rest.next().ok_or_else(|| error(of, format!("`{}` lacks its value", of.to_lossy())))
    }

    fn number(&mut self, of: &Text) -> Done<u32> {
        let word = self.value(of)?;
        small(&word)
    }
}

fn small(word: &Text) -> Done<u32> {
    let digits = word.as_bytes();
    let value = match digits.strip_prefix(b"0x") {
        Some(hex) => std::str::from_utf8(hex).ok().and_then(|it| u32::from_str_radix(it, 16).ok()),
        None => number::decimal(digits).and_then(|it| u32::try_from(it).ok()),
    };
    value.ok_or_else(|| error(word, format!("`{}` is no number", word.to_lossy())))
}

pub(super) fn iface(word: &Text) -> Done<Iface> {
    // `eth0@if3` tells the other end too.
    let name = word.split(|it| *it == b'@').next().unwrap_or_default();
    Iface::parse(name).map_err(|bad| error(word, format!("expected {}", bad.expected)))
}

/// An address without a family: the colon tells it.
fn address(word: &[u8]) -> Option<(Family, u128)> {
    let family = if word.contains(&b':') { Family::V6 } else { Family::V4 };
    strict(family, word).map(|it| (family, it))
}

/// `ADDRESS/LENGTH`, or an address alone.
fn prefix(word: &[u8]) -> Option<(Family, u128, Prefix)> {
    let slash = word.iter().position(|it| *it == b'/');
    let (text, length) = slash.and_then(|at| word.split_at_checked(at)).unwrap_or((word, b""));
    let (family, bits) = address(text)?;
    let length = match length.get(1..) {
        None => family.bits(),
        Some(digits) => u8::try_from(number::decimal(digits)?).ok()?,
    };
    (u32::from(length) <= u32::from(family.bits())).then_some(())?;
    let mask = prefix_mask(family, length);
    Some((family, bits, Prefix { address: bits & mask, mask }))
}

/// Tables have names and numbers; those that every machine has are called by name here.
fn table(word: &Text) -> Text {
    match word.as_bytes() {
        b"255" => Text::from("local"),
        b"254" => Text::from("main"),
        b"253" => Text::from("default"),
        _ => word.clone(),
    }
}

fn refusal(word: &[u8]) -> Option<Refusal> {
    Some(match word {
        b"unreachable" => Refusal::Unreachable,
        b"blackhole" => Refusal::Blackhole,
        b"prohibit" => Refusal::Prohibit,
        _ => return None,
    })
}

fn kind(word: &[u8]) -> Option<Kind> {
    Some(match word {
        b"unicast" => Kind::Unicast,
        // An anycast address is one of ours too.
        b"local" | b"anycast" => Kind::Local,
        b"broadcast" => Kind::Broadcast,
        b"multicast" => Kind::Multicast,
        b"throw" => Kind::Throw,
        _ => Kind::Refuse(refusal(word)?),
    })
}

impl Reader {
    fn line(&mut self, line: &Text) -> Done {
        let all = words(line);
        let Some(first) = all.first() else { return Ok(()) };
        let second = all.get(1).map_or(&b""[..], Text::as_bytes);
        if first.starts_with(b"#") || first.starts_with(b"$") {
            let has = |word: &[u8]| all.iter().any(|it| it.as_bytes() == word);
            self.family = match (has(b"-4"), has(b"-6")) {
                (true, false) => Some(Family::V4),
                (false, true) => Some(Family::V6),
                _ => None,
            };
            return Ok(());
        }
        let number = first.strip_suffix(b":").filter(|it| number::decimal(it).is_some());
        if first.starts_with(b"net.") {
            return self.setting(&all);
        }
        match (number, first.as_bytes()) {
            (Some(_), _) if matches!(second, b"from" | b"not") => self.rule(line, all),
            (Some(_), _) => self.interface(&all),
            (None, b"inet" | b"inet6") => self.address(line, all),
            // Of an interface, and the second line of an address.
            (None, b"valid_lft" | b"altname") => Ok(()),
            (None, word) if word.starts_with(b"link/") => Ok(()),
            (None, b"nexthop") => self.nexthop(first),
            _ => self.route(line, all),
        }
    }

    /// `2: eth0: <…` begins an interface; with `ip -o` its address stands in the same line.
    fn interface(&mut self, all: &[Text]) -> Done {
        let Some(name) = all.get(1) else { return Ok(()) };
        let bare = name.len() - usize::from(name.ends_with(b":"));
        self.device = Some(iface(&name.slice(0, bare))?);
        match all.get(2) {
            Some(word) if matches!(word.as_bytes(), b"inet" | b"inet6") => {
                self.address(word, all.iter().skip(2).cloned().collect())
            }
            _ => Ok(()),
        }
    }

    fn address(&mut self, line: &Text, all: Vec<Text>) -> Done {
        let Some(device) = self.device else {
            return Err(error(line, "the interface of this address is missing"));
        };
        let mut words = Words { rest: all.into_iter() };
        let first = words.rest.next().unwrap_or_else(|| line.clone());
        let word = words.value(&first)?;
        let wrong = |word: &Text| error(word, format!("`{}` is no address", word.to_lossy()));
        let (family, bits, network) = prefix(&word).ok_or_else(|| wrong(&word))?;
        let mut it =
            Address { device, address: bits, network, is_plain: true, is_narrow: false, is_secondary: false };
        while let Some(word) = words.rest.next() {
            match word.as_bytes() {
                b"peer" => {
                    let other = words.value(&word)?;
                    it.network = prefix(&other).ok_or_else(|| wrong(&other))?.2;
                }
                b"scope" => it.is_narrow = words.value(&word)?.as_bytes() != b"global",
                b"secondary" => it.is_secondary = true,
                b"tentative" | b"deprecated" | b"dadfailed" | b"temporary" | b"optimistic" => {
                    it.is_plain = false
                }
                _ => {}
            }
        }
        it.is_plain &= !it.is_narrow;
        self.routes.of_mut(family).addresses.push(it);
        Ok(())
    }

    /// `net.ipv4.ip_forward = 1`.
    fn setting(&mut self, all: &[Text]) -> Done {
        let (Some(name), Some(value)) = (all.first(), all.last()) else { return Ok(()) };
        let own = |from: &[u8], to: &[u8]| name.strip_prefix(from).and_then(|it| it.strip_suffix(to));
        if let Some(device) = own(b"net.ipv4.conf.", b".rp_filter") {
            let value = small(value)?.min(2) as u8;
            self.routes.filters.push((Text::new(device), value));
        }
        for (family, setting) in
            [(Family::V4, &b"net.ipv4.ip_forward"[..]), (Family::V6, b"net.ipv6.conf.all.forwarding")]
        {
            if name.as_bytes() == setting {
                self.routes.of_mut(family).forwards = Some(small(value)? != 0);
            }
        }
        Ok(())
    }

    /// One of several ways of the route before it.
    fn nexthop(&mut self, first: &Text) -> Done {
        let last = self.routes.families.iter_mut().filter_map(|it| it.routes.last_mut());
        let mut open = last.filter(|it| it.device.is_none() && it.kind == Kind::Unicast);
        match open.next() {
            Some(route) => route.others = Some("a route leads over several ways"),
            None => return Err(error(first, "the route of this nexthop is missing")),
        }
        Ok(())
    }

    fn route(&mut self, line: &Text, all: Vec<Text>) -> Done {
        let mut words = Words { rest: all.into_iter() };
        let mut first = words.rest.next().unwrap_or_else(|| line.clone());
        let kind = kind(&first);
        if kind.is_some() {
            first = words.value(&first)?;
        }
        let mut family = self.family;
        let mut route = Route { kind: kind.unwrap_or(Kind::Unicast), ..Route::main() };
        if first.as_bytes() != b"default" {
            let wrong = || error(&first, "expected a line of `ip route`, `ip rule`, `ip addr` or `sysctl`");
            let (own, _, to) = prefix(&first).ok_or_else(wrong)?;
            (family, route.to) = (Some(own), to);
        }
        let mut dead = false;
        while let Some(word) = words.rest.next() {
            match word.as_bytes() {
                b"via" => {
                    let mut to = words.value(&word)?;
                    let other = matches!(to.as_bytes(), b"inet" | b"inet6");
                    if other {
                        to = words.value(&to)?;
                    }
                    let (of, gateway) = address(&to)
                        .ok_or_else(|| error(&to, format!("`{}` is no address", to.to_lossy())))?;
                    route.gateway = Some(gateway).filter(|_| !other);
                    family = family.or((!other).then_some(of));
                }
                b"dev" => route.device = Some(iface(&words.value(&word)?)?),
                b"table" => route.table = table(&words.value(&word)?),
                b"metric" => route.metric = words.number(&word)?,
                b"from" => {
                    let net = words.value(&word)?;
                    let (of, _, from) = prefix(&net)
                        .ok_or_else(|| error(&net, format!("`{}` is no network", net.to_lossy())))?;
                    (family, route.from) = (family.or(Some(of)), from);
                }
                // Only routes of IPv6 have it.
                b"pref" => {
                    words.value(&word)?;
                    family = family.or(Some(Family::V6));
                }
                b"tos" | b"dsfield" => {
                    words.value(&word)?;
                    route.others = Some("a route asks for a type of service");
                }
                b"nhid" => {
                    words.value(&word)?;
                    route.others = Some("a route leads to a nexthop object");
                }
                b"encap" => route.others = Some("a route puts packets into others"),
                b"nexthop" => route.others = Some("a route leads over several ways"),
                b"linkdown" => route.others = Some("the link of a route is down"),
                b"dead" => dead = true,
                b"proto" | b"scope" | b"src" | b"mtu" | b"realm" | b"realms" | b"error" | b"expires"
                | b"hoplimit" | b"advmss" | b"rtt" | b"window" | b"weight" | b"initcwnd" | b"features" => {
                    words.value(&word)?;
                }
                _ => {}
            }
        }
        if !dead {
            self.routes.of_mut(family.unwrap_or(Family::V4)).routes.push(route);
        }
        Ok(())
    }

    fn rule(&mut self, line: &Text, all: Vec<Text>) -> Done {
        let mut family = self.family;
        let mut words = Words { rest: all.into_iter() };
        let first = words.rest.next().unwrap_or_else(|| line.clone());
        let mut rule = Rule {
            priority: small(&first.slice(0, first.len().saturating_sub(1)))?,
            inverted: false,
            from: Prefix::default(),
            to: Prefix::default(),
            mark: (0, 0),
            input: None,
            others: false,
            action: Action::Other,
            suppress: None,
        };
        while let Some(word) = words.rest.next() {
            match word.as_bytes() {
                b"not" => rule.inverted = true,
                b"from" | b"to" => {
                    let net = words.value(&word)?;
                    if net.as_bytes() == b"all" {
                        continue;
                    }
                    let (of, _, it) = prefix(&net)
                        .ok_or_else(|| error(&net, format!("`{}` is no network", net.to_lossy())))?;
                    family = family.or(Some(of));
                    *(if word.as_bytes() == b"from" { &mut rule.from } else { &mut rule.to }) = it;
                }
                b"fwmark" => {
                    let value = words.value(&word)?;
                    let slash = value.iter().position(|it| *it == b'/');
                    let mark = small(&value.slice(0, slash.unwrap_or(value.len())))?;
                    let mask = slash.map_or(Ok(u32::MAX), |at| small(&value.slice(at + 1, value.len())))?;
                    rule.mark = (mark, mask);
                }
                b"iif" => rule.input = Some(iface(&words.value(&word)?)?),
                b"lookup" | b"table" => {
                    let name = words.value(&word)?;
                    // Such as `[l3mdev-table]`.
                    let known = !name.starts_with(b"[");
                    rule.action = if known { Action::Lookup(table(&name)) } else { Action::Other };
                }
                b"goto" => rule.action = Action::Goto(words.number(&word)?),
                b"nop" => rule.action = Action::Nothing,
                b"suppress_prefixlength" => rule.suppress = Some(words.number(&word)?.min(128) as u8),
                b"proto" | b"realms" => {
                    words.value(&word)?;
                }
                // Of an interface that is gone.
                b"[detached]" => {}
                b"unresolved" | b"[unresolved]" => rule.action = Action::Nothing,
                name => match refusal(name) {
                    // Of a rule, the kernel says that the network is unreachable.
                    Some(Refusal::Unreachable) => rule.action = Action::Refuse(Refusal::NoRoute),
                    Some(it) => rule.action = Action::Refuse(it),
                    // `oif`, `tos`, `ipproto`, `sport`, `uidrange` and others, with their values.
                    None => rule.others = true,
                },
            }
        }
        self.routes.of_mut(family.unwrap_or(Family::V4)).rules.push(rule);
        Ok(())
    }
}
