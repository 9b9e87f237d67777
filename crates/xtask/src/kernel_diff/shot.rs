//! One packet that is sent: its bytes, its way, its connection; and the line of a file that says so.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ptables::packet::{Packet, Path as SimPath, Tuple};
use ptables_judge::conntrack::{self, ASSURED, CONFIRMED, Ports, SEEN_REPLY};
use ptables_judge::world::{Link, Path, Wire};

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Its path.
    pub path: Path,
    /// Number of the interface through which it comes.
    pub input: usize,
    /// Number of the interface through which it leaves.
    pub output: usize,
    /// Its mark.
    pub mark: u32,
    /// Its source Ethernet address.
    pub mac: [u8; 6],
    /// To whom the link layer sends it.
    pub link: Link,
    /// Number of its sender on the output path.
    pub owner: usize,
    /// What connection tracking holds of it.
    pub entry: Entry,
    /// Seconds after the first packet of a sequence.
    pub after: u32,
    /// What the simulator is not told of it, as bits: see [`UNTOLD`].
    pub untold: u32,
    /// From its IP header on.
    pub bytes: Vec<u8>,
}

/// What the simulator may not be told, by the words of a file and their bits.
pub const UNTOLD: [(&str, u32); 6] =
    [("iif", 1), ("oif", 2), ("link", 4), ("owner", 8), ("entry", 16), ("time", 32)];

/// What connection tracking holds of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing: it begins a connection, or is invalid.
    None,
    /// It is not tracked.
    Untracked,
    /// An entry that is put there before.
    There(Known),
}

/// An entry that is put there before its packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The packet goes in the direction of replies.
    pub reply: bool,
    /// A reply was seen.
    pub seen: bool,
    /// Another connection expected it.
    pub related: bool,
    /// Connection mark.
    pub mark: u32,
    /// Labels.
    pub labels: u128,
    /// Name of the helper of the connection that expected it; empty: none.
    pub helper: String,
    /// How often the same packet came before.
    pub before: u8,
    /// What the translation of the connection chose, as address and port.
    pub nat: Option<(bool, u128, u16)>,
    /// The packet begins it: there is no entry yet, but the connection that expects it.
    pub begins: bool,
    /// The packet is an ICMP error about one of the connection, of which all that is said here is true.
    pub error: bool,
}

impl Known {
    /// The tuples of a connection of which this is a packet as it comes: that of its first packet, and that of replies. The
    /// address of a translation is the one that the packet does not show.
    pub fn tuples(&self, here: Tuple) -> (Tuple, Tuple) {
        let hide = |it: &mut Tuple, of_source: bool| {
            let Some((_, address, port)) = self.nat else { return };
            let (old, old_port) = match of_source {
                true => (&mut it.source, &mut it.source_port),
                false => (&mut it.destination, &mut it.destination_port),
            };
            *old = address;
            *old_port = if port == 0 { *old_port } else { port };
        };
        let source = self.nat.is_some_and(|it| it.0);
        if self.reply {
            let mut original = here.reversed();
            hide(&mut original, source);
            (original, here)
        } else {
            let mut reply = here.reversed();
            hide(&mut reply, !source);
            (here, reply)
        }
    }
}

impl Shot {
    /// A packet of the first interface and the first owner, with neither mark nor entry, of which all is told.
    pub fn new(path: Path, bytes: Vec<u8>) -> Shot {
        Shot {
            path,
            input: 0,
            output: 0,
            mark: 0,
            mac: [0; 6],
            link: Link::Host,
            owner: 0,
            entry: Entry::None,
            after: 0,
            untold: 0,
            bytes,
        }
    }

