//! Which rules a route becomes, told from the names of its parts: what Rust, Starlark and Python have in common.

use std::fmt;

/// How comments name the parts of a route. Empty lists stand for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Where packets come from.
    pub sources: Vec<String>,
    /// Where they go to.
    pub destinations: Vec<String>,
    /// By what.
    pub channels: Vec<String>,
    /// Matches of every rule.
    pub args: Vec<String>,
}

/// A rule before it says anything of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// A rule that logs.
    Log {
        /// The prefix of its lines.
        prefix: String,
    },
    /// A rule with this verdict: ACCEPT, DROP or REJECT.
    Verdict(&'static str),
}

/// What one copy of a rule gains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What follows its comment, which is `None` in words if there was none.
    pub comment: String,
    /// Its further arguments, in their order.
    pub parts: Vec<Part>,
}

/// Arguments of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those of packets from the source of this place in the list.
    Source(usize),
    /// Those of packets to the destination of this place in the list.
    Destination(usize),
    /// Those of the channel of this place in the list.
    Channel(usize),
    /// All matches of every rule.
    Args,
}

/// The policy of a route is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy must be either ACCEPT, DROP, REJECT or NONE, not {:?}", self.0)
    }
}

impl std::error::Error for PolicyError {}

impl Base {
    /// The rules that all others are copies of: LOG first. The prefix of its lines is made of `prefix` (`FWD`, `IN`), the
    /// name, and how the policy begins.
    ///
    /// # Errors
    /// [`PolicyError`]: the policy is not ACCEPT, DROP, REJECT or NONE, in any case.
    pub fn of(
        prefix: &str,
        policy: &str,
        logged: bool,
        log_id: Option<&str>,
    ) -> Result<Vec<Base>, PolicyError> {
        let verdict = match policy.to_uppercase().as_str() {
            "ACCEPT" => Some("ACCEPT"),
            "DROP" => Some("DROP"),
            "REJECT" => Some("REJECT"),
            "NONE" => None,
            _ => return Err(PolicyError(policy.to_owned())),
        };
        let first = verdict.unwrap_or("NONE").get(..1).unwrap_or_default();
        let prefix = format!("{prefix} {} {first}", given(log_id));
        let log = logged.then_some(Base::Log { prefix });
        Ok(log.into_iter().chain(verdict.map(Base::Verdict)).collect())
    }
}

impl Outline {
    /// What becomes of every rule, stage after stage: one rule for each step. First sources and destinations, then channels, then
    /// the matches of every rule.
    pub fn stages(&self) -> Vec<Vec<Step>> {
        let mut stages = Vec::new();
        if !self.sources.is_empty() || !self.destinations.is_empty() {
            stages.push(self.routes());
        }
        if !self.channels.is_empty() {
            let step = |(at, shown): (usize, &String)| Step {
                comment: format!(", channel {shown}"),
                parts: vec![Part::Channel(at)],
            };
            stages.push(self.channels.iter().enumerate().map(step).collect());
        }
        if !self.args.is_empty() {
            let comment = format!(", plus {}", self.args.join(", "));
            stages.push(vec![Step { comment, parts: vec![Part::Args] }]);
        }
        stages
    }

    fn routes(&self) -> Vec<Step> {
        let (sources, destinations) = (places(&self.sources), places(&self.destinations));
        let mut steps = Vec::with_capacity(sources.len() * destinations.len());
        for (source, from) in &sources {
            for (destination, to) in &destinations {
                let parts = source.map(Part::Source).into_iter().chain(destination.map(Part::Destination));
                steps.push(Step { comment: format!(": route {from} -> {to}"), parts: parts.collect() });
            }
        }
        steps
    }
}

/// The places of a list, or one that stands for any.
fn places(shown: &[String]) -> Vec<(Option<usize>, &str)> {
    if shown.is_empty() {
        return vec![(None, "any")];
    }
    shown.iter().enumerate().map(|(at, it)| (Some(at), it.as_str())).collect()
}

/// PyPTables says `None` where nothing was given, and scripts compare its text.
pub(super) fn given(text: Option<&str>) -> &str {
    text.unwrap_or("None")
}
