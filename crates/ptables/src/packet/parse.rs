//! Packets as people write them: `tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new`.

use super::connection::{Connection, Count, Tuple};
use super::layout::{Layout, Tcp, Transport};
use super::names::{ADDRESS_TYPES, EXTENSIONS, FLAGS, PACKET_TYPES, PROTOS, STATES, find};
use super::words::{Word, end, error, hex, iface, small, split, unknown, yes};
use super::{Facts, Link, Owner, Packet, PacketType, Path};
use crate::diag::Diagnostic;
use crate::dialect::Family;
use crate::source::Text;
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;
use crate::value::mac::Mac;
use crate::value::{clock, icmp, number};

/// What was read so far.
#[derive(Default)]
struct Draft {
    family: Option<Family>,
    layout: Layout,
    bytes: Option<Vec<u8>>,
    flags: Option<u8>,
    length: Option<(u16, Text)>,
    path: Option<Path>,
    in_iface: Option<Iface>,
    out_iface: Option<Iface>,
    link: Option<Link>,
    packet_type: PacketType,
    mark: u32,
    uid: Option<u32>,
    gid: Option<u32>,
    state: Option<CtState>,
    reply: bool,
    /// Applied to the entry in the end.
    entry: Vec<(String, Word)>,
    facts: Facts,
    sets: Vec<(Text, bool)>,
}

impl Packet {
    /// Reads the text form: protocol, `SOURCE -> DESTINATION` with ports (`[ADDRESS]:PORT` in IPv6), `in IFACE` and
    /// `out IFACE`, a word for the state of the connection (`new`, `established`, `related`, `invalid`, `untracked`), and
    /// `key=value` for everything else. `docs/semantics.md` lists the keys. [`Display`](std::fmt::Display) is its inverse.
    ///
    /// Without `flags` a TCP segment is a SYN, or an ACK where the connection is established or the direction is `reply`.
    ///
    /// # Errors
    /// A diagnostic that points at the word that cannot be read.
    pub fn parse(text: &Text) -> Result<Packet, Box<Diagnostic>> {
        Packet::read(text, false)
    }

    /// As [`parse`](Packet::parse), for a machine whose routes are known
    /// ([`Simulator::with_routes`](crate::simulate::Simulator::with_routes)): with `in IFACE` alone they say where the packet goes, and a
    /// packet without an interface is sent by this machine. `input`, `forward` and `output` still say it, as two interfaces
    /// or `out` alone do.
    ///
    /// # Errors
    /// As [`parse`](Packet::parse).
    pub fn parse_routed(text: &Text) -> Result<Packet, Box<Diagnostic>> {
        Packet::read(text, true)
    }

    fn read(text: &Text, routed: bool) -> Result<Packet, Box<Diagnostic>> {
        let words = split(text)?;
        let mut draft = Draft::default();
        draft.layout.hop_limit = 64;
        let mut rest = words.into_iter();
        let Some(first) = rest.next() else {
            return Err(error(
                text,
                "a packet is missing, such as `tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new`",
            ));
        };
        if first.text == "bytes" {
            let word = rest
                .next()
                .ok_or_else(|| error(&first.at, "hexadecimal digits are missing after `bytes`"))?;
            draft.bytes = Some(hex(&word)?);
        } else {
            draft.ends(&first, &mut rest)?;
        }
        while let Some(word) = rest.next() {
            draft.word(word, &mut rest)?;
        }
        draft.finish(text, routed)
    }
}

