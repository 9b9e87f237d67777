//! What the kernel does not let through to the first hook, or takes apart before it, is taken away from packets.

use ptables::packet::Transport;
use ptables_judge::world::Path;

use super::draft::{Draft, Scope};
use super::pool;
use super::rng::Rng;
use super::shot::Entry;

impl Draft {
    /// Addresses with which routing drops a packet between PREROUTING and what follows.
    fn settle_addresses(&mut self) {
        if self.shot.path == Path::Output || self.v6 {
            return;
        }
        for address in [&mut self.layout.source, &mut self.layout.destination] {
            if matches!(*address >> 24, 0 | 127 | 224..) {
                *address = 0xc000_0200 | *address & 0xff;
            }
        }
        // Nor does a packet come from a broadcast address.
        if self.layout.source >> 16 == 0x0a09 && self.layout.source & 0xff == 0xff {
            self.layout.source = 0xc000_02fe;
        }
    }

    /// Whether an address of ours, or a group, is its destination.
    fn is_for_us(&self) -> bool {
        let group = if self.v6 {
            self.layout.destination >> 120 == 0xff
        } else {
            self.layout.destination >> 28 == 0xe
        };
        group || (0..5).any(|device| self.layout.destination == pool::local(device, self.v6))
    }

    /// Takes away what the kernel does not let through to the first hook, or takes apart before it.
    pub fn settle(&mut self, scope: Scope, rng: &mut Rng) {
        self.take_path(self.shot.path, scope);
        self.settle_addresses();
        // What has no hop left sees the first hook only.
        if self.shot.path == Path::Forward && !rng.chance(30) {
            self.layout.hop_limit = self.layout.hop_limit.max(2);
        }
        if self.layout.fragment != 0 && (scope.tracked || self.shot.path == Path::Input) {
            self.layout.fragment = 0;
            self.header(rng);
        }
        // Those of IPv6 come to INPUT one by one.
        if scope.tracked && self.layout.extensions.iter().any(|it| it.0 == 44) {
            self.layout.extensions.retain(|it| it.0 != 44);
            self.header(rng);
        }
        let later = self.layout.fragment & 0x1fff != 0
            || self.layout.extensions.iter().any(|it| it.0 == 44 && is_later(&it.1));
        if scope.nft && later && matches!(self.layout.proto, 6 | 17) {
            // What nf_tables reads there depends on the kernel.
            self.become_proto(50, rng);
            self.layout.transport = Transport::None;
        }
        for header in [0, 60] {
            let bad = |it: &(u8, Vec<u8>)| it.0 == header && !is_padded_well(&it.1);
            if self.layout.extensions.iter().any(bad) {
                self.layout.extensions.retain(|it| it.0 != header);
            }
        }
        if scope.one_way_out && self.shot.path == Path::Output && self.is_for_us() {
            // A new route would lead it back to us, or nowhere.
            self.layout.destination = if self.v6 { 0x2001_0db8 << 96 | 7 } else { 0xc000_0207 };
        }
        self.settle_entry();
        if rng.chance(if self.v6 && self.layout.proto == 51 { 20 } else { 2 })
            && self.layout.fragment == 0
            && !matches!(self.shot.entry, Entry::There(_))
        {
            // A header that is cut off.
            let length = self.layout.payload.len().min(rng.below(20) as usize);
            // Whether nf_tables takes this for enough of a TCP header depends on what asks.
            let length = if scope.nft && self.layout.proto == 6 { length.min(13) } else { length };
            self.layout.transport = Transport::None;
            self.layout.payload.truncate(length);
        }
        self.settle_cut(scope, rng);
    }

    /// Whether and where a packet of IPv6 ends among its extension headers.
    fn settle_cut(&mut self, scope: Scope, rng: &mut Rng) {
        let asked = self.cut.take();
        // The kernel itself looks at hop-by-hop options.
        let Some((first, _)) = self.layout.extensions.first().filter(|it| self.v6 && it.0 != 0) else {
            return;
        };
        if asked.is_none() && !rng.chance(8) {
            return;
        }
        // Often within the first bytes of a header.
        let few = rng.below(40);
        let few = if rng.chance(50) { few & !7 | few & 3 } else { few };
        let few = asked.map_or(few as u16, |it| it - 40);
        // Of a header that is longer than the packet nf_tables sends no trace, unless it takes it for the protocol.
        self.cut = Some(40 + if scope.nft && *first != 51 { few & 1 } else { few });
        if let Entry::There(_) = self.shot.entry {
            self.shot.entry = Entry::None;
        }
    }
}

