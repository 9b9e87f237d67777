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
        if scope.tracked && self.layout.proto == 44 {
            self.become_proto(17, rng);
        }
        let later = self.layout.fragment & 0x1fff != 0
            || self.layout.extensions.iter().any(|it| it.0 == 44 && is_later(&it.1));
        if scope.nft && later && matches!(self.layout.proto, 6 | 17) {
            // What nf_tables reads there depends on the kernel.
            self.become_proto(50, rng);
            self.layout.transport = Transport::None;
        }
        if scope.nft && !later && self.cut.is_none() && matches!(self.layout.proto, 0 | 43 | 60) {
            // A header that is longer than the packet, of which nf_tables sends no trace.
            self.become_proto(17, rng);
        }
        // Options for the destination it only looks at behind the last hook.
        if self.shot.path != Path::Output {
            self.layout.extensions.retain(|it| it.0 != 0 || is_padded_well(&it.1));
        }
        if scope.one_way_out && self.shot.path == Path::Output && self.is_for_us() {
            // A new route would lead it back to us, or nowhere.
            self.layout.destination = if self.v6 { 0x2001_0db8 << 96 | 7 } else { 0xc000_0207 };
        }
        self.settle_entry();
        self.settle_error(scope, rng);
        let own_header = self.v6 && self.layout.proto == 51;
        if self.layout.fragment != 0 || matches!(self.shot.entry, Entry::There(_)) {
            self.short = None;
        } else if self.short.is_none() && rng.chance(if own_header { 20 } else { 2 }) {
            // A header that is cut off.
            self.short = Some(rng.below(20) as u16);
            if rng.chance(50) {
                self.layout.transport = Transport::None;
            }
        }
        if scope.nft && self.layout.proto == 6 {
            // Whether nf_tables takes this for enough of a TCP header depends on what asks.
            if !later && matches!(self.layout.transport, Transport::None) {
                self.short.get_or_insert(13);
            }
            self.short = self.short.map(|it| if it < 20 { it.min(13) } else { it });
        }
        self.settle_cut(scope, rng);
        // The sender of a packet of its own is not believed in the first place.
        let plain = self.cut.is_none() && self.short.is_none() && self.shot.path != Path::Output;
        if plain && !matches!(self.shot.entry, Entry::There(_)) && rng.chance(1) {
            let options = self.layout.options.len() as u64;
            self.lie = Some(if options > 0 { rng.within(20, 19 + options) as u16 } else { 9000 });
        }
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
        let few = if rng.chance(50) { few & !7 | rng.below(5) } else { few };
        let few = asked.map_or(few as u16, |it| it - 40);
        // Of a header that is longer than the packet nf_tables sends no trace, unless it takes it for the protocol.
        self.cut = Some(40 + if scope.nft && *first != 51 { few & 1 } else { few });
        self.error = None;
        if let Entry::There(_) = self.shot.entry {
            self.shot.entry = Entry::None;
        }
    }
}

impl Draft {
    /// Makes it a fragment for which the kernel waits, or one that it puts together at once: where connections are tracked
    /// before the first table, else before INPUT.
    pub fn hold(&mut self, tracked: bool, rng: &mut Rng) {
        if !tracked && self.shot.path != Path::Input {
            return;
        }
        // Fragments of two packets must not become one.
        let number = rng.any() as u32;
        self.layout.id = number as u16;
        (self.cut, self.short) = (None, None);
        let content = self.layout.payload.len().next_multiple_of(8).max(16);
        self.layout.payload.resize(content, 0x5a);
        if let Entry::There(_) = self.shot.entry {
            (self.shot.entry, self.error) = (Entry::None, None);
        }
        // Of IPv6 a whole packet may be a fragment, of which there is no other.
        let field = rng.pick(&[0_u16, 0, 1, 0x2000, 0x2000, 0x2001]);
        if self.v6 {
            let [high, low] = ((field & 0x1fff) << 3 | field >> 13).to_be_bytes();
            let [a, b, c, d] = number.to_be_bytes();
            self.extension(44, vec![0, high, low, a, b, c, d]);
        } else {
            self.layout.fragment = field;
        }
        if field & 0x1fff != 0 {
            self.layout.transport = Transport::None;
        }
    }

    /// An error about a packet of a known connection; nothing else is known of that.
    fn settle_error(&mut self, scope: Scope, rng: &mut Rng) {
        let source = self.layout.source;
        let leads_back = scope.one_way_out && (0..5).any(|device| source == pool::local(device, self.v6));
        let Entry::There(known) = &mut self.shot.entry else { return };
        known.error &=
            !known.related && known.nat.is_none() && !(leads_back && self.shot.path == Path::Output);
        if known.error {
            let kind = rng.pick(if self.v6 { &[1, 2, 3, 4] } else { &[3, 4, 5, 11, 12] });
            self.error = Some((kind, pool::foreign(rng, self.v6)));
        }
    }

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
                self.bare = false;
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
        let has_ports = matches!(self.layout.transport, Transport::Tcp(_) | Transport::Udp { .. });
        known.begins &= known.related && !known.seen && has_ports && known.before == 0;
        if known.begins {
            // Only who has a helper expects anything.
            "ftp".clone_into(&mut known.helper);
            (known.reply, known.labels, known.nat) = (false, 0, None);
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
