//! Prints packets in the form that [`Packet::parse`] reads.

use std::fmt;

use super::connection::{Connection, Tuple};
use super::layout::{Layout, Transport};
use super::names::{ADDRESS_TYPES, EXTENSIONS, FLAGS, PACKET_TYPES, PROTOS, STATES, name};
use super::{Facts, Packet, PacketType, Path};
use crate::dialect::Family;
use crate::value::addr;
use crate::value::iface::Iface;

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = self.layout();
        if layout.to_bytes(self.family()).is_ok_and(|it| it == self.to_bytes()) {
            head(f, self.family(), &layout)?;
        } else {
            write!(f, "bytes {}", Hex(self.to_bytes()))?;
        }
        self.surroundings(f)?;
        if let Some(entry) = &self.entry {
            entry.print(f, self)?;
        }
        self.facts.print(f)?;
        let yes = |it: &bool| if *it { "yes" } else { "no" };
        self.sets.iter().try_for_each(|(name, is_in)| write!(f, " set:{}={}", name.to_lossy(), yes(is_in)))
    }
}

/// Bytes as `0x…`.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One end: address, and port if there is one.
struct End(Family, u128, Option<u16>);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = addr::ip(self.0, self.1);
        match (self.0, self.2) {
            (_, None) => write!(f, "{address}"),
            (Family::V4, Some(port)) => write!(f, "{address}:{port}"),
            (Family::V6, Some(port)) => write!(f, "[{address}]:{port}"),
        }
    }
}

fn key(f: &mut fmt::Formatter<'_>, key: &str, value: impl fmt::Display) -> fmt::Result {
    write!(f, " {key}={value}")
}

fn key_unless<T: PartialEq + fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: T,
    default: T,
) -> fmt::Result {
    if value == default { Ok(()) } else { key(f, name, value) }
}

fn hex_unless_empty(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    if bytes.is_empty() { Ok(()) } else { key(f, name, Hex(bytes)) }
}

fn head(f: &mut fmt::Formatter<'_>, family: Family, it: &Layout) -> fmt::Result {
    match name(&PROTOS, it.proto) {
        Some(name) => f.write_str(name)?,
        None => write!(f, "{}", it.proto)?,
    }
    let ports = it.transport.ports();
    let source = End(family, it.source, ports.map(|it| it.0));
    write!(f, " {source} -> {}", End(family, it.destination, ports.map(|it| it.1)))?;
    let headless = it.transport == Transport::None;
    if headless
        && matches!(it.proto, 1 | 6 | 17 | 33 | 50 | 51 | 58 | 108 | 132 | 136)
        && it.fragment & 0x1fff == 0
    {
        f.write_str(" headless")?;
    }
    transport(f, &it.transport)?;
    key_unless(f, if family == Family::V4 { "ttl" } else { "hop-limit" }, it.hop_limit, 64)?;
    if it.tos != 0 {
        write!(f, " tos={:#x}", it.tos)?;
    }
    key_unless(f, "flow", it.flow, 0)?;
    key_unless(f, "id", it.id, 0)?;
    for (bit, word) in [(0x4000, "df"), (0x2000, "mf"), (0x8000, "reserved-bit")] {
        if it.fragment & bit != 0 {
            write!(f, " {word}")?;
        }
    }
    key_unless(f, "fragment", u32::from(it.fragment & 0x1fff) * 8, 0)?;
    hex_unless_empty(f, "options", &it.options)?;
    for (number, content) in &it.extensions {
        write!(f, " ext={}", name(&EXTENSIONS, *number).unwrap_or("dst"))?;
        if !content.is_empty() {
            write!(f, ":{}", Hex(content))?;
        }
    }
    if it.payload.is_empty() {
        return Ok(());
    }
    if it.payload.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        f.write_str(" payload=\"")?;
        for byte in &it.payload {
            let escape = if matches!(byte, b'"' | b'\\') { "\\" } else { "" };
            write!(f, "{escape}{}", char::from(*byte))?;
        }
        return f.write_str("\"");
    }
    key(f, "payload", Hex(&it.payload))
}

fn transport(f: &mut fmt::Formatter<'_>, it: &Transport) -> fmt::Result {
    match it {
        Transport::None | Transport::Udp { .. } => Ok(()),
        Transport::Tcp(tcp) => {
            let set = FLAGS.iter().filter(|(_, bit)| tcp.flags & bit != 0).map(|(name, _)| *name);
            let flags: Vec<&str> = set.collect();
            key(f, "flags", if flags.is_empty() { "NONE".to_owned() } else { flags.join(",") })?;
            key_unless(f, "seq", tcp.sequence, 0)?;
            key_unless(f, "ack", tcp.acknowledgement, 0)?;
            key_unless(f, "reserved", tcp.reserved, 0)?;
            key_unless(f, "window", tcp.window, 65535)?;
            key_unless(f, "urgent", tcp.urgent, 0)?;
            match tcp.options.as_slice() {
                [2, 4, high, low] => key(f, "mss", u16::from_be_bytes([*high, *low])),
                options => hex_unless_empty(f, "tcp-options", options),
            }
        }
        Transport::UdpLite { coverage, .. } => key_unless(f, "coverage", *coverage, 0),
        Transport::Icmp { kind, code, rest } => {
            key(f, "type", kind)?;
            key_unless(f, "code", *code, 0)?;
            if *rest == 0 { Ok(()) } else { write!(f, " rest={rest:#x}") }
        }
        Transport::Sctp { tag, .. } => key_unless(f, "tag", *tag, 0),
        Transport::Dccp { kind, rest, .. } => {
            key_unless(f, "type", *kind, 0)?;
            if rest.as_slice() == [0; 4] { Ok(()) } else { key(f, "rest", Hex(rest)) }
        }
        Transport::Ah { next, reserved, spi, sequence, check } => {
            key_unless(f, "next", *next, 59)?;
            key_unless(f, "reserved", *reserved, 0)?;
            key(f, "spi", spi)?;
            key_unless(f, "seq", *sequence, 0)?;
            hex_unless_empty(f, "check", check)
        }
        Transport::Esp { spi, sequence } => {
            key(f, "spi", spi)?;
            key_unless(f, "seq", *sequence, 0)
        }
        Transport::IpComp { next, flags, cpi } => {
            key_unless(f, "next", *next, 59)?;
            key_unless(f, "flags", *flags, 0)?;
            key(f, "cpi", cpi)
        }
    }
}