impl Draft {
    /// Only what connection tracking takes: protocols that it knows, echo requests first and their replies after.
    fn settle_entry(&mut self) {
        let (proto, v6) = (self.layout.proto, self.v6);
        let Entry::There(known) = &mut self.shot.entry else { return };
        if let Transport::Icmp { .. } = self.layout.transport {
            // Errors are what is related; an echo is not.
            known.related = false;
        }
        let possible = match &mut self.layout.transport {
            // What a connection in such a state does not take makes the packet invalid.
            Transport::Tcp(tcp) => {
                let plain: &[u8] = if known.seen { &[0x10, 0x18, 0x11, 4, 0x14] } else { &[2] };
                if !plain.contains(&tcp.flags) {
                    tcp.flags = plain[usize::from(tcp.flags) % plain.len()];
                }
                true
            }
            Transport::UdpLite { coverage, .. } => {
                // Less than the header, or more than there is, makes it invalid.
                *coverage = if *coverage < 8 { *coverage & 8 } else { 8 };
                true
            }
            Transport::Udp { .. } => true,
            Transport::Icmp { kind: 8 | 13 | 15 | 17, .. } if proto == 1 && !v6 => {
                known.reply = false;
                true
            }
            Transport::Icmp { kind: 0 | 14 | 16 | 18, .. } if proto == 1 && !v6 => {
                (known.reply, known.seen) = (true, true);
                true
            }
            Transport::Icmp { kind: 128 | 139, .. } if proto == 58 && v6 => {
                known.reply = false;
                true
            }
            Transport::Icmp { kind: 129 | 140, .. } if proto == 58 && v6 => {
                (known.reply, known.seen) = (true, true);
                true
            }
            _ => false,
        };
        let ports = match &self.layout.transport {
            Transport::Tcp(tcp) => (tcp.source, tcp.destination),
            Transport::Udp { source, destination } | Transport::UdpLite { source, destination, .. } => {
                (*source, *destination)
            }
            _ => (0, 0),
        };
        if let Some((source, _, port)) = &mut known.nat {
            // The port that the packet shows of a translation; 0 means none.
            let shown = if *source { ports.1 } else { ports.0 };
            if ports == (0, 0) || known.reply && shown == 0 {
                *port = 0;
            }
        }
        if let Transport::Icmp { code, .. } = &mut self.layout.transport {
            // An echo has this code only.
            *code = if possible { 0 } else { *code };
        }
        if !known.related {
            known.helper.clear();
        }
        // Both directions of such a connection are one.
        if self.shot.path == Path::Output {
            known.nat = None;
        }
        let hidden =
            known.nat.is_some_and(|it| [self.layout.source, self.layout.destination].contains(&it.1));
        if !possible || hidden || self.layout.source == self.layout.destination {
            self.shot.entry = Entry::None;
        }
    }
}

/// Whether the kernel takes the padding of an options header: not more than seven bytes on end, all 0.
fn is_padded_well(mut options: &[u8]) -> bool {
    let mut padding = 0;
    while let [kind, rest @ ..] = options {
        if *kind == 0 {
            padding += 1;
            options = rest;
        } else {
            let [length, rest @ ..] = rest else { return false };
            let length = usize::from(*length);
            let Some(content) = rest.get(..length) else { return false };
            padding = if *kind == 1 { padding + length + 2 } else { 0 };
            if *kind == 1 && content.iter().any(|it| *it != 0) {
                return false;
            }
            options = &rest[length..];
        }
        if padding > 7 {
            return false;
        }
    }
    true
}

/// Whether the content of a fragment header is that of a later fragment.
fn is_later(content: &[u8]) -> bool {
    matches!(content, [_, high, low, ..] if u16::from_be_bytes([*high, *low]) & !7 != 0)
}
