//! Zones, and how a rule tells that a packet comes from one or goes to one.

use super::draft::Draft;
use crate::dialect::Family;
use crate::firewall::Statement;
use crate::firewall::place;
use crate::origin::Origin;

/// A zone.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) name: String,
    /// The frame of its statement.
    pub(super) origin: Origin,
    pub(super) interfaces: Vec<String>,
    pub(super) networks: Vec<String>,
    pub(super) antispoof: bool,
    /// Another zone has an interface of this one: then networks tell them apart.
    pub(super) shared: bool,
}

impl Zone {
    pub(super) fn read(statement: &Statement, origin: Origin) -> Result<Zone, String> {
        let name = statement.word("name").unwrap_or_default().to_owned();
        let fits = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(format!("`{name}` is no name of a zone: letters, digits, `-`, `_` and `.`"));
        }
        if name == place::HOST || name == place::ANY {
            return Err(format!("`{name}` is there already: this machine is `host`, all zones are `any`"));
        }
        let networks = statement.words("networks").to_vec();
        if let Some(wrong) = networks.iter().find(|it| place::net(it).is_none()) {
            return Err(format!("`{wrong}` is no network: write `192.168.1.0/24` or `fd00:1::/64`"));
        }
        let interfaces = statement.words("interfaces").to_vec();
        for interface in &interfaces {
            if crate::value::iface::Iface::parse(interface.as_bytes()).is_err() {
                return Err(format!("`{interface}` is no name of an interface: at most 15 bytes"));
            }
        }
        if interfaces.is_empty() && networks.is_empty() {
            return Err(format!("zone `{name}` has neither interfaces nor networks"));
        }
        let antispoof = statement.flag("antispoof", true);
        Ok(Zone { name, origin, interfaces, networks, antispoof, shared: false })
    }

    /// Whether its rules must be asked before those of others.
    pub(super) fn is_narrow(&self) -> bool {
        self.shared || self.interfaces.is_empty()
    }

    /// Packets from it (`i`, source) or to it (`o`, destination): a rule for each way to tell.
    pub(super) fn end(&self, draft: &Draft, source: bool) -> Vec<Draft> {
        let by_net = |draft: &Draft| {
            if self.is_narrow() { draft.nets(&self.networks, source) } else { Some(draft.clone()) }
        };
        let Some(draft) = by_net(draft) else { return Vec::new() };
        if self.interfaces.is_empty() {
            return vec![draft];
        }
        let option = if source { "i" } else { "o" };
        self.interfaces.iter().map(|it| draft.clone().with(option, it)).collect()
    }

    /// Its networks of one family.
    pub(super) fn networks_of(&self, family: Family) -> Vec<String> {
        let own = |it: &&String| place::net(it).is_some_and(|it| it.0 == family);
        self.networks.iter().filter(own).cloned().collect()
    }
}

/// Marks zones that share an interface. Gives one that has no networks to tell it by.
pub(super) fn mark_shared(zones: &mut [Zone]) {
    let all: Vec<Vec<String>> = zones.iter().map(|it| it.interfaces.clone()).collect();
    for (at, zone) in zones.iter_mut().enumerate() {
        let others = all.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|it| it.1);
        let mut others = others.filter(|it| zone.interfaces.contains(it));
        // The one without networks is what is left of the interface.
        zone.shared = others.next().is_some() && !zone.networks.is_empty();
    }
}
