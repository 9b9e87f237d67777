//! Where routes lead a packet on its way.

use super::machine::Machine;
use super::walk::Run;
use super::{Observer, Verdict};
use crate::dialect::Family;
use crate::ext::Hook;
use crate::meaning::{Answer, Field};
use crate::packet::Path;
use crate::packet::bytes::u32_at;
use crate::routes::{Query, Refusal, Routes, Way};

/// What the kernel compares to see whether a packet needs another route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoutedBy {
    source: u128,
    destination: u128,
    mark: u32,
    /// In OUTPUT: TOS of IPv4; traffic class, flow label and hop limit of IPv6.
    others: (Option<u32>, Option<u8>),
}

impl RoutedBy {
    fn of(machine: &Machine<'_>) -> RoutedBy {
        let heads = &machine.heads;
        let others = match (machine.hook, machine.family) {
            (Hook::Output, Family::V4) => (Some(machine.view().tos().into()), None),
            (Hook::Output, Family::V6) => (u32_at(&machine.bytes, 0), Some(machine.view().hop_limit())),
            _ => (None, None),
        };
        RoutedBy { source: heads.source, destination: heads.destination, mark: machine.mark, others }
    }
}

/// Fields by which a route is found.
const FIELDS: [Field; 3] = [Field::Source, Field::Destination, Field::Mark];

impl<O: Observer> Run<'_, '_, '_, O> {
    pub(super) fn routed_by(&self) -> RoutedBy {
        RoutedBy::of(&self.machine)
    }

    /// Before OUTPUT: the interface that it leaves through, unless it is told.
    pub(super) fn set_out(&mut self) -> Option<Verdict> {
        let simulator = self.simulator;
        match &simulator.routes {
            Some(routes) if self.machine.packet.routed => self.go_out(routes, false),
            _ => None,
        }
    }

    /// Behind a table of OUTPUT: another way, if it changed what routes look at.
    pub(super) fn choose_out(&mut self, before: RoutedBy) -> Option<Verdict> {
        let simulator = self.simulator;
        let routes = simulator.routes.as_ref()?;
        let now = self.routed_by();
        (before != now || self.has_lost()).then(|| self.go_out(routes, true)).flatten()
    }

    fn go_out(&mut self, routes: &Routes, is_made: bool) -> Option<Verdict> {
        let simulator = self.simulator;
        let query = Query { from: None, is_made, ..self.query() };
        match self.find(routes, &query) {
            Ok(Way::Out { iface, .. }) => {
                self.machine.lead_out(Some(iface), &simulator.names);
                None
            }
            Ok(Way::Local) => None,
            Ok(Way::Refused(refusal)) => Some(self.refuse(refusal)),
            Err(why) => Some(self.give_up(why)),
        }
    }

    /// Between PREROUTING and what follows.
    pub(super) fn choose_way(&mut self) -> Option<Verdict> {
        let simulator = self.simulator;
        let routes = simulator.routes.as_ref()?;
        let packet = self.machine.packet;
        let view = packet.view();
        let (source, destination) = (view.source(), view.destination());
        let told = RoutedBy { source, destination, mark: packet.mark, others: (None, None) };
        if !packet.routed && told == self.routed_by() && !self.has_lost() {
            return None;
        }
        let query = self.query();
        if query.from.is_none() {
            return Some(self.give_up("the interface that the packet came through is not told"));
        }
        match self.find(routes, &query) {
            Ok(Way::Local) => {
                self.machine.path = Path::Input;
                self.machine.lead_out(None, &simulator.names);
                None
            }
            Ok(Way::Out { iface, .. }) => {
                self.machine.path = Path::Forward;
                self.machine.lead_out(Some(iface), &simulator.names);
                None
            }
            Ok(Way::Refused(refusal)) => Some(self.refuse(refusal)),
            Err(why) => Some(self.give_up(why)),
        }
    }

    /// The address that a translation to that of an interface takes.
    pub(super) fn address_of_interface(&self, source: bool) -> Option<u128> {
        let routes = self.simulator.routes.as_ref()?;
        let machine = &self.machine;
        if !source {
            return routes.redirect(machine.family, &machine.packet.in_iface?);
        }
        let out = machine.out?;
        let query = Query { is_made: true, ..self.query() };
        let near = match self.find(routes, &query) {
            Ok(Way::Out { iface, gateway }) if iface == out => Some(gateway.unwrap_or(query.destination)),
            _ => None,
        };
        routes.masquerade(machine.family, &out, near)
    }

    fn has_lost(&self) -> bool {
        self.machine.lost.iter().any(|it| FIELDS.contains(&it.0))
    }

    fn query(&self) -> Query {
        let RoutedBy { source, destination, mark, .. } = self.routed_by();
        let from = self.machine.packet.in_iface.filter(|_| self.machine.path != Path::Output);
        Query { family: self.machine.family, source, destination, mark, from, is_made: true }
    }

    fn find(&self, routes: &Routes, query: &Query) -> Result<Way, &'static str> {
        match self.machine.lost.iter().find(|it| FIELDS.contains(&it.0)) {
            Some((_, why)) => Err(why),
            None => routes.find(query),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Verdict {
        self.ended = Some(refusal.as_str());
        match refusal.answer(self.machine.family) {
            Some((kind, code)) => Verdict::Reject(Answer::Icmp(kind, code)),
            None => Verdict::Drop,
        }
    }
}
