//! Layer 2. What a match tests and what a target does, stated once: [`Pred`] and [`Effect`].
//!
//! A match that depends on one packet and its connection alone lowers to tests on [`Field`]s. What depends on more
//! (earlier packets, time, sets, the machine) stands as [`Pred::Needs`] with the reason, so that nobody takes it for
//! true or false. The simulator interprets these, the analyser compiles them to sets of packets.

mod effect;
mod field;
mod need;
mod test;

pub use effect::{Answer, Effect, HashMark, Nat, SetChange};
pub use field::{Field, Header};
pub use need::{BucketTest, Need, RecentAction, RecentTest, SetTest, Span};
pub use test::{SegmentTest, TextTest};

use crate::source::Text;
use crate::value::addr::Net;
use crate::value::bpf::Instruction;
use crate::value::chunks::Chunks;
use crate::value::header_options::HeaderOption;
use crate::value::iface::Iface;
use crate::value::is::{Compare, Is};
use crate::value::mark::Mark;
use crate::value::u32_test::U32Test;

/// A condition on a packet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pred {
    /// Always.
    True,
    /// Never.
    False,
    /// The field is present and lies in `low..=high`.
    Range(Field, u128, u128),
    /// The field is present and equals `value` in the bits of `mask`.
    Bits(Field, u128, u128),
    /// The field is present and shares a bit with this mask.
    AnyBit(Field, u128),
    /// The packet entered through such an interface.
    InIface(Iface),
    /// The packet leaves through such an interface.
    OutIface(Iface),
    /// The TCP header holds this option. A packet whose header is cut off before its options end is dropped.
    TcpOption(u8),
    /// The header is there and is whole. A packet in which it is there, but cut off, is dropped, whatever the rule says.
    Header(Header),
    /// Numbers in the packet's bytes lie in ranges.
    Numbers(Vec<U32Test>),
    /// The packet's bytes hold a text.
    Text(Box<TextTest>),
    /// A program of the classic packet filter returns another number than 0 for the packet.
    Program(Vec<Instruction>),
    /// The chunks of an SCTP packet are such.
    Chunks(Box<Chunks>),
    /// A DCCP packet holds this option.
    DccpOption(u8),
    /// The options header of this number (0 hop-by-hop, 60 destination) has this length in bytes, if one is told, and its
    /// options begin with these.
    Options {
        /// Number of the header.
        header: u8,
        /// Length in bytes, or not this one.
        length: Option<Is<u32>>,
        /// The first options, in order.
        options: Vec<HeaderOption>,
    },
    /// A routing header holds these addresses and no others, or, if not strict, these in this order among others.
    Route {
        /// Addresses.
        addresses: Vec<u128>,
        /// Nothing else.
        strict: bool,
    },
    /// A segment routing header is such.
    Segments(Box<SegmentTest>),
    /// The low half of the IPv6 source address was made from the Ethernet source address.
    Eui64,
    /// The connection was expected by one with a helper: of this name, or of any if it is empty.
    Helper(Text),
    /// The connection's labels hold this bit; where it does not, it is set now.
    SetLabel(u8),
    /// A hash of the connection's first source falls upon one of these nodes (bits).
    Cluster {
        /// How many nodes there are.
        total: u8,
        /// Which of them.
        nodes: u32,
        /// Where the hash begins.
        seed: u32,
    },
    /// The packet came through such a port of a bridge.
    BridgeIn(Iface),
    /// The packet leaves through such a port of a bridge.
    BridgeOut(Iface),
    /// The inner condition does not hold.
    Not(Box<Pred>),
    /// All hold.
    All(Vec<Pred>),
    /// One holds.
    Any(Vec<Pred>),
    /// Depends on something that no packet carries.
    Needs(Need),
}

impl Pred {
    /// The field equals a value.
    pub fn is(field: Field, value: u128) -> Pred {
        Pred::Range(field, value, value)
    }

    /// The field is present, whatever its value.
    pub fn present(field: Field) -> Pred {
        Pred::Bits(field, 0, 0)
    }

    /// The field, which is a yes or a no, is a yes.
    pub fn yes(field: Field) -> Pred {
        Pred::is(field, 1)
    }

    /// The field is present and lies in these bounds, or, if `inverted`, outside of them.
    pub fn within(field: Field, low: u128, high: u128, inverted: bool) -> Pred {
        let within = Pred::Range(field, low, high);
        match inverted {
            true => Pred::all([Pred::present(field), within.inverted(true)]),
            false => within,
        }
    }

    /// The field is an address of a network.
    pub fn net(field: Field, net: &Net) -> Pred {
        let (address, mask) = net.bits();
        if mask == 0 { Pred::True } else { Pred::Bits(field, mask, address) }
    }

    /// The field compares so with a number.
    pub fn compare(field: Field, comparison: Compare<u64>) -> Pred {
        match comparison {
            Compare::Equal(it) => Pred::is(field, u128::from(it.value)).inverted(it.inverted),
            Compare::Less(0) => Pred::False,
            Compare::Less(number) => Pred::Range(field, 0, u128::from(number - 1)),
            Compare::Greater(number) => Pred::Range(field, u128::from(number) + 1, u128::MAX),
        }
    }

    /// The field equals a mark in the bits of its mask. A mark with bits outside of its mask equals nothing.
    pub fn mark(field: Field, mark: Mark) -> Pred {
        Pred::Bits(field, u128::from(mark.mask), u128::from(mark.value))
    }

    /// The opposite, if `inverted`.
    #[must_use]
    pub fn inverted(self, inverted: bool) -> Pred {
        match (inverted, self) {
            (false, pred) => pred,
            (true, Pred::Not(inner)) => *inner,
            (true, Pred::True) => Pred::False,
            (true, Pred::False) => Pred::True,
            (true, pred) => Pred::Not(Box::new(pred)),
        }
    }

    /// All of these; conditions that always hold are left out.
    pub fn all(preds: impl IntoIterator<Item = Pred>) -> Pred {
        let mut rest = preds.into_iter().filter(|pred| *pred != Pred::True);
        match (rest.next(), rest.next()) {
            (None, _) => Pred::True,
            (Some(only), None) => only,
            (Some(first), Some(second)) => Pred::All([first, second].into_iter().chain(rest).collect()),
        }
    }

    /// Whether the answer follows from the packet, its connection and what is told of them.
    pub fn is_exact(&self) -> bool {
        self.needs().is_empty()
    }

    /// What else the answer depends on.
    pub fn needs(&self) -> Vec<&Need> {
        match self {
            Pred::Needs(need) => vec![need],
            Pred::Not(inner) => inner.needs(),
            Pred::All(preds) | Pred::Any(preds) => preds.iter().flat_map(Pred::needs).collect(),
            _ => Vec::new(),
        }
    }
}
