//! What a set asks of a packet, and what it says.

use crate::dialect::Family;
use crate::value::addr::Bits;
use crate::value::mac::Mac;

/// Something of a packet: `None` where it has no such thing, `Err` with the reason where nobody can tell.
pub type Told<T> = Result<Option<T>, &'static str>;

/// A packet, as sets look at it.
pub trait Asked {
    /// Its family.
    fn family(&self) -> Family;
    /// Source or destination address.
    fn address(&self, source: bool) -> Told<Bits>;
    /// Protocol, and source or destination port: of ICMP type * 256 + code, 0 of a protocol without ports. `None` in a later
    /// fragment of a protocol with ports, and without a whole header.
    fn port(&self, source: bool) -> Told<(u8, u16)>;
    /// Name of the interface that it came through, or leaves through.
    fn iface(&self, incoming: bool) -> Told<&[u8]>;
    /// Ethernet source or destination.
    fn mac(&self, source: bool) -> Told<Mac>;
    /// Packet mark.
    fn mark(&self) -> Told<u32>;
    /// Seconds since the sets were as they are told to be.
    fn elapsed(&self) -> u64;
}

/// Whether a packet is in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No entry says so.
    No,
    /// It is.
    Yes,
    /// It is, and the entry gets the packet's Ethernet address: it had none (`bitmap:ip,mac`).
    YesLearns,
    /// The entry that says most about it is an exception (`nomatch`): it is not in the set.
    Exception,
}
