//! What the namespace of the tests knows of a packet: its routes, its addresses, its lack of sockets and bridges.

use ptables::packet::Packet;
use ptables::value::iface::Iface;
use ptables_judge::world::{MAX_DEVICES, Path};

use super::pool;
use super::shot::Shot;

/// Kinds of addresses, as bits of `addrtype`.
const UNICAST: u16 = 2;
const LOCAL: u16 = 4;
const BROADCAST: u16 = 8;
const MULTICAST: u16 = 32;

/// Tells the simulator.
pub fn tell(packet: &mut Packet, shot: &Shot, cpu: usize, now: u64) {
    let v6 = shot.is_v6();
    let (source, destination) = (packet.view().source(), packet.view().destination());
    let facts = &mut packet.facts;
    facts.source_type = Some(kind(source, v6));
    facts.destination_type = Some(kind(destination, v6));
    // Every way but that to ourselves leads out through the first interface.
    facts.reverse_path = Some(shot.input == 0 && facts.source_type == Some(UNICAST));
    facts.realm = Some(0);
    facts.in_group = (shot.path != Path::Output).then_some(shot.input as u32 * 2);
    facts.out_group = (shot.path != Path::Input).then_some(shot.output as u32 * 2);
    facts.cpu = Some(cpu as u32);
    facts.cgroup = Some(0);
    facts.socket = Some(false);
    facts.bridge_in = Some(Iface::ANY);
    facts.bridge_out = Some(Iface::ANY);
    facts.ipsec = Some(false);
    facts.now = Some(now + u64::from(shot.after));
    leave_out(packet, shot.untold);
}

/// Takes back what is not told, by the bits of [`UNTOLD`](super::shot::UNTOLD).
pub fn leave_out(packet: &mut Packet, untold: u32) {
    if untold & 1 != 0 {
        packet.in_iface = None;
    }
    if untold & 2 != 0 {
        packet.out_iface = None;
    }
    if untold & 4 != 0 {
        packet.link = None;
    }
    if untold & 8 != 0 {
        // That no socket waits would say that none sends it.
        (packet.owner, packet.facts.socket) = (None, None);
    }
    if untold & 16 != 0 {
        packet.entry = None;
    }
    if untold & 32 != 0 {
        packet.facts.now = None;
    }
}

fn kind(address: u128, v6: bool) -> u16 {
    let local = (0..MAX_DEVICES).any(|device| pool::local(device, v6) == address);
    if v6 {
        return match address >> 120 {
            0xff => MULTICAST,
            _ if local => LOCAL | UNICAST,
            _ => UNICAST,
        };
    }
    match (address >> 24, address & 0xff) {
        _ if local => LOCAL,
        (127, _) => LOCAL,
        (224..=239, _) => MULTICAST,
        (0, _) => BROADCAST,
        (10, 255) if address >> 16 == 0x0a09 => BROADCAST,
        _ => UNICAST,
    }
}
