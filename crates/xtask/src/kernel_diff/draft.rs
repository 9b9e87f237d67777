//! A packet while it is being made: its fields, its way and its connection.

use std::rc::Rc;

use ptables::dialect::Family;
use ptables::packet::{Layout, Tcp, Transport, View};
use ptables_judge::world::{Link, OWNERS, Path};

use super::cut::{tell_length, truncate};
use super::pool;
use super::rng::Rng;
use super::shot::{Entry, Known, Shot};

/// Makes a packet more like what a rule wants.
pub type Wish = Rc<dyn Fn(&mut Draft, &mut Rng)>;

/// A packet that is not sent yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Whether it is of IPv6.
    pub v6: bool,
    /// Its fields.
    pub layout: Layout,
    /// All but its bytes.
    pub shot: Shot,
    /// Bytes after which it is cut off, among the extension headers of IPv6.
    pub cut: Option<u16>,
    /// Bytes of the transport header, and of what follows, that are left.
    pub short: Option<u16>,
    /// Type and sender of an ICMP error, with which it is sent back.
    pub error: Option<(u8, u128)>,
    /// Whether a datagram is without a checksum, and a DCCP header with short numbers.
    pub bare: bool,
    /// Bytes that its IP header says are there; more or fewer, so that the kernel takes it for no packet.
    pub lie: Option<u16>,
}

/// What packets a set of rules may get.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Whether they are of IPv6.
    pub v6: bool,
    /// Whether connections are tracked: then no fragments, and no packet that tracking takes for a part of another.
    pub tracked: bool,
    /// Whether rules may change the route on the output path: then all leave through the first interface.
    pub one_way_out: bool,
    /// How many interfaces there are.
    pub devices: usize,
    /// Whether nf_tables gets them: to it, an authentication header of IPv6 is the protocol, which is not modelled.
    pub nft: bool,
}

impl Draft {
    /// Any packet of a scope.
    pub fn random(scope: Scope, rng: &mut Rng) -> Draft {
        let v6 = scope.v6;
        let path = rng.pick(&Path::ALL);
        let proto = rng.pick(if v6 { &pool::PROTOS_V6 } else { &pool::PROTOS_V4 });
        let mut layout = Layout::new(pool::address(rng, v6), pool::address(rng, v6), proto);
        layout.tos = rng.pick(&pool::TOS);
        // Forwarding takes few of the last two.
        layout.hop_limit = if rng.chance(6) { rng.pick(&[0, 1]) } else { rng.pick(&pool::HOPS) };
        layout.id = rng.within(1, 65000) as u16;
        layout.flow = rng.below(1 << 20) as u32;
        layout.payload = payload(rng);
        let devices = if path == Path::Output && scope.one_way_out { 1 } else { scope.devices };
        let output = rng.below(devices as u64) as usize;
        let shot = Shot {
            input: rng.below(scope.devices as u64) as usize,
            output,
            mark: rng.pick(&pool::MARKS),
            mac: rng.pick(&pool::MACS),
            link: if path == Path::Input {
                rng.pick(&[Link::Host, Link::Host, Link::Host, Link::Broadcast, Link::Multicast])
            } else {
                Link::Host
            },
            owner: rng.below(OWNERS.len() as u64) as usize,
            ..Shot::new(path, Vec::new())
        };
        if v6 && rng.chance(6) {
            // Words of ones, which the sums of a translated prefix cannot use.
            layout.source |= rng.pick(&[0xffff << 48, 0xffff_ffff << 32, u128::from(u64::MAX), 0xffff << 64]);
            layout.destination |= rng.pick(&[0xffff << 48, u128::from(u64::MAX), 0xffff << 64]);
        }
        let (bare, lie) = (rng.chance(10), None);
        let mut draft = Draft { v6, layout, shot, cut: None, short: None, error: None, bare, lie };
        if !v6 && rng.chance(6) {
            // Options that every machine passes over.
            draft.layout.options = rng.pick(&[&[1, 1, 1, 1][..], &[0, 0, 0, 0], &[1; 8], &[1; 40]]).to_vec();
        }
        draft.header(rng);
        if !scope.tracked && rng.chance(8) {
            draft.fragment(rng);
        }
        if v6 && rng.chance(15) {
            draft.extend(rng);
        }
        draft
    }