impl Draft {
    /// Protocol and both ends.
    fn ends(&mut self, first: &Word, rest: &mut impl Iterator<Item = Word>) -> Result<(), Box<Diagnostic>> {
        let proto = number::decimal(first.text.as_bytes()).and_then(|it| u8::try_from(it).ok());
        self.layout.proto = find(&PROTOS, &first.text)
            .or(proto)
            .or_else(|| crate::value::proto::by_name(&first.text))
            .ok_or_else(|| unknown(first, "a protocol"))?;
        let missing =
            |what| error(&first.at, format!("{what} is missing: `{} SOURCE -> DESTINATION`", first.text));
        let source = rest.next().ok_or_else(|| missing("the source"))?;
        let (family, address, source_port) = end(&source.text, &source.at)?;
        rest.next().filter(|it| it.text == "->").ok_or_else(|| missing("`->`"))?;
        let word = rest.next().ok_or_else(|| missing("the destination"))?;
        let (other, destination, destination_port) = end(&word.text, &word.at)?;
        if family != other {
            return Err(error(&word.at, format!("the source is {family}, the destination {other}")));
        }
        self.family = Some(family);
        self.layout.source = address;
        self.layout.destination = destination;
        self.layout.transport = Transport::plain(self.layout.proto, family);
        let ports = [source_port, destination_port].map(Option::unwrap_or_default);
        match &mut self.layout.transport {
            Transport::Tcp(Tcp { source, destination, .. })
            | Transport::Udp { source, destination }
            | Transport::UdpLite { source, destination, .. }
            | Transport::Sctp { source, destination, .. }
            | Transport::Dccp { source, destination, .. } => [*source, *destination] = ports,
            _ => {
                for (port, at) in [(source_port, &source.at), (destination_port, &word.at)] {
                    if port.is_some() {
                        return Err(error(at, format!("`{}` has no ports", first.text)));
                    }
                }
            }
        }
        Ok(())
    }

    fn word(&mut self, word: Word, rest: &mut impl Iterator<Item = Word>) -> Result<(), Box<Diagnostic>> {
        if let Some((key, value)) = word.text.split_once('=') {
            let (skip, len) = (key.len() + 1, word.at.len());
            let value = Word { text: value.to_owned(), quoted: word.quoted, at: word.at.slice(skip, len) };
            return self.key(&word.at.slice(0, skip - 1), key, value);
        }
        if let Some(state) = find(&STATES, &word.text) {
            self.state = Some(state);
            return Ok(());
        }
        match word.text.as_str() {
            "in" | "out" => {
                let name = rest.next().ok_or_else(|| error(&word.at, "an interface is missing"))?;
                let name = iface(&name)?;
                *(if word.text == "in" { &mut self.in_iface } else { &mut self.out_iface }) = Some(name);
            }
            "input" => self.path = Some(Path::Input),
            "forward" => self.path = Some(Path::Forward),
            "output" => self.path = Some(Path::Output),
            "reply" => self.reply = true,
            "headless" => self.layout.transport = Transport::None,
            "df" => self.layout.fragment |= 0x4000,
            "mf" => self.layout.fragment |= 0x2000,
            "reserved-bit" => self.layout.fragment |= 0x8000,
            _ => return Err(unknown(&word, "a word of a packet, or a `key=value`")),
        }
        Ok(())
    }

