//! `-m state`.

use super::conntrack::state;
use crate::ext::*;
use crate::meaning::Pred;
use crate::value::ct_state::CtStates;
use crate::value::is::Is;

/// Matches by the state of the packet's connection: the old form of `-m conntrack --ctstate`, without SNAT and DNAT.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_conntrack.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// States, one of which the packet has.
    pub state: Is<CtStates>,
}

impl State {
    /// One of these states.
    pub fn new(states: impl Into<Is<CtStates>>) -> State {
        State { state: states.into() }
    }
}

impl Extension for State {
    const SPEC: Spec = Spec {
        name: "state",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value(
            "state",
            "STATE[,STATE…]",
            "One of INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED.",
        )
        .negatable()
        .required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> State {
        State::new(CtStates::default())
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.state = arg.is(|text| CtStates::parse(text, false))?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("state", Some(self.state), CtStates::push);
    }
}

impl MatchExtension for State {
    fn meaning(&self, _: Context) -> Pred {
        state(self.state)
    }
}
