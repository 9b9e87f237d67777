//! Types of sets.

/// The type of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetType {
    /// `bitmap:ip`.
    BitmapIp,
    /// `bitmap:ip,mac`.
    BitmapIpMac,
    /// `bitmap:port`.
    BitmapPort,
    /// `hash:ip`.
    HashIp,
    /// `hash:mac`.
    HashMac,
    /// `hash:ip,mac`.
    HashIpMac,
    /// `hash:net`.
    HashNet,
    /// `hash:net,net`.
    HashNetNet,
    /// `hash:ip,port`.
    HashIpPort,
    /// `hash:net,port`.
    HashNetPort,
    /// `hash:ip,port,ip`.
    HashIpPortIp,
    /// `hash:ip,port,net`.
    HashIpPortNet,
    /// `hash:ip,mark`.
    HashIpMark,
    /// `hash:net,port,net`.
    HashNetPortNet,
    /// `hash:net,iface`.
    HashNetIface,
    /// `list:set`.
    ListSet,
}

/// What stands in one place of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Addresses, one by one.
    Ip,
    /// Exactly one address.
    OneIp,
    /// Networks; `true`: of length 0 too.
    Net(bool),
    /// Protocol and port.
    Port,
    /// A port without a protocol.
    BarePort,
    /// Ethernet address; `true`: it may be missing.
    Mac(bool),
    /// Packet mark.
    Mark,
    /// Interface.
    Iface,
    /// Another set.
    Set,
}

use PartKind::{BarePort, Iface, Ip, Mac, Mark, Net, OneIp, Port};

type Row = (SetType, &'static str, &'static [&'static str], &'static [PartKind]);

const TYPES: &[Row] = &[
    (SetType::BitmapIp, "bitmap:ip", &["ipmap"], &[Ip]),
    (SetType::BitmapIpMac, "bitmap:ip,mac", &["macipmap"], &[OneIp, Mac(true)]),
    (SetType::BitmapPort, "bitmap:port", &["portmap"], &[BarePort]),
    (SetType::HashIp, "hash:ip", &["iphash"], &[Ip]),
    (SetType::HashMac, "hash:mac", &["machash"], &[Mac(false)]),
    (SetType::HashIpMac, "hash:ip,mac", &["ipmachash"], &[OneIp, Mac(false)]),
    (SetType::HashNet, "hash:net", &["nethash"], &[Net(false)]),
    (SetType::HashNetNet, "hash:net,net", &["netnethash"], &[Net(true), Net(true)]),
    (SetType::HashIpPort, "hash:ip,port", &["ipporthash"], &[Ip, Port]),
    (SetType::HashNetPort, "hash:net,port", &["netporthash"], &[Net(false), Port]),
    (SetType::HashIpPortIp, "hash:ip,port,ip", &["ipportiphash"], &[Ip, Port, OneIp]),
    (SetType::HashIpPortNet, "hash:ip,port,net", &["ipportnethash"], &[Ip, Port, Net(false)]),
    (SetType::HashIpMark, "hash:ip,mark", &["ipmarkhash"], &[Ip, Mark]),
    (SetType::HashNetPortNet, "hash:net,port,net", &["netportnethash"], &[Net(true), Port, Net(true)]),
    (SetType::HashNetIface, "hash:net,iface", &["netifacehash"], &[Net(true), Iface]),
    (SetType::ListSet, "list:set", &["setlist"], &[PartKind::Set]),
];

impl SetType {
    /// Every type.
    pub fn all() -> impl Iterator<Item = SetType> {
        TYPES.iter().map(|it| it.0)
    }

    fn row(self) -> Option<&'static Row> {
        // INVARIANT: every type has a row; a test looks.
        TYPES.iter().find(|it| it.0 == self)
    }

    /// The type of this name, or of the name that it had long ago (`iphash`).
    pub fn find(name: &[u8]) -> Option<SetType> {
        TYPES
            .iter()
            .find(|(_, now, before, _)| {
                now.as_bytes() == name || before.iter().any(|it| it.as_bytes() == name)
            })
            .map(|it| it.0)
    }

    /// Its name, such as `hash:ip,port`.
    pub fn as_str(self) -> &'static str {
        self.row().map_or("", |it| it.1)
    }

    /// What its entries are made of; as many directions (`src`, `dst`) a rule must name.
    pub fn parts(self) -> &'static [PartKind] {
        self.row().map_or(&[], |it| it.3)
    }

    /// Whether it is a hash.
    pub fn is_hash(self) -> bool {
        self.as_str().starts_with("hash:")
    }

    /// Whether it is a bitmap over a range.
    pub fn is_bitmap(self) -> bool {
        self.as_str().starts_with("bitmap:")
    }

    /// Whether its entries hold addresses, and with that it has a family.
    pub fn has_addresses(self) -> bool {
        self.parts().iter().any(|it| matches!(it, Ip | OneIp | Net(_)))
    }

    /// Whether it is one of networks, whose entries can be exceptions (`nomatch`).
    pub fn has_networks(self) -> bool {
        self.parts().iter().any(|it| matches!(it, Net(_)))
    }

    /// Whether `create` takes this option.
    pub fn takes(self, option: &str) -> bool {
        match option {
            "timeout" | "counters" | "comment" | "skbinfo" => true,
            "family" => self.is_hash() && self.has_addresses(),
            "hashsize" | "maxelem" | "bucketsize" | "initval" | "forceadd" => self.is_hash(),
            "netmask" => {
                matches!(
                    self,
                    SetType::HashIp | SetType::BitmapIp | SetType::HashIpPort | SetType::HashNetNet
                )
            }
            "bitmask" => matches!(self, SetType::HashIp | SetType::HashIpPort | SetType::HashNetNet),
            "markmask" => self == SetType::HashIpMark,
            "range" => self.is_bitmap(),
            "size" => self == SetType::ListSet,
            _ => false,
        }
    }
}