    fn key(&mut self, at: &Text, key: &str, word: Word) -> Result<(), Box<Diagnostic>> {
        let word = &word;
        if self.transport_key(key, word)? || self.fact(key, word)? {
            return Ok(());
        }
        if let Some(name) = key.strip_prefix("set:") {
            self.sets.push((Text::new(name.as_bytes()), yes(word)?));
            return Ok(());
        }
        match key {
            "ttl" | "hop-limit" => self.layout.hop_limit = small(word, 255)?,
            "tos" => self.layout.tos = small(word, 255)?,
            "dscp" => self.layout.tos = (self.layout.tos & 3) | (small::<u8>(word, 63)? << 2),
            "ecn" => self.layout.tos = self.layout.tos & !3 | small::<u8>(word, 3)?,
            "id" => self.layout.id = small(word, 65535)?,
            "flow" => self.layout.flow = small(word, 0xf_ffff)?,
            "fragment" => {
                let offset: u16 = small(word, 65528)?;
                if !offset.is_multiple_of(8) {
                    return Err(error(&word.at, "the offset of a fragment is a multiple of 8 bytes"));
                }
                self.layout.fragment = (self.layout.fragment & 0xe000) | (offset / 8);
                if offset > 0 {
                    self.layout.transport = Transport::None;
                }
            }
            "options" => self.layout.options = hex(word)?,
            "ext" => {
                let (kind, content) = word.text.split_once(':').unwrap_or((&word.text, ""));
                let kind = find(&EXTENSIONS, kind)
                    .ok_or_else(|| unknown(word, "an extension header: hbh, rt, frag, ah or dst"))?;
                let content = hex(&Word { text: content.to_owned(), quoted: false, at: word.at.clone() })?;
                self.layout.extensions.push((kind, content));
            }
            "payload" if word.quoted => {
                self.layout.payload = word.text.chars().map(|it| u32::from(it) as u8).collect();
            }
            "payload" => self.layout.payload = hex(word)?,
            "length" => self.length = Some((small(word, 65535)?, word.at.clone())),
            "mark" => self.mark = small(word, u64::from(u32::MAX))?,
            "uid" => self.uid = Some(small(word, u64::from(u32::MAX))?),
            "gid" => self.gid = Some(small(word, u64::from(u32::MAX))?),
            "mac" | "mac-to" => {
                let mac = Mac::parse(word.text.as_bytes())
                    .map_err(|bad| error(&word.at, format!("expected {}", bad.expected)))?;
                let zero = Link { source: Mac([0; 6]), destination: Mac([0; 6]) };
                let link = self.link.get_or_insert(zero);
                *(if key == "mac" { &mut link.source } else { &mut link.destination }) = mac;
            }
            "pkttype" => {
                self.packet_type = find(&PACKET_TYPES, &word.text)
                    .ok_or_else(|| unknown(word, "host, broadcast, multicast or otherhost"))?;
            }
            "ctmark" | "ctstatus" | "ctexpire" | "ctcounts" | "ctlabels" | "helper" | "zone" | "orig"
            | "replies" => {
                let word = Word { text: word.text.clone(), quoted: word.quoted, at: word.at.clone() };
                self.entry.push((key.to_owned(), word));
            }
            _ => return Err(error(at, format!("`{key}` is no key of such a packet"))),
        }
        Ok(())
    }

