//! What conditions look at.

/// A field of a packet, of its connection, or of the socket that sent it. Values are numbers of at most 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Protocol after extension headers.
    Proto,
    /// 1 for a second or later fragment (of a datagram cut in pieces), else 0.
    LaterFragment,
    /// Source port; absent without a whole transport header.
    SourcePort,
    /// Destination port; absent without a whole transport header.
    DestinationPort,
    /// The flag byte of TCP: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    TcpFlags,
    /// The MSS option of a TCP header; absent without it.
    TcpMss,
    /// Security parameter index of an AH or ESP header; absent without one.
    Spi,
    /// Bytes of the packet, from its IP header on.
    Length,
    /// TTL of IPv4, hop limit of IPv6.
    HopLimit,
    /// TOS byte of IPv4, traffic class of IPv6.
    Tos,
    /// To whom the link layer sent the packet: 0 this machine, 1 all, 2 a group, 3 another machine.
    PacketType,
    /// ICMP or ICMPv6 type.
    IcmpType,
    /// ICMP or ICMPv6 code.
    IcmpCode,
    /// Packet mark.
    Mark,
    /// Connection mark.
    ConnMark,
    /// Connection states as bits of [`CtState`](crate::value::ct_state::CtState).
    CtState,
    /// Protocol of the connection.
    CtProto,
    /// Status bits: expected 1, seen reply 2, assured 4, confirmed 8.
    CtStatus,
    /// Seconds until the connection entry ends.
    CtExpire,
    /// 0 for the direction of the first packet, 1 for replies.
    CtDirection,
    /// Source of the first packet, before any translation.
    CtOrigSource,
    /// Destination of the first packet, before any translation.
    CtOrigDestination,
    /// Source of replies.
    CtReplySource,
    /// Destination of replies.
    CtReplyDestination,
    /// Source port of the first packet; here and below: the identifier or type and code of ICMP, 0 where the protocol has
    /// none.
    CtOrigSourcePort,
    /// Destination port of the first packet.
    CtOrigDestinationPort,
    /// Source port of replies.
    CtReplySourcePort,
    /// Destination port of replies.
    CtReplyDestinationPort,
    /// Source Ethernet address.
    MacSource,
    /// User of the sending socket.
    Uid,
    /// Group of the sending socket.
    Gid,
    /// 1 if a socket of this machine sends it.
    HasSocket,
    /// Kinds of the source address as bits of `addrtype`; in IPv6 a local one is unicast too.
    SourceType,
    /// Kinds of the destination address, as above.
    DestinationType,
    /// Labels of the connection, one bit each.
    CtLabels,
    /// Packets that the connection has carried in the direction of its first packet, this one among them; here and below,
    /// absent without a connection.
    CtOrigPackets,
    /// Bytes of those, from their IP headers on.
    CtOrigBytes,
    /// Bytes of those by packets; 0 without any.
    CtOrigAverage,
    /// Packets in the direction of replies.
    CtReplyPackets,
    /// Bytes of those.
    CtReplyBytes,
    /// Bytes of those by packets.
    CtReplyAverage,
    /// Packets in both directions.
    CtPackets,
    /// Bytes of those.
    CtBytes,
    /// Bytes of those by packets.
    CtAverage,
    /// Type of a DCCP packet.
    DccpType,
    /// Compression parameter index of IPComp.
    IpCompIndex,
    /// Security parameter index of the authentication header of IPv6.
    AhIndex,
    /// Bytes of the authentication header of IPv6.
    AhLength,
    /// The reserved field of the authentication header of IPv6.
    AhReserved,
    /// Type of a mobility header.
    MobilityType,
    /// Identification in the fragment header of IPv6; here and below, absent without that header.
    FragmentId,
    /// The two bytes of offset and flags in the fragment header of IPv6: offset 0xfff8, reserved 6, more fragments 1.
    FragmentField,
    /// The reserved byte of the fragment header of IPv6.
    FragmentReserved,
    /// Type of a routing header.
    RoutingType,
    /// Segments that are left in a routing header.
    RoutingLeft,
    /// Bytes of a routing header.
    RoutingLength,
    /// The four bytes behind the first four of a routing header, which are reserved in type 0.
    RoutingReserved,
    /// Extension headers of IPv6 as bits of `ipv6header`.
    Headers,
    /// Realm of the route.
    Realm,
    /// Group of the interface that the packet came through; 0 without one.
    InGroup,
    /// Group of the interface that the packet leaves through; 0 without one.
    OutGroup,
    /// Processor that handles the packet.
    Cpu,
    /// Class id of the control group of the sending socket; absent without a socket.
    ControlGroup,
    /// 1 if the reverse path leads back through the interface.
    ReversePath,
    /// 1 if a socket of this machine waits for the packet.
    SocketWaits,
    /// 1 if IPsec has anything to do with the packet.
    Ipsec,
    /// 1 if the packet came through a port of a bridge.
    HasBridgeIn,
    /// 1 if the packet leaves through a port of a bridge.
    HasBridgeOut,
}

impl Field {
    /// Whether it is read from the packet's bytes, and not something that the machine knows besides.
    pub const fn is_of_bytes(self) -> bool {
        matches!(
            self,
            Field::Source
                | Field::Destination
                | Field::SourcePort
                | Field::DestinationPort
                | Field::TcpFlags
                | Field::TcpMss
                | Field::HopLimit
                | Field::Tos
        )
    }

    /// Whether it belongs to the packet's connection: absent where there is none, but for [`Field::CtState`].
    pub fn is_of_connection(self) -> bool {
        Field::OF_CONNECTION.contains(&self)
    }

    /// Those that belong to a connection.
    pub const OF_CONNECTION: [Field; 24] = [
        Field::ConnMark,
        Field::CtState,
        Field::CtProto,
        Field::CtStatus,
        Field::CtExpire,
        Field::CtDirection,
        Field::CtOrigSource,
        Field::CtOrigDestination,
        Field::CtReplySource,
        Field::CtReplyDestination,
        Field::CtOrigSourcePort,
        Field::CtOrigDestinationPort,
        Field::CtReplySourcePort,
        Field::CtReplyDestinationPort,
        Field::CtLabels,
        Field::CtOrigPackets,
        Field::CtOrigBytes,
        Field::CtOrigAverage,
        Field::CtReplyPackets,
        Field::CtReplyBytes,
        Field::CtReplyAverage,
        Field::CtPackets,
        Field::CtBytes,
        Field::CtAverage,
    ];
}

/// A header that must be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// So many bytes of the transport header, in a packet that is no later fragment.
    Transport(u8),
    /// The 20 bytes of a TCP header, in a packet that is no later fragment. A fragment that would overwrite its flags is
    /// dropped.
    Tcp,
    /// So many bytes of the IPv6 extension header of this number.
    Extension(u8, u8),
    /// A mobility header of six bytes, nothing behind which is told.
    Mobility,
}