    /// How it goes into the kernel.
    pub fn wire(&self) -> Wire<'_> {
        self.wire_of(&self.bytes)
    }

    /// The same with other bytes.
    pub fn wire_of<'a>(&self, packet: &'a [u8]) -> Wire<'a> {
        Wire {
            path: self.path,
            input: self.input,
            output: self.output,
            mark: self.mark,
            mac: self.mac,
            link: self.link,
            owner: self.owner,
            untracked: self.entry == Entry::Untracked,
            packet,
        }
    }

    /// Whether it is of IPv6.
    pub fn is_v6(&self) -> bool {
        self.bytes.first().is_some_and(|it| it >> 4 == 6)
    }

    /// Its ends; those of the packet that it is about, if it is an error about a packet of a known connection.
    pub fn tuple(&self, packet: &Packet) -> Tuple {
        let outer = if self.is_v6() { 40 } else { usize::from(self.bytes[0] & 15) * 4 };
        let inner = || Packet::from_bytes(&self.bytes[outer + 8..], self.sim_path()).ok();
        match &self.entry {
            Entry::There(known) if known.error => inner().unwrap_or_else(|| packet.clone()).tuple(),
            _ => packet.tuple(),
        }
    }

    /// The path in the simulator's terms.
    pub fn sim_path(&self) -> SimPath {
        match self.path {
            Path::Input => SimPath::Input,
            Path::Forward => SimPath::Forward,
            Path::Output => SimPath::Output,
        }
    }

    /// The entries to put there: that of its master first, if it has one.
    pub fn kernel_entries(&self) -> Vec<conntrack::Entry> {
        let Entry::There(known) = &self.entry else { return Vec::new() };
        let Ok(packet) = Packet::from_bytes(&self.bytes, self.sim_path()) else { return Vec::new() };
        let (original, reply) = known.tuples(self.tuple(&packet));
        let v6 = self.is_v6();
        let nat = known.nat.map(|(source, _, port)| conntrack::Nat {
            source,
            address: kernel_address(if source { reply.destination } else { reply.source }, v6),
            port: match port {
                0 => 0,
                _ if source => reply.destination_port,
                _ => reply.source_port,
            },
        });
        // The kernel makes the tuple of replies by itself.
        let (original, reply) = (kernel_tuple(original, v6), kernel_tuple(original.reversed(), v6));
        let helper = Some(known.helper.clone()).filter(|it| !it.is_empty());
        let master = known.related.then(|| conntrack::Tuple {
            source: if v6 {
                Ipv6Addr::from(0xfd0a << 112 | 1).into()
            } else {
                Ipv4Addr::new(192, 0, 2, 99).into()
            },
            destination: if v6 {
                Ipv6Addr::from(0xfd0a << 112 | 2).into()
            } else {
                Ipv4Addr::new(192, 0, 2, 98).into()
            },
            proto: 6,
            ports: Ports::Ports(1, 21),
        });
        let entry = |original: conntrack::Tuple, reply, status, tcp_state| conntrack::Entry {
            original,
            reply,
            status,
            tcp_state,
            mark: 0,
            timeout: 600,
            master: None,
            labels: 0,
            helper: None,
            nat: None,
        };
        let status = CONFIRMED | if known.seen { SEEN_REPLY | ASSURED } else { 0 };
        let tcp_state = (original.proto == 6).then_some(if known.seen { 3 } else { 1 });
        let mut entries = Vec::new();
        let mark = |begins| if known.begins == begins { known.mark } else { 0 };
        if let Some(master) = master {
            let there = entry(master, master.turned(), CONFIRMED | SEEN_REPLY | ASSURED, Some(3));
            // What it expects has its mark.
            entries.push(conntrack::Entry { helper, mark: mark(true), ..there });
        }
        if !known.begins {
            entries.push(conntrack::Entry {
                master,
                mark: mark(false),
                labels: known.labels,
                nat,
                ..entry(original, reply, status, tcp_state)
            });
        }
        entries
    }

    /// The connection that is to be expected by the entry that is put there.
    pub fn expected(&self) -> Option<conntrack::Tuple> {
        let packet = Packet::from_bytes(&self.bytes, self.sim_path()).ok()?;
        let begins = matches!(&self.entry, Entry::There(it) if it.begins);
        begins.then(|| kernel_tuple(packet.tuple(), self.is_v6()))
    }
}

fn kernel_address(address: u128, v6: bool) -> IpAddr {
    if v6 { IpAddr::V6(address.into()) } else { IpAddr::V4((address as u32).into()) }
}

fn kernel_tuple(tuple: Tuple, v6: bool) -> conntrack::Tuple {
    let address = |it| kernel_address(it, v6);
    let ports = match tuple.proto {
        1 | 58 => {
            let [kind, code] = tuple.destination_port.to_be_bytes();
            Ports::Icmp(tuple.source_port, kind, code)
        }
        6 | 17 | 132 | 136 => Ports::Ports(tuple.source_port, tuple.destination_port),
        _ => Ports::None,
    };
    conntrack::Tuple {
        source: address(tuple.source),
        destination: address(tuple.destination),
        proto: tuple.proto,
        ports,
    }
}

const PATHS: [(&str, Path); 3] =
    [("input", Path::Input), ("forward", Path::Forward), ("output", Path::Output)];