    /// Gives it a header of its protocol, by chance.
    pub(super) fn header(&mut self, rng: &mut Rng) {
        let (source, destination) = (rng.pick(&pool::PORTS), rng.pick(&pool::PORTS));
        self.layout.transport = match self.layout.proto {
            6 => {
                let mut tcp = Tcp::default();
                (tcp.source, tcp.destination) = (source, destination);
                tcp.sequence = rng.any() as u32;
                tcp.flags = rng.pick(&[
                    2, 2, 0x12, 0x10, 0x11, 4, 0x14, 0x18, 0, 0x3f, 0x29, 0xc2, 0x42, 0x82, 0x90, 0x30, 0x22,
                    0x32,
                ]);
                tcp.window = 0xffff;
                if rng.chance(35) {
                    tcp.options = tcp_options(rng);
                }
                Transport::Tcp(tcp)
            }
            17 => Transport::Udp { source, destination },
            136 => Transport::UdpLite { source, destination, coverage: rng.pick(&[8, 8, 0, 9, 12, 7]) },
            1 => Transport::Icmp {
                kind: rng.pick(&[8, 8, 0, 3, 11, 13, 4, 5, 12, 14, 15, 16, 17, 18]),
                code: rng.below(4) as u8,
                rest: identity(rng),
            },
            58 => Transport::Icmp {
                kind: rng.pick(&[128, 128, 128, 129, 129, 1, 2, 3, 4, 139, 140, 130, 133, 136, 137, 143]),
                code: rng.below(4) as u8,
                rest: identity(rng),
            },
            132 => {
                self.layout.payload = chunks(rng);
                Transport::Sctp { source, destination, tag: rng.pick(&[0, 7]) }
            }
            33 => Transport::Dccp { source, destination, kind: rng.below(16) as u8, rest: dccp_rest(rng) },
            51 => Transport::Ah {
                next: 17,
                reserved: rng.pick(&[0, 0, 7]),
                spi: rng.pick(&pool::NUMBERS),
                sequence: 1,
                check: vec![0; rng.pick(&[0, 4, 12])],
            },
            50 => Transport::Esp { spi: rng.pick(&pool::NUMBERS), sequence: 1 },
            108 => {
                Transport::IpComp { next: 6, flags: rng.pick(&[0, 9]), cpi: rng.pick(&pool::NUMBERS) as u16 }
            }
            47 => {
                // GRE: flags, version, protocol; of version 1 also length, call, numbers.
                let mut payload = vec![rng.pick(&[0, 0x20, 0x30]), rng.pick(&[0, 0, 1, 1, 2, 7])];
                payload.extend(rng.pick(&[[0x88, 0x0b], [0x88, 0x0b], [8, 0]]));
                payload.extend(rng.bytes(12));
                payload.truncate(rng.pick(&[16, 16, 12, 8, 7, 4, 3]));
                self.layout.payload = payload;
                Transport::None
            }
            135 => {
                // Mobility header: next header 59, length, type, reserved, checksum.
                let length = rng.pick(&[0_u8, 1, 1, 2]);
                let mut payload = vec![rng.pick(&[59, 59, 59, 6]), length, rng.below(20) as u8, 0, 0, 0];
                payload.resize(8 + usize::from(length) * 8, 0);
                self.layout.payload = payload;
                Transport::None
            }
            _ => Transport::None,
        };
    }

    /// Another protocol, with its header by chance.
    pub fn become_proto(&mut self, proto: u8, rng: &mut Rng) {
        if self.layout.proto != proto {
            self.layout.proto = proto;
            self.header(rng);
        }
    }

    /// Its TCP header; it becomes a TCP segment.
    pub fn tcp(&mut self, rng: &mut Rng, change: impl FnOnce(&mut Tcp)) {
        self.become_proto(6, rng);
        if let Transport::Tcp(tcp) = &mut self.layout.transport {
            change(tcp);
        }
    }

    /// Sets its ports, if it has any.
    pub fn ports(&mut self, source: Option<u16>, destination: Option<u16>) {
        let (from, to) = match &mut self.layout.transport {
            Transport::Tcp(tcp) => (&mut tcp.source, &mut tcp.destination),
            Transport::Udp { source, destination }
            | Transport::UdpLite { source, destination, .. }
            | Transport::Sctp { source, destination, .. }
            | Transport::Dccp { source, destination, .. } => (source, destination),
            _ => return,
        };
        *from = source.unwrap_or(*from);
        *to = destination.unwrap_or(*to);
    }

    fn fragment(&mut self, rng: &mut Rng) {
        let offset = rng.pick(&[0_u16, 0, 1, 2, 100, 4096]);
        let more = offset == 0 || rng.chance(50);
        self.layout.payload.resize(self.layout.payload.len().next_multiple_of(8).max(16), 0x5a);
        if self.v6 {
            let number = rng.pick(&pool::NUMBERS);
            self.add_fragment(number, offset, more, rng.pick(&[0, 0, 0, 1, 2, 4]) as u8);
        } else if self.shot.path != Path::Input {
            self.layout.fragment = offset | if more { 0x2000 } else { 0 };
            if offset != 0 {
                self.layout.transport = Transport::None;
            }
        }
    }

