//! Statements, as they were said: a verb, and words for its arguments.

use crate::origin::Origin;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Names a zone.
    Zone,
    /// Names a service.
    Service,
    /// Lets new connections through.
    Allow,
    /// Drops them in silence.
    Drop,
    /// Drops them and tells their senders.
    Reject,
    /// What happens to connections between two zones that no other statement decides.
    Policy,
    /// Makes a server inside reachable from outside: a port is forwarded.
    Publish,
    /// Lets packets leave with the address of the interface (IPv4).
    Masquerade,
    /// Lets packets leave with another address.
    Snat,
    /// At most so many new TCP connections from one source.
    SynLimit,
}

const FILTER: &[&str] = &["sources", "destinations", "services", "limit", "log"];

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 10] = [
        Verb::Zone,
        Verb::Service,
        Verb::Allow,
        Verb::Drop,
        Verb::Reject,
        Verb::Policy,
        Verb::Publish,
        Verb::Masquerade,
        Verb::Snat,
        Verb::SynLimit,
    ];

    /// Its name, the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Verb::Zone => "zone",
            Verb::Service => "service",
            Verb::Allow => "allow",
            Verb::Drop => "drop",
            Verb::Reject => "reject",
            Verb::Policy => "policy",
            Verb::Publish => "publish",
            Verb::Masquerade => "masquerade",
            Verb::Snat => "snat",
            Verb::SynLimit => "syn_limit",
        }
    }

    /// The verb of a name.
    pub fn find(name: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Names of its arguments, in order; [`required`](Verb::required) of them cannot be left out.
    pub const fn arguments(self) -> &'static [&'static str] {
        match self {
            Verb::Zone => &["name", "interfaces", "networks", "antispoof"],
            Verb::Service => &["name", "ports", "helper"],
            Verb::Allow | Verb::Drop | Verb::Reject => FILTER,
            Verb::Policy => &["sources", "destinations", "verdict", "log"],
            Verb::Publish => &["sources", "services", "server", "port", "address", "hairpin"],
            Verb::Masquerade => &["destinations", "sources"],
            Verb::Snat => &["destinations", "address", "sources"],
            Verb::SynLimit => &["sources", "rate"],
        }
    }

    /// How many arguments cannot be left out.
    pub const fn required(self) -> usize {
        match self {
            Verb::Zone | Verb::Masquerade => 1,
            Verb::Publish | Verb::Policy => 3,
            _ => 2,
        }
    }
}

/// One statement.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statement {
    /// What it does.
    pub verb: Verb,
    /// Who said it.
    pub origin: Origin,
    given: Vec<(&'static str, Vec<String>)>,
    /// Arguments that the verb does not have.
    pub(super) refused: Vec<String>,
}

/// Words for an argument: one or several. A text may hold several with blanks between them; `true` and `false` are `yes` and `no`.
pub trait Words {
    /// The words, one by one.
    fn words(self) -> Vec<String>;
}

impl Words for &str {
    fn words(self) -> Vec<String> {
        self.split_whitespace().map(str::to_owned).collect()
    }
}

impl Words for String {
    fn words(self) -> Vec<String> {
        self.as_str().words()
    }
}

impl Words for bool {
    fn words(self) -> Vec<String> {
        vec![if self { "yes" } else { "no" }.to_owned()]
    }
}

impl Words for u16 {
    fn words(self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl<T: Words, const N: usize> Words for [T; N] {
    fn words(self) -> Vec<String> {
        self.into_iter().flat_map(T::words).collect()
    }
}

impl<T: Words> Words for Vec<T> {
    fn words(self) -> Vec<String> {
        self.into_iter().flat_map(T::words).collect()
    }
}

impl Statement {
    pub(super) fn new(verb: Verb, origin: Origin) -> Statement {
        Statement { verb, origin, given: Vec::new(), refused: Vec::new() }
    }

    /// Sets an argument by its name; says whether the verb has it.
    pub fn set(&mut self, name: &str, words: impl Words) -> bool {
        let Some(name) = self.verb.arguments().iter().find(|it| **it == name) else { return false };
        self.given.retain(|it| it.0 != *name);
        self.given.push((name, words.words()));
        true
    }

    pub(super) fn refuse(&mut self, name: &str) {
        self.refused.push(name.to_owned());
    }

    /// The words of an argument; none if it was not given.
    pub fn words(&self, name: &str) -> &[String] {
        self.given.iter().find(|it| it.0 == name).map_or(&[], |it| &it.1)
    }

    /// The first word of an argument.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.words(name).first().map(String::as_str)
    }

    /// Whether something was asked for, or what holds if nothing was said.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.word(name).map_or(default, |it| !matches!(it, "no" | "False" | "false" | "0"))
    }
}
