//! Rules of routes and channels: one rule for each combination, as `InputRule` and `ForwardingRule` make them.

use std::fmt;

use super::template::Call;

/// Where packets come from or go to: a zone, a location, hosts, a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As comments name it.
    pub shown: String,
    /// The arguments of packets from there.
    pub input: Call,
    /// The arguments of packets to there.
    pub output: Call,
}

/// Protocols, ports and states of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// As comments name it.
    pub shown: String,
    /// Its arguments.
    pub call: Call,
}

/// What is to be done with packets from some places to others by some channels. Empty lists stand for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `FWD` or `IN`: how the prefix of its log lines begins.
    pub prefix: &'static str,
    /// ACCEPT, DROP, REJECT or NONE, in any case.
    pub policy: String,
    /// Where packets come from.
    pub sources: Vec<Place>,
    /// Where they go to.
    pub destinations: Vec<Place>,
    /// By what.
    pub channels: Vec<Channel>,
    /// Whether they are logged: the template of the rule that does it.
    pub log: Option<Call>,
    /// What the prefix of log lines names, `None` if nothing was given.
    pub log_id: Option<String>,
    /// How all comments begin, `None` if nothing was given.
    pub comment: Option<String>,
    /// Matches of every rule.
    pub args: Vec<Call>,
}

/// The policy of a [`Route`] is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy must be either ACCEPT, DROP, REJECT or NONE, not {:?}", self.0)
    }
}

impl std::error::Error for PolicyError {}

/// One rule of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Its arguments.
    pub call: Call,
    /// Its comment, if there is anything to say.
    pub comment: Option<String>,
}

impl Route {
    /// The rules: all LOG rules, then all verdicts.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn rules(&self) -> Result<Vec<Routed>, PolicyError> {
        let mut rules = self.base()?;
        if !self.sources.is_empty() || !self.destinations.is_empty() {
            rules = self.routed(&rules);
        }
        if !self.channels.is_empty() {
            rules = each(&rules, &self.channels, |channel| {
                (format!(", channel {}", channel.shown), vec![channel.call.clone()])
            });
        }
        if !self.args.is_empty() {
            let plus = self.args.iter().map(Call::shown).collect::<Vec<_>>().join(", ");
            rules = each(&rules, &[plus], |plus| (format!(", plus {plus}"), self.args.clone()));
        }
        Ok(rules)
    }

    fn base(&self) -> Result<Vec<Routed>, PolicyError> {
        let policy = self.policy.to_uppercase();
        let comment = self.comment.clone();
        let mut rules = Vec::new();
        if let Some(log) = &self.log {
            let first = policy.chars().next().map(String::from).unwrap_or_default();
            let prefix = format!("{} {} {first}", self.prefix, given(self.log_id.as_deref()));
            let mut call = Call::new();
            // `prefix` is a plain name: it cannot be refused.
            let _ = call.add("prefix", [prefix.as_bytes()]);
            rules.push(Routed { call: call.over(log), comment: comment.clone() });
        }
        match policy.as_str() {
            "ACCEPT" | "DROP" | "REJECT" => {
                let mut call = Call::new();
                let _ = call.add("jump", [policy.as_bytes()]);
                rules.push(Routed { call, comment });
            }
            "NONE" => {}
            _ => return Err(PolicyError(self.policy.clone())),
        }
        Ok(rules)
    }

    fn routed(&self, rules: &[Routed]) -> Vec<Routed> {
        let any = |places: &[Place]| -> Vec<Option<Place>> {
            if places.is_empty() { vec![None] } else { places.iter().cloned().map(Some).collect() }
        };
        let (sources, destinations) = (any(&self.sources), any(&self.destinations));
        let pairs: Vec<_> = sources
            .iter()
            .flat_map(|source| destinations.iter().map(move |destination| (source, destination)))
            .collect();
        let shown =
            |place: &Option<Place>| place.as_ref().map_or_else(|| "any".to_owned(), |it| it.shown.clone());
        each(rules, &pairs, |(source, destination)| {
            let from = source.iter().map(|it| it.input.clone());
            let lists = from.chain(destination.iter().map(|it| it.output.clone())).collect();
            (format!(": route {} -> {}", shown(source), shown(destination)), lists)
        })
    }
}

/// PyPTables says `None` where nothing was given, and scripts compare its text.
fn given(text: Option<&str>) -> &str {
    text.unwrap_or("None")
}

/// Each rule with each of the items: what its comment gains, and the arguments.
fn each<T>(rules: &[Routed], items: &[T], add: impl Fn(&T) -> (String, Vec<Call>)) -> Vec<Routed> {
    let mut made = Vec::with_capacity(rules.len() * items.len());
    for rule in rules {
        for item in items {
            let (comment, lists) = add(item);
            let mut call = Call::new();
            lists.into_iter().for_each(|list| call.list(list));
            made.push(Routed {
                call: call.over(&rule.call),
                comment: Some(format!("{}{comment}", given(rule.comment.as_deref()))),
            });
        }
    }
    made
}