    /// A fragment header of IPv6. `reserved`: two low bits in the offset field.
    pub fn add_fragment(&mut self, number: u32, offset: u16, more: bool, reserved: u8) {
        let field = offset << 3 | u16::from(reserved & 3) << 1 | u16::from(more);
        let mut content = vec![if reserved & 4 != 0 { 9 } else { 0 }];
        content.extend(field.to_be_bytes());
        content.extend(number.to_be_bytes());
        self.layout.extensions.retain(|it| it.0 != 44);
        self.layout.extensions.push((44, content));
        if offset != 0 {
            self.layout.transport = Transport::None;
        }
    }

    /// Some extension headers that stay in the order in which the kernel takes them.
    fn extend(&mut self, rng: &mut Rng) {
        for number in [0, 60, 43, 51] {
            if rng.chance(35) {
                self.extension(number, extension(number, rng));
            }
        }
    }

    /// Replaces or adds an extension header.
    pub fn extension(&mut self, number: u8, content: Vec<u8>) {
        let extensions = &mut self.layout.extensions;
        extensions.retain(|it| it.0 != number);
        let order = |it: u8| [0, 60, 43, 51, 44].iter().position(|known| *known == it);
        let at = extensions.iter().position(|it| order(it.0) > order(number)).unwrap_or(extensions.len());
        extensions.insert(at, (number, content));
    }

    /// Done: its bytes. `None` if its parts do not fit.
    pub fn finish(mut self) -> Option<Shot> {
        // What the kernel takes off before any hook sees the packet.
        if self.layout.payload.len() > 8000 {
            self.layout.payload.truncate(8000);
        }
        let family = if self.v6 { Family::V6 } else { Family::V4 };
        self.shot.bytes = self.layout.to_bytes(family).ok()?;
        if self.bare {
            self.bare_header(family);
        }
        if let Some((kind, sender)) = self.error {
            let proto = if self.v6 { 58 } else { 1 };
            let mut outer = Layout::new(sender, self.layout.source, proto);
            (outer.tos, outer.hop_limit, outer.id) = (self.layout.tos, self.layout.hop_limit, 9);
            outer.transport = Transport::Icmp { kind, code: 0, rest: 0 };
            outer.payload = self.shot.bytes;
            self.shot.bytes = outer.to_bytes(family).ok()?;
        }
        if let Some(length) = self.cut {
            truncate(&mut self.shot.bytes, usize::from(length));
        } else if let Some(length) = self.short {
            let start = View::new(family, &self.shot.bytes).transport;
            if start > 0 {
                truncate(&mut self.shot.bytes, start + usize::from(length));
            }
        }
        if let Some(length) = self.lie {
            tell_length(&mut self.shot.bytes, length);
        }
        Some(self.shot)
    }
}

/// The identifier of an echo and its number: often one of the ports that rules ask for.
fn identity(rng: &mut Rng) -> u32 {
    let number = rng.any() as u32;
    if rng.chance(40) { u32::from(rng.pick(&pool::PORTS)) << 16 | number & 0xffff } else { number }
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![b'Z'; rng.pick(&[0, 0, 1, 12, 20, 100, 400, 1200])];
    if bytes.len() > 12 {
        let word = rng.pick(&pool::WORDS).as_bytes();
        let at = rng.below((bytes.len() - word.len()) as u64) as usize;
        bytes[at..at + word.len()].copy_from_slice(word);
    }
    bytes
}

/// TCP options that are whole, or now and then are not.
pub(super) fn tcp_options(rng: &mut Rng) -> Vec<u8> {
    let mut options = Vec::new();
    for _ in 0..rng.within(1, 3) {
        match rng.below(6) {
            0 | 1 => {
                options.extend([2, 4]);
                options.extend(rng.pick(&[0_u16, 536, 1400, 1460, 65535]).to_be_bytes());
            }
            2 => options.push(1),
            3 => options.extend(rng.pick(&[[3, 3, 7], [2, 3, 7], [2, 3, 0]])),
            4 => options.extend([4, 2]),
            _ => options.extend(rng.pick(&[[5, 0], [254, 1], [2, 3], [0, 0], [254, 40]])),
        }
    }
    if rng.chance(15) {
        // The last byte of the header begins an option.
        options.resize(options.len().next_multiple_of(4) + 3, 1);
        options.push(rng.pick(&[2, 3, 5, 254]));
    }
    options
}

/// SCTP chunks: type, flags, length, content.
fn chunks(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Whether all are such as may begin an association.
    let is_first = rng.chance(50);
    for _ in 0..rng.within(0, 3) {
        let length = rng.pick(&[4_u16, 8, 9, 16, 19, 20, 21]);
        let kind = match is_first {
            true => rng.pick(&[1, 2, 4, 5, 7, 8, 9, 10]),
            false => rng.pick(&[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 0x80, 0x80, 0xc1]),
        };
        bytes.extend([kind, rng.below(8) as u8]);
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + usize::from(length.next_multiple_of(4)) - 4, 0);
    }
    if rng.chance(8) {
        // A chunk of no length ends the search.
        bytes.extend([rng.pick(&[1, 4, 7, 9]), 0, 0, rng.pick(&[0, 0, 1])]);
    }
    bytes
}

