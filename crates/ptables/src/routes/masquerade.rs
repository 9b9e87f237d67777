//! Which of its addresses a machine takes.

use super::{Address, Routes};
use crate::dialect::Family;
use crate::value::iface::Iface;

impl Routes {
    /// The address that MASQUERADE takes for packets that leave through an interface: `gateway` is the router that is next, or
    /// the destination where there is none, if that is known. `None` if nobody can tell: there is no address, or, of IPv6, there are several.
    pub fn masquerade(&self, family: Family, out: &Iface, gateway: Option<u128>) -> Option<u128> {
        let of_device = |it: &&Address| it.device == *out;
        let addresses = &self.of(family).addresses;
        match family {
            // The first of the network that the router is in, else the first.
            Family::V4 => {
                let mut all =
                    addresses.iter().filter(of_device).filter(|it| !it.is_secondary && !it.is_narrow);
                match gateway {
                    Some(gateway) => {
                        let near = all.clone().find(|it| it.network.has(gateway));
                        near.or_else(|| all.next()).map(|it| it.address)
                    }
                    None => all.next().filter(|_| all.next().is_none()).map(|it| it.address),
                }
            }
            Family::V6 => {
                let mut all = addresses.iter().filter(of_device).filter(|it| !it.is_narrow);
                let first = all.next().filter(|it| it.is_plain)?;
                all.next().is_none().then_some(first.address)
            }
        }
    }

    /// The address that REDIRECT takes for packets that come through an interface. `None` if nobody can tell.
    pub fn redirect(&self, family: Family, incoming: &Iface) -> Option<u128> {
        let mut all = self.of(family).addresses.iter().filter(|it| it.device == *incoming);
        match family {
            Family::V4 => all.next().map(|it| it.address),
            Family::V6 => {
                let mut wide = all.filter(|it| !it.is_narrow);
                let first = wide.next().filter(|it| it.is_plain)?;
                wide.next().is_none().then_some(first.address)
            }
        }
    }
}
