//! The connection of a packet where it has passed every table: what the kernel holds of it, and what the simulator says.

use ptables::meaning::Field;
use ptables::packet::Connection;
use ptables::simulate::Trace;
use ptables::value::ct_state::CtState;

/// What is compared of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its state, as nf_tables names it.
    state: String,
    /// Which ends are translated, as status bits; not told of what is not tracked, or not known.
    nat: Option<u32>,
    /// Whether all translations are settled, of a connection that begins.
    settled: Option<bool>,
}

/// Status bits: translations of both ends are settled.
const SETTLED: u32 = 128 | 256;
const TRANSLATED: u32 = Connection::SOURCE_NAT | Connection::DESTINATION_NAT;

impl Held {
    /// From the words of a log: state, status bits of translations, whether they are settled.
    pub fn read(words: &str) -> Held {
        let mut words = words.split(' ');
        Held {
            state: words.next().unwrap_or_default().to_owned(),
            nat: words.next().and_then(|it| it.parse().ok()),
            settled: words.next().map(|it| it == "1"),
        }
    }

    /// As the simulator says.
    pub fn of(trace: &Trace) -> Held {
        let connection = trace.packet.connection();
        let state = match connection.state {
            CtState::New => "new",
            CtState::Established => "established",
            CtState::Related => "related",
            CtState::Untracked => "untracked",
            _ => "invalid",
        };
        let replies = [
            Field::CtReplySource,
            Field::CtReplyDestination,
            Field::CtReplySourcePort,
            Field::CtReplyDestinationPort,
        ];
        let is_known = connection.is_tracked() && !trace.untold.iter().any(|it| replies.contains(&it.0));
        let begins = is_known && connection.status & Connection::CONFIRMED == 0;
        Held {
            state: state.to_owned(),
            nat: is_known.then_some(connection.status & TRANSLATED),
            settled: begins.then_some(connection.status & SETTLED == SETTLED),
        }
    }

    /// Whether the kernel holds this, as far as it is told.
    pub fn is_as(&self, seen: &Held) -> bool {
        self.state == seen.state
            && self.nat.is_none_or(|it| Some(it) == seen.nat)
            && self.settled.is_none_or(|it| Some(it) == seen.settled)
    }
}