    /// Keys of the transport header. Says whether it was one.
    fn transport_key(&mut self, key: &str, word: &Word) -> Result<bool, Box<Diagnostic>> {
        let family = self.family.unwrap_or(Family::V4);
        match (&mut self.layout.transport, key) {
            (Transport::Tcp(_), "flags") => {
                let mut flags = 0;
                for name in word.text.split(',').filter(|it| !it.eq_ignore_ascii_case("NONE")) {
                    flags |=
                        find(&FLAGS, name).ok_or_else(|| unknown(word, "a list of TCP flags, or NONE"))?;
                }
                self.flags = Some(flags);
            }
            (Transport::Tcp(tcp), "seq") => tcp.sequence = small(word, u64::from(u32::MAX))?,
            (Transport::Tcp(tcp), "ack") => tcp.acknowledgement = small(word, u64::from(u32::MAX))?,
            (Transport::Tcp(tcp), "reserved") => tcp.reserved = small(word, 15)?,
            (Transport::Tcp(tcp), "window") => tcp.window = small(word, 65535)?,
            (Transport::Tcp(tcp), "urgent") => tcp.urgent = small(word, 65535)?,
            (Transport::Tcp(tcp), "tcp-options") => tcp.options = hex(word)?,
            (Transport::Tcp(tcp), "mss") => {
                tcp.options = [2, 4].into_iter().chain(small::<u16>(word, 65535)?.to_be_bytes()).collect();
            }
            (Transport::UdpLite { coverage, .. }, "coverage") => *coverage = small(word, 65535)?,
            (Transport::Icmp { kind, code, .. }, "type") => {
                let it = icmp::IcmpType::parse(family, true, word.text.as_bytes())
                    .map_err(|bad| error(&word.at, format!("expected {}", bad.expected)))?;
                *kind = it.kind;
                *code = if it.codes == (0, 255) { *code } else { it.codes.0 };
            }
            (Transport::Icmp { code, .. }, "code") => *code = small(word, 255)?,
            (Transport::Icmp { rest, .. }, "rest") => *rest = small(word, u64::from(u32::MAX))?,
            (Transport::Sctp { tag, .. }, "tag") => *tag = small(word, u64::from(u32::MAX))?,
            (Transport::Dccp { kind, .. }, "type") => *kind = small(word, 15)?,
            (Transport::Dccp { rest, .. }, "rest") => *rest = hex(word)?,
            (Transport::Ah { next, .. } | Transport::IpComp { next, .. }, "next") => {
                *next = small(word, 255)?
            }
            (Transport::Ah { reserved, .. }, "reserved") => *reserved = small(word, 65535)?,
            (Transport::Ah { check, .. }, "check") => *check = hex(word)?,
            (Transport::Ah { spi, .. } | Transport::Esp { spi, .. }, "spi") => {
                *spi = small(word, u64::from(u32::MAX))?;
            }
            (Transport::Ah { sequence, .. } | Transport::Esp { sequence, .. }, "seq") => {
                *sequence = small(word, u64::from(u32::MAX))?;
            }
            (Transport::IpComp { flags, .. }, "flags") => *flags = small(word, 255)?,
            (Transport::IpComp { cpi, .. }, "cpi") => *cpi = small(word, 65535)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Keys of what the machine knows. Says whether it was one.
    fn fact(&mut self, key: &str, word: &Word) -> Result<bool, Box<Diagnostic>> {
        let facts = &mut self.facts;
        let wide = u64::from(u32::MAX);
        match key {
            "src-type" | "dst-type" => {
                let mut types = 0;
                for name in word.text.split(',').filter(|it| !it.eq_ignore_ascii_case("NONE")) {
                    types |=
                        find(&ADDRESS_TYPES, name).ok_or_else(|| unknown(word, "a list of address types"))?;
                }
                *(if key == "src-type" { &mut facts.source_type } else { &mut facts.destination_type }) =
                    Some(types);
            }
            "reverse-path" => facts.reverse_path = Some(yes(word)?),
            "realm" => facts.realm = Some(small(word, wide)?),
            "in-group" => facts.in_group = Some(small(word, wide)?),
            "out-group" => facts.out_group = Some(small(word, wide)?),
            "cpu" => facts.cpu = Some(small(word, wide)?),
            "cgroup" => facts.cgroup = Some(small(word, wide)?),
            "socket" => facts.socket = Some(yes(word)?),
            "bridge-in" | "bridge-out" => {
                let name = if word.text == "none" { Iface::ANY } else { iface(word)? };
                *(if key == "bridge-in" { &mut facts.bridge_in } else { &mut facts.bridge_out }) = Some(name);
            }
            "ipsec" => facts.ipsec = Some(yes(word)?),
            "now" => {
                let text = word.text.strip_suffix('Z').unwrap_or(&word.text).as_bytes();
                facts.now = Some(match number::decimal(text).filter(|it| *it > 9999) {
                    Some(seconds) => seconds,
                    None => clock::date(text)
                        .map(u64::from)
                        .map_err(|bad| error(&word.at, format!("expected {}", bad.expected)))?,
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(mut self, text: &Text, routed: bool) -> Result<Packet, Box<Diagnostic>> {
        let path = match (self.path, self.in_iface, self.out_iface) {
            (Some(path), _, _) => path,
            (None, Some(_), None) => Path::Input,
            (None, Some(_), Some(_)) => Path::Forward,
            (None, None, Some(_)) => Path::Output,
            (None, None, None) if routed => Path::Output,
            (None, None, None) => {
                return Err(error(
                    text,
                    "where the packet passes is missing: `in IFACE`, `out IFACE` or both",
                ));
            }
        };
        let open = self.out_iface.is_none() && self.path != Some(Path::Input);
        let acknowledges = self.reply || matches!(self.state, Some(CtState::Established));
        if let Transport::Tcp(tcp) = &mut self.layout.transport {
            tcp.flags = self.flags.unwrap_or(if acknowledges { 16 } else { 2 });
        }
        let fault = |it: super::PacketError| error(text, it.to_string());
        let mut packet = match &self.bytes {
            Some(bytes) => Packet::from_bytes(bytes, path).map_err(fault)?,
            None => {
                let family = self.family.unwrap_or(Family::V4);
                if let Some((length, at)) = &self.length {
                    let now = self.layout.to_bytes(family).map_err(fault)?.len();
                    let more = usize::from(*length)
                        .checked_sub(now)
                        .ok_or_else(|| error(at, format!("the packet has {now} bytes already")))?;
                    self.layout.payload.resize(self.layout.payload.len() + more, 0);
                }
                Packet::new(family, &self.layout, path).map_err(fault)?
            }
        };
        packet.routed = routed && open;
        packet.in_iface = self.in_iface;
        packet.out_iface = self.out_iface;
        packet.link = self.link;
        packet.packet_type = self.packet_type;
        packet.mark = self.mark;
        if self.uid.or(self.gid).is_some() {
            packet.owner = Some(Owner { uid: self.uid.unwrap_or(0), gid: self.gid.unwrap_or(0) });
        }
        packet.facts = self.facts;
        packet.sets = self.sets;
        if self.state.is_some() || self.reply || !self.entry.is_empty() {
            let state = self.state.unwrap_or(if self.reply { CtState::Established } else { CtState::New });
            packet.entry = Some(Box::new(entry(&packet, state, self.reply, &self.entry)?));
        }
        Ok(packet)
    }
}

/// The entry of a packet: its own tuple, and what was said besides.
fn entry(
    packet: &Packet,
    state: CtState,
    reply: bool,
    said: &[(String, Word)],
) -> Result<Connection, Box<Diagnostic>> {
    let mut it = packet.default_entry(state, reply);
    for (key, word) in said {
        match key.as_str() {
            "ctmark" => it.mark = small(word, u64::from(u32::MAX))?,
            "ctstatus" => it.status = small(word, u64::from(u32::MAX))?,
            "ctexpire" => it.expires = Some(small(word, u64::from(u32::MAX))?),
            "ctcounts" => {
                let numbers = word.text.split('/').map(|it| number::decimal(it.as_bytes()));
                let numbers: Option<Vec<u64>> = numbers.collect();
                let Some([packets, bytes, reply_packets, reply_bytes]) = numbers.as_deref() else {
                    return Err(unknown(word, "packets/bytes/packets/bytes, those of replies last"));
                };
                let count = |packets: &u64, bytes: &u64| Count { packets: *packets, bytes: *bytes };
                it.counts = Some([count(packets, bytes), count(reply_packets, reply_bytes)]);
            }
            "ctlabels" => {
                let digits = word.text.strip_prefix("0x").unwrap_or(&word.text);
                it.labels = u128::from_str_radix(digits, 16)
                    .map_err(|_| unknown(word, "labels: 128 bits in hexadecimal"))?;
            }
            "helper" => it.helper = Some(Text::new(word.text.as_bytes())),
            "zone" => it.zone = small(word, 65535)?,
            _ => {
                let (source, destination) =
                    word.text.split_once('>').ok_or_else(|| unknown(word, "`SOURCE>DESTINATION`"))?;
                let (one, source, source_port) = end(source, &word.at)?;
                let (other, destination, destination_port) = end(destination, &word.at)?;
                if one != packet.family() || other != packet.family() {
                    return Err(error(&word.at, format!("the packet is {}", packet.family())));
                }
                let tuple = Tuple::new(
                    it.original.proto,
                    (source, source_port.unwrap_or(0)),
                    (destination, destination_port.unwrap_or(0)),
                );
                *(if key == "orig" { &mut it.original } else { &mut it.reply_tuple }) = tuple;
            }
        }
    }
    Ok(it)
}

impl Packet {
    /// The entry that a packet of this state has when nobody says more.
    pub(super) fn default_entry(&self, state: CtState, reply: bool) -> Connection {
        let tuple = self.tuple();
        let mut it = Connection::new(state, if reply { tuple.reversed() } else { tuple });
        if reply {
            it.reply_tuple = tuple;
        }
        it.reply = reply;
        it
    }
}