fn lossy(iface: &Iface) -> String {
    // Bytes beyond ASCII are one character each in the text form.
    iface.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

impl Packet {
    fn surroundings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(iface) = &self.in_iface {
            write!(f, " in {}", lossy(iface))?;
        }
        if let Some(iface) = &self.out_iface {
            write!(f, " out {}", lossy(iface))?;
        }
        let told = match (&self.in_iface, &self.out_iface) {
            (None, None) if self.routed => Some(Path::Output),
            (Some(_), None) => Some(Path::Input),
            (Some(_), Some(_)) => Some(Path::Forward),
            (None, Some(_)) => Some(Path::Output),
            (None, None) => None,
        };
        if told != Some(self.path) {
            write!(f, " {}", self.path.as_str())?;
        }
        if let Some(link) = &self.link {
            for (word, mac) in [("mac", link.source), ("mac-to", link.destination)] {
                let mut out = Vec::new();
                mac.push(&mut out);
                key(f, word, String::from_utf8_lossy(&out))?;
            }
        }
        if self.packet_type != PacketType::Host {
            key(f, "pkttype", name(&PACKET_TYPES, self.packet_type).unwrap_or_default())?;
        }
        if self.mark != 0 {
            write!(f, " mark={:#x}", self.mark)?;
        }
        match self.owner {
            Some(owner) => write!(f, " uid={} gid={}", owner.uid, owner.gid),
            None => Ok(()),
        }
    }
}

impl Connection {
    fn print(&self, f: &mut fmt::Formatter<'_>, packet: &Packet) -> fmt::Result {
        let default = packet.default_entry(self.state, self.reply);
        write!(f, " {}", name(&STATES, self.state).unwrap_or("new"))?;
        if self.reply {
            f.write_str(" reply")?;
        }
        if self.mark != 0 {
            write!(f, " ctmark={:#x}", self.mark)?;
        }
        key_unless(f, "ctstatus", self.status, default.status)?;
        if let Some(seconds) = self.expires {
            key(f, "ctexpire", seconds)?;
        }
        if let Some([there, back]) = self.counts {
            write!(f, " ctcounts={}/{}/{}/{}", there.packets, there.bytes, back.packets, back.bytes)?;
        }
        if self.labels != 0 {
            write!(f, " ctlabels={:#x}", self.labels)?;
        }
        if let Some(helper) = &self.helper {
            key(f, "helper", helper.to_lossy())?;
        }
        key_unless(f, "zone", self.zone, 0)?;
        for (word, tuple, default) in
            [("orig", self.original, default.original), ("replies", self.reply_tuple, default.reply_tuple)]
        {
            if tuple != default {
                print_tuple(f, packet.family(), word, &tuple)?;
            }
        }
        Ok(())
    }
}

fn print_tuple(f: &mut fmt::Formatter<'_>, family: Family, word: &str, it: &Tuple) -> fmt::Result {
    let source = End(family, it.source, Some(it.source_port));
    write!(f, " {word}={source}>{}", End(family, it.destination, Some(it.destination_port)))
}

impl Facts {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, types) in [("src-type", self.source_type), ("dst-type", self.destination_type)] {
            if let Some(types) = types {
                let names = ADDRESS_TYPES.iter().filter(|(_, bit)| types & bit != 0);
                let names: Vec<&str> = names.map(|(name, _)| *name).collect();
                key(f, word, if names.is_empty() { "NONE".to_owned() } else { names.join(",") })?;
            }
        }
        let yes = |it: bool| if it { "yes" } else { "no" };
        let flags = [("reverse-path", self.reverse_path), ("socket", self.socket), ("ipsec", self.ipsec)];
        for (word, it) in flags {
            if let Some(it) = it {
                key(f, word, yes(it))?;
            }
        }
        let numbers = [
            ("realm", self.realm),
            ("in-group", self.in_group),
            ("out-group", self.out_group),
            ("cpu", self.cpu),
            ("cgroup", self.cgroup),
        ];
        for (word, it) in numbers {
            if let Some(it) = it {
                key(f, word, it)?;
            }
        }
        for (word, it) in [("bridge-in", &self.bridge_in), ("bridge-out", &self.bridge_out)] {
            if let Some(it) = it {
                key(f, word, if it.is_any() { "none".to_owned() } else { lossy(it) })?;
            }
        }
        match self.now {
            Some(now) => key(f, "now", now),
            None => Ok(()),
        }
    }
}
