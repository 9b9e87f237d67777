//! Rules of routes and channels: one rule for each combination, as `InputRule` and `ForwardingRule` make them.

use super::expansion::{Base, Outline, Part, PolicyError, Step, given};
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
        let bases = Base::of(self.prefix, &self.policy, self.log.is_some(), self.log_id.as_deref())?;
        let comment = self.comment.clone();
        let mut rules: Vec<Routed> =
            bases.iter().map(|it| Routed { call: self.base(it), comment: comment.clone() }).collect();
        for steps in self.outline().stages() {
            let each = |rule: &Routed| steps.iter().map(|it| self.step(rule, it)).collect::<Vec<_>>();
            rules = rules.iter().flat_map(each).collect();
        }
        Ok(rules)
    }

    fn outline(&self) -> Outline {
        let places = |places: &[Place]| places.iter().map(|it| it.shown.clone()).collect();
        Outline {
            sources: places(&self.sources),
            destinations: places(&self.destinations),
            channels: self.channels.iter().map(|it| it.shown.clone()).collect(),
            args: self.args.iter().map(Call::shown).collect(),
        }
    }

    fn base(&self, base: &Base) -> Call {
        let mut call = Call::new();
        // Plain names: they cannot be refused.
        match base {
            Base::Log { prefix } => {
                let _ = call.add("prefix", [prefix.as_bytes()]);
                match &self.log {
                    Some(log) => call.over(log),
                    None => call,
                }
            }
            Base::Verdict(verdict) => {
                let _ = call.add("jump", [verdict.as_bytes()]);
                call
            }
        }
    }

    fn step(&self, rule: &Routed, step: &Step) -> Routed {
        let mut call = Call::new();
        for part in &step.parts {
            match *part {
                Part::Source(at) => {
                    self.sources.get(at).into_iter().for_each(|it| call.list(it.input.clone()))
                }
                Part::Destination(at) => {
                    self.destinations.get(at).into_iter().for_each(|it| call.list(it.output.clone()))
                }
                Part::Channel(at) => {
                    self.channels.get(at).into_iter().for_each(|it| call.list(it.call.clone()))
                }
                Part::Args => self.args.iter().for_each(|it| call.list(it.clone())),
            }
        }
        let comment = format!("{}{}", given(rule.comment.as_deref()), step.comment);
        Routed { call: call.over(&rule.call), comment: Some(comment) }
    }
}
