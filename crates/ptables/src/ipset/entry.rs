//! Entries of sets.

use smallvec::SmallVec;

use crate::origin::Origin;
use crate::source::Text;
use crate::value::addr::Bits;
use crate::value::iface::Iface;
use crate::value::mac::Mac;

/// What stands in one place of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Addresses from the first to the last, both included: one by one in a set of addresses, cut into networks in one of
    /// networks.
    Ips(Bits, Bits),
    /// A network: address and length of its prefix; host bits are off.
    Net(Bits, u8),
    /// Protocol, and its ports from the first to the last. Of ICMP and ICMPv6 a port is type * 256 + code; protocols without
    /// ports have 0.
    Ports(u8, u16, u16),
    /// Ports of any protocol that `bitmap:port` knows.
    BarePorts(u16, u16),
    /// Ethernet address; `None`: the first packet that is looked up tells it.
    Mac(Option<Mac>),
    /// Packet mark.
    Mark(u32),
    /// Interface.
    Iface {
        /// Its name; `+` is an ordinary letter here.
        name: Iface,
        /// A port of a bridge.
        physdev: bool,
        /// All interfaces whose names begin so.
        wildcard: bool,
    },
    /// Another set.
    Set(Text),
}

/// One entry. Fields that are `None` or `false` are not written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Entry {
    /// As many parts as the type of the set has.
    pub parts: SmallVec<[Part; 2]>,
    /// It is an exception: what it matches is not in the set.
    pub nomatch: bool,
    /// Seconds until it goes; 0: never. `None`: as the set says.
    pub timeout: Option<u32>,
    /// At most 255 bytes, no `"` and no control characters.
    pub comment: Option<Text>,
    /// Packets that it has counted.
    pub packets: Option<u64>,
    /// Bytes that it has counted.
    pub bytes: Option<u64>,
    /// Mark for packets, and its mask.
    pub skbmark: Option<(u32, u32)>,
    /// Priority of packets, major and minor.
    pub skbprio: Option<(u16, u16)>,
    /// Queue for packets.
    pub skbqueue: Option<u16>,
    /// In a list of sets: this entry stands before (`true`) or after that set.
    pub beside: Option<(bool, Text)>,
    /// It may be there already (`-exist`); else a second one like it is an error.
    pub exist: bool,
    /// Who wrote it.
    pub origin: Origin,
}

impl Entry {
    /// An entry of these parts.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Entry {
        Entry { parts: parts.into_iter().collect(), ..Entry::default() }
    }
}
