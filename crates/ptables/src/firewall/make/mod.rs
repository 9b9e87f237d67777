//! From statements to tables.

mod chains;
mod draft;
mod filter;
mod guard;
mod nat;
mod zones;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::place::{self, Hosts, Place};
use super::service::{self, Kind};
use super::{Firewall, Statement, Verb};
use crate::diag::{Code, Diagnostic, codes, suggest};
use crate::origin::{Frame, Origin};
use crate::program::{Tables, default_tables};
use crate::source::Text;

use chains::Names;
use draft::Made;
use filter::Pair;
use zones::Zone;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// This machine.
    Host,
    /// A zone, by its place.
    Zone(usize),
}

/// Protocols and ports, and helpers with the ports that they watch.
type Services = (Vec<Kind>, Vec<(&'static str, Vec<Kind>)>);

/// What is made so far.
struct Maker<'f> {
    firewall: &'f Firewall,
    /// Who wrote what nobody asked for by name.
    base: Origin,
    zones: Vec<Zone>,
    /// Services of the user's own.
    services: HashMap<String, (Vec<Kind>, Option<String>)>,
    pairs: BTreeMap<(End, End), Pair>,
    /// Rules of nat and raw.
    prerouting: Vec<Made>,
    postrouting: Vec<Made>,
    helpers: Vec<Made>,
    host_helpers: Vec<Made>,
    /// Limits of new connections: zone, rate, author.
    floods: Vec<(usize, String, Origin)>,
    /// Rules of INPUT, FORWARD and OUTPUT.
    hooks: [Vec<Made>; 3],
    /// Chains of the user: name, rules, author.
    chains: Vec<(String, Vec<Made>, Origin)>,
    /// How many tables of counters there are: each has a name of its own.
    limits: usize,
    names: Names,
    diagnostics: Vec<Diagnostic>,
}

/// The tables, and what is wrong.
pub(super) fn tables(firewall: &Firewall) -> (Tables, Vec<Diagnostic>) {
    let mut maker = Maker {
        firewall,
        base: frame(&firewall.origin, "firewall"),
        zones: Vec::new(),
        services: HashMap::new(),
        pairs: BTreeMap::new(),
        prerouting: Vec::new(),
        postrouting: Vec::new(),
        helpers: Vec::new(),
        host_helpers: Vec::new(),
        floods: Vec::new(),
        hooks: Default::default(),
        chains: Vec::new(),
        limits: 0,
        names: Names::default(),
        diagnostics: Vec::new(),
    };
    maker.declare();
    for statement in &firewall.statements {
        maker.statement(statement);
    }
    let tables = maker.assemble();
    (tables, maker.diagnostics)
}

/// The origin of rules that a statement makes: its own place, and what it does; the statement is the parent.
fn frame(statement: &Origin, verb: &str) -> Origin {
    let Some(place) = statement.place() else { return statement.clone() };
    let mut frame = Frame::new(place.file, place.line, Some(verb));
    frame.column = place.column;
    frame.parent = statement.clone();
    Origin::Frame(Arc::new(frame))
}

impl Maker<'_> {
    /// Zones and services first: statements may name what stands below them.
    fn declare(&mut self) {
        for statement in &self.firewall.statements {
            self.whole(statement);
            match statement.verb {
                Verb::Zone => match Zone::read(statement, frame(&statement.origin, "zone")) {
                    Ok(zone) if self.zones.iter().any(|it| it.name == zone.name) => {
                        self.wrong(statement, format!("there is a zone `{}` already", zone.name), None);
                    }
                    Ok(zone) => self.zones.push(zone),
                    Err(message) => self.wrong(statement, message, None),
                },
                Verb::Service => self.own_service(statement),
                _ => {}
            }
        }
        zones::mark_shared(&mut self.zones);
    }

    /// Arguments that are missing, or that the verb does not have.
    fn whole(&mut self, statement: &Statement) {
        let verb = statement.verb;
        for name in &statement.refused {
            let message = format!("`{}` has no argument `{name}`", verb.name());
            self.wrong(statement, message, Some(format!("it has {}", verb.arguments().join(", "))));
        }
        for name in verb.arguments().iter().take(verb.required()) {
            // A zone may have networks instead.
            let networks = *name == "interfaces" && !statement.words("networks").is_empty();
            if statement.words(name).is_empty() && !networks {
                self.wrong(statement, format!("`{}` needs `{name}`", verb.name()), None);
            }
        }
    }

    fn own_service(&mut self, statement: &Statement) {
        let mut kinds = Vec::new();
        for text in statement.words("ports") {
            match service::kind(text) {
                Some(kind) => kinds.push(kind),
                None => {
                    let message = format!("`{text}` is no protocol or port");
                    self.wrong(
                        statement,
                        message,
                        Some("write `tcp/8080`, `udp/60000:61000`, `gre`".to_owned()),
                    );
                }
            }
        }
        let helper = statement.word("helper").map(str::to_owned);
        self.services.insert(statement.word("name").unwrap_or_default().to_owned(), (kinds, helper));
    }

    fn statement(&mut self, statement: &Statement) {
        match statement.verb {
            Verb::Zone | Verb::Service => {}
            Verb::Allow | Verb::Drop | Verb::Reject => self.filter(statement),
            Verb::Policy => self.policy(statement),
            Verb::Publish => self.publish(statement),
            Verb::Masquerade => self.masquerade(statement),
            Verb::Snat => self.snat(statement),
            Verb::SynLimit => self.syn_limit(statement),
        }
    }

    /// The places of an argument, one a zone.
    fn ends(&mut self, statement: &Statement, argument: &str) -> Vec<(End, Vec<Hosts>)> {
        let mut ends: Vec<(End, Vec<Hosts>)> = Vec::new();
        for word in statement.words(argument) {
            let place = match Place::read(word) {
                Ok(place) => place,
                Err(text) => {
                    let message = format!("`{text}` in `{word}` is no address, network, range or set");
                    let help = "write `lan:192.168.1.7,fd00::/64`, `lan:10.0.0.1-10.0.0.9` or `lan:@set`";
                    self.wrong(statement, message, Some(help.to_owned()));
                    continue;
                }
            };
            let zones: Vec<End> = match place.zone.as_str() {
                place::HOST => vec![End::Host],
                place::ANY => (0..self.zones.len()).map(End::Zone).collect(),
                name => match self.zones.iter().position(|it| it.name == name) {
                    Some(at) => vec![End::Zone(at)],
                    None => {
                        self.unknown_zone(statement, name);
                        continue;
                    }
                },
            };
            for end in zones {
                match ends.iter_mut().find(|it| it.0 == end) {
                    // All of a zone and some hosts in it is all of it.
                    Some((_, hosts)) if hosts.is_empty() || place.hosts.is_empty() => hosts.clear(),
                    Some((_, hosts)) => hosts.extend(place.hosts.iter().cloned()),
                    None => ends.push((end, place.hosts.clone())),
                }
            }
        }
        ends
    }

    /// What the services of a statement are.
    fn kinds(&mut self, statement: &Statement) -> Services {
        let mut services: Services = Default::default();
        for word in statement.words("services") {
            if let Some((kinds, helper)) = self.services.get(word) {
                services.0.extend(kinds.iter().cloned());
                if let Some(known) = helper.as_deref().and_then(known_helper) {
                    services.1.push((known, kinds.clone()));
                } else if let Some(helper) = helper.clone() {
                    let message = format!("there is no conntrack helper `{helper}`");
                    self.wrong(statement, message, Some(format!("there are {}", HELPERS.join(", "))));
                }
            } else if let Some(found) = service::service(word) {
                let kinds: Vec<Kind> = found.ports.split(' ').filter_map(service::kind).collect();
                if let Some(helper) = found.helper {
                    services.1.push((helper, kinds.clone()));
                }
                services.0.extend(kinds);
            } else if let Some(kind) = service::kind(word) {
                services.0.push(kind);
            } else {
                self.unknown_service(statement, word);
            }
        }
        services
    }

    fn unknown_zone(&mut self, statement: &Statement, name: &str) {
        let known: Vec<String> = self.zones.iter().map(|it| it.name.clone()).collect();
        let names = known.iter().map(String::as_str).chain([place::HOST, place::ANY]);
        let help = match suggest::closest(name, names) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("zones are {}", known.join(", ")),
        };
        self.found(codes::FIREWALL_UNKNOWN_ZONE, statement, format!("there is no zone `{name}`"), Some(help));
    }

    fn unknown_service(&mut self, statement: &Statement, name: &str) {
        let own: Vec<String> = self.services.keys().cloned().collect();
        let names = service::services().map(|it| it.name).chain(own.iter().map(String::as_str));
        let help = match suggest::closest(name, names) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "write its protocol and port: `tcp/8080`".to_owned(),
        };
        let message = format!("there is no service `{name}`");
        self.found(codes::FIREWALL_UNKNOWN_SERVICE, statement, message, Some(help));
    }

    fn wrong(&mut self, statement: &Statement, message: String, help: Option<String>) {
        self.found(codes::FIREWALL_BAD_STATEMENT, statement, message, help);
    }

    fn found(&mut self, code: Code, statement: &Statement, message: String, help: Option<String>) {
        let error = Diagnostic::error(code, message).at(statement.origin.clone(), "");
        self.diagnostics.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }

    /// What a chain and the prefix of its log lines are called.
    fn end_name(&self, end: End) -> &str {
        match end {
            End::Host => place::HOST,
            End::Zone(at) => self.zones.get(at).map_or("", |it| it.name.as_str()),
        }
    }

    /// Puts everything into the tables that a kernel has.
    fn assemble(&mut self) -> Tables {
        let mut tables = default_tables();
        tables.origin = self.base.clone();
        tables.families = Some(self.firewall.families);
        for table in tables.iter_mut() {
            table.origin = self.base.clone();
            table.iter_mut().for_each(|it| it.origin = self.base.clone());
        }
        self.guard();
        self.dispatch(&mut tables);
        self.translate(&mut tables);
        tables
    }
}

/// Helpers of the kernel.
const HELPERS: [&str; 11] =
    ["amanda", "ftp", "irc", "netbios-ns", "pptp", "Q.931", "RAS", "sane", "sip", "snmp", "tftp"];

fn known_helper(name: &str) -> Option<&'static str> {
    HELPERS.into_iter().find(|it| *it == name)
}

/// A policy or a name as text of the program.
fn text(name: &str) -> Text {
    Text::from(name)
}
