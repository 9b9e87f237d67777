//! What the kernel tells the sender of a packet that is refused.

use ptables::dialect::Family;
use ptables::meaning::Answer;
use ptables::packet::{Packet, View, checksum};
use ptables_judge::world::{Link, Path};

use super::pool;
use super::shot::{Entry, Shot};

/// What the kernel answers, from what it sends.
pub fn answer(packet: &[u8]) -> Option<Answer> {
    // Its end may be cut off.
    let view = View::new(if packet.first()? >> 4 == 6 { Family::V6 } else { Family::V4 }, packet);
    match (view.proto?, view.transport_bytes()) {
        // An earlier packet's fragments have waited for too long: no rule says that.
        (1, [11, 1, ..]) | (58, [3, 1, ..]) => None,
        (1 | 58, [kind, code, ..]) => Some(Answer::Icmp(*kind, *code)),
        (6, _) => Some(Answer::TcpReset),
        _ => None,
    }
}

/// What rules do to packets, as far as answers depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rewrites {
    /// Their destination is another.
    destinations: bool,
    /// Their checksum is wrong then, now and then.
    checksums: bool,
}

impl Rewrites {
    /// Those of the rules of a text.
    pub fn of(text: &str) -> Rewrites {
        let any = |targets: &[&str]| targets.iter().any(|it| text.contains(it));
        Rewrites {
            destinations: any(&["-j NETMAP", "-j DNAT", "-j REDIRECT"]),
            checksums: any(&["-j TCPMSS", "-j SNPT", "-j DNPT"]),
        }
    }

    /// Of what the kernel may tell nobody: packets that are not whole, were sent to many, are errors or resets themselves, or have
    /// checksums that it does not understand; and in these namespaces those of which an end is taken for another machine's. Of all
    /// others, segments of TCP and datagrams of UDP, the sender is always told.
    pub fn is_mute(self, shot: &Shot) -> bool {
        if self.checksums {
            return true;
        }
        let Ok(packet) = Packet::from_bytes(&shot.bytes, shot.sim_path()) else { return true };
        let view = packet.view();
        let v6 = shot.is_v6();
        let plain = if v6 { view.transport == 40 } else { view.transport == 20 && shot.bytes[6] & 0x3f == 0 };
        let whole = match (view.proto, view.transport_bytes()) {
            (Some(6), header) => {
                header.len() >= 20 && header.len() >= usize::from(header[12] >> 4) * 4 && header[13] & 4 == 0
            }
            (Some(17), header) => header.len() >= 8,
            _ => false,
        };
        // What was cut off behind its header has the checksum of more.
        let mut right = shot.bytes.clone();
        checksum::fix(packet.family(), &mut right);
        let whole = whole && right == shot.bytes;
        let is_ours = |address: u128| (0..5).any(|device| address == pool::local(device, v6));
        let many = |address: u128| if v6 { address >> 120 == 0xff } else { address >> 28 == 0xe };
        // It answers from the address to which the packet came, which is its own then only.
        let translated = self.destinations || matches!(&shot.entry, Entry::There(it) if it.nat.is_some());
        let from = shot.path != Path::Input || is_ours(view.destination()) && !translated;
        let known = from && !is_ours(view.source()) && !many(view.destination());
        !(plain && view.fragment == 0 && whole && known && shot.link == Link::Host)
    }
}