/// What follows the first 16 bytes of a DCCP header: 8 bytes in most types, then options.
fn dccp_rest(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; rng.pick(&[0, 4, 8, 8, 12])];
    for _ in 0..rng.below(3) {
        match rng.below(3) {
            0 => bytes.push(rng.pick(&[0, 1, 2])),
            1 => bytes.extend([rng.pick(&[32, 38, 44]), 3, 9]),
            _ => bytes.extend(rng.pick(&[[33, 2], [41, 0], [45, 9]])),
        }
    }
    bytes
}

/// The content of an extension header behind its first two bytes.
pub fn extension(number: u8, rng: &mut Rng) -> Vec<u8> {
    match number {
        // Options that every machine passes over: Pad1, PadN, and some that need not be known.
        0 | 60 => {
            let mut bytes = Vec::new();
            for _ in 0..rng.within(0, 3) {
                match rng.below(4) {
                    0 => bytes.push(0),
                    1 => bytes.extend([1, 2, 0, 0]),
                    2 => bytes.extend([30, 4, 1, 2, 3, 4]),
                    _ => bytes.extend([5, 2, 0, 0]),
                }
            }
            pad(bytes)
        }
        43 => {
            let count = rng.within(0, 3) as u8;
            let mut bytes = vec![
                rng.pick(&[0, 2, 4]),
                rng.pick(&[0, 0, 1, count]),
                count.saturating_sub(1),
                0,
                0,
                rng.pick(&[0, 0, 7]),
            ];
            if rng.chance(50) {
                bytes[2..6].fill(0);
            }
            for _ in 0..count {
                bytes.extend(pool::address(rng, true).to_be_bytes());
            }
            bytes
        }
        _ => {
            let mut bytes = vec![0, rng.pick(&[0, 0, 1])];
            bytes.extend(rng.pick(&pool::NUMBERS).to_be_bytes());
            bytes.extend([0, 0, 0, 1]);
            // The least is shorter than the kernel's own idea of such a header.
            bytes.resize(rng.pick(&[10, 10, 22, 22, 6]), 0);
            bytes
        }
    }
}

/// Fills options up with PadN to whole units, the two bytes in front included.
fn pad(mut bytes: Vec<u8>) -> Vec<u8> {
    let missing = (bytes.len() + 2).next_multiple_of(8) - bytes.len() - 2;
    match missing {
        0 => {}
        1 => bytes.push(0),
        _ => {
            bytes.extend([1, missing as u8 - 2]);
            bytes.resize(bytes.len() + missing - 2, 0);
        }
    }
    bytes
}

impl Draft {
    /// Gives it an entry of connection tracking, by chance.
    pub fn entry(&mut self, rng: &mut Rng) {
        self.shot.entry = match rng.below(10) {
            0..=2 => Entry::None,
            3 => Entry::Untracked,
            kind => {
                let related = kind == 4;
                let seen = !related && kind != 5;
                Entry::There(Known {
                    reply: seen && rng.chance(50),
                    seen,
                    related,
                    mark: rng.pick(&pool::MARKS),
                    labels: if rng.chance(20) { rng.pick(&[1, 2, 1 << 40, 1 << 127, 3]) } else { 0 },
                    nat: self.translation(rng),
                    error: rng.chance(12),
                    begins: rng.chance(50),
                    ..Known::default()
                })
            }
        };
    }

    /// Now and then a connection is translated. On the output path the kernel would ask for another route.
    fn translation(&self, rng: &mut Rng) -> Option<(bool, u128, u16)> {
        if !rng.chance(30) || self.shot.path == Path::Output {
            return None;
        }
        let port = if rng.chance(60) { rng.pick(&[22, 8080, 40000]) } else { 0 };
        Some((rng.chance(50), pool::foreign(rng, self.v6), port))
    }

    /// Puts it on another path.
    pub fn take_path(&mut self, path: Path, scope: Scope) {
        self.shot.path = path;
        self.shot.link = if path == Path::Input { self.shot.link } else { Link::Host };
        if path == Path::Output && scope.one_way_out {
            self.shot.output = 0;
        }
    }

    /// A later fragment of IPv4.
    pub fn later_fragment(&mut self, rng: &mut Rng) {
        if self.shot.path != Path::Input && !self.v6 {
            self.layout.fragment = rng.pick(&[1, 2, 100, 4096]);
            self.layout.transport = Transport::None;
            self.layout.payload.resize(rng.pick(&[8, 24, 400]), 0x5a);
        }
    }
}