const LINKS: [(&str, Link); 3] =
    [("host", Link::Host), ("broadcast", Link::Broadcast), ("multicast", Link::Multicast)];

impl Shot {
    /// One line: words `name=value`.
    pub fn line(&self) -> String {
        let name = |of: &[(&'static str, Path)]| of.iter().find(|it| it.1 == self.path).map_or("", |it| it.0);
        let link = LINKS.iter().find(|it| it.1 == self.link).map_or("", |it| it.0);
        let mac: String = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut line = format!(
            "path={} in={} out={} mark={:#x} mac={mac} link={link} owner={}",
            name(&PATHS),
            self.input,
            self.output,
            self.mark,
            self.owner
        );
        match &self.entry {
            Entry::None => {}
            Entry::Untracked => line.push_str(" untracked"),
            Entry::There(it) => {
                // Writing to a string does not fail.
                let _ = write!(
                    line,
                    " reply={} seen={} related={} connmark={:#x} labels={:#x} helper={}",
                    u8::from(it.reply),
                    u8::from(it.seen),
                    u8::from(it.related),
                    it.mark,
                    it.labels,
                    it.helper
                );
                if it.before > 0 {
                    let _ = write!(line, " before={}", it.before);
                }
                if it.error {
                    line.push_str(" error=1");
                }
                if it.begins {
                    line.push_str(" begins=1");
                }
                if let Some((source, address, port)) = it.nat {
                    let side = if source { "snat" } else { "dnat" };
                    let _ = write!(line, " {side}={address:#x} natport={port}");
                }
            }
        }
        if self.after != 0 {
            let _ = write!(line, " after={}", self.after);
        }
        if self.untold != 0 {
            let words: Vec<_> = UNTOLD.iter().filter(|it| self.untold & it.1 != 0).map(|it| it.0).collect();
            let _ = write!(line, " untold={}", words.join(","));
        }
        line.push_str(" bytes=");
        for byte in &self.bytes {
            let _ = write!(line, "{byte:02x}");
        }
        line
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// The word that is wrong.
    pub fn read(line: &str) -> Result<Shot, String> {
        let mut shot = Shot::new(Path::Forward, Vec::new());
        let mut known = Known::default();
        let mut there = false;
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || number(value).ok_or_else(|| format!("`{word}` is no number"));
            match name {
                "path" => shot.path = PATHS.iter().find(|it| it.0 == value).map_or(Path::Forward, |it| it.1),
                "link" => shot.link = LINKS.iter().find(|it| it.0 == value).map_or(Link::Host, |it| it.1),
                "in" => shot.input = number()? as usize,
                "out" => shot.output = number()? as usize,
                "mark" => shot.mark = number()? as u32,
                "mac" => {
                    let bytes = hex(value).and_then(|it| it.try_into().ok());
                    shot.mac = bytes.ok_or_else(|| format!("`{word}` is no Ethernet address"))?;
                }
                "owner" => shot.owner = number()? as usize,
                "after" => shot.after = number()? as u32,
                "untold" => {
                    for word in value.split(',') {
                        let known = UNTOLD.iter().find(|it| it.0 == word);
                        shot.untold |= known.ok_or_else(|| format!("`{word}` is not known"))?.1;
                    }
                }
                "untracked" => shot.entry = Entry::Untracked,
                "reply" => (known.reply, there) = (number()? != 0, true),
                "seen" => known.seen = number()? != 0,
                "related" => known.related = number()? != 0,
                "connmark" => known.mark = number()? as u32,
                "labels" => known.labels = number()?,
                "error" => known.error = number()? != 0,
                "begins" => known.begins = number()? != 0,
                "before" => known.before = number()? as u8,
                "snat" => known.nat = Some((true, number()?, 0)),
                "dnat" => known.nat = Some((false, number()?, 0)),
                "natport" => {
                    if let Some(nat) = &mut known.nat {
                        nat.2 = number()? as u16;
                    }
                }
                "helper" => value.clone_into(&mut known.helper),
                "bytes" => {
                    shot.bytes = hex(value).ok_or_else(|| format!("`{word}` is no hexadecimal text"))?
                }
                _ => return Err(format!("`{word}` is not known")),
            }
        }
        if there {
            shot.entry = Entry::There(known);
        }
        Ok(shot)
    }
}

fn number(text: &str) -> Option<u128> {
    match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => u128::from_str(text).ok(),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pair = |at| text.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok());
    (0..text.len()).step_by(2).map(pair).collect()
}
