//! `-m physdev`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::iface::Iface;
use crate::value::is::Is;

// boxed: two interface names.
/// Matches bridged packets by the ports of the bridge.
///
/// The outgoing port (`--physdev-out`, `--physdev-is-out`) is not known in OUTPUT, unless `--physdev-is-bridged` is given.
/// Names have at most 15 bytes; a `+` at the end stands for any text.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_physdev.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Physdev {
    /// Came through a port of a bridge, or (inverted) did not.
    pub is_in: Option<bool>,
    /// The port through which it came.
    pub in_port: Option<Is<Iface>>,
    /// Is passed on by a bridge, or is not.
    pub is_out: Option<bool>,
    /// The port through which it leaves.
    pub out_port: Option<Is<Iface>>,
    /// Is bridged, not routed; or is not.
    pub is_bridged: Option<bool>,
}

impl Physdev {
    /// Came through this port.
    pub fn in_port(port: impl Into<Is<Iface>>) -> Physdev {
        Physdev { in_port: Some(port.into()), ..Physdev::default() }
    }

    /// Leaves through this port.
    pub fn out_port(port: impl Into<Is<Iface>>) -> Physdev {
        Physdev { out_port: Some(port.into()), ..Physdev::default() }
    }

    /// Is bridged, not routed; or is not.
    #[must_use]
    pub fn bridged(mut self, bridged: bool) -> Physdev {
        self.is_bridged = Some(bridged);
        self
    }
}

impl Extension for Physdev {
    const SPEC: Spec = Spec {
        name: "physdev",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("physdev-in", "NAME[+]", "The port through which the packet came.").negatable(),
            Opt::value("physdev-out", "NAME[+]", "The port through which it leaves.").negatable(),
            Opt::flag("physdev-is-in", "It came through a port of a bridge.").negatable(),
            Opt::flag("physdev-is-out", "It leaves through a port of a bridge.").negatable(),
            Opt::flag("physdev-is-bridged", "It is bridged, not routed.").negatable(),
        ],
        groups: &[Group::AtLeastOne(&[
            "physdev-in",
            "physdev-out",
            "physdev-is-in",
            "physdev-is-out",
            "physdev-is-bridged",
        ])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Physdev {
        Physdev::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let flag = Some(!arg.inverted);
        match name {
            "physdev-in" => self.in_port = Some(port(arg)?),
            "physdev-out" => self.out_port = Some(port(arg)?),
            "physdev-is-in" => self.is_in = flag,
            "physdev-is-out" => self.is_out = flag,
            _ => self.is_bridged = flag,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let name = |name: Iface, out: &mut Vec<u8>| {
            out.extend_from_slice(if name.is_any() { b"+" } else { name.as_bytes() });
        };
        print_flag(to, "physdev-is-in", self.is_in);
        to.is("physdev-in", self.in_port, name);
        print_flag(to, "physdev-is-out", self.is_out);
        to.is("physdev-out", self.out_port, name);
        print_flag(to, "physdev-is-bridged", self.is_bridged);
    }

    fn places(&self, _: Context) -> Places {
        if (self.is_out.is_some() || self.out_port.is_some()) && self.is_bridged != Some(true) {
            Places::hooks(Hooks::ALL.without(Hooks::of(&[Hook::Output])))
        } else {
            Places::ANY
        }
    }
}

impl MatchExtension for Physdev {
    fn meaning(&self, _: Context) -> Pred {
        let has = |field, it: Option<bool>| it.map(|it| Pred::is(field, u128::from(it)));
        let port = |it: Option<Is<Iface>>, make: fn(Iface) -> Pred| {
            it.map(|it| make(it.value).inverted(it.inverted))
        };
        // Of what came through a bridge and leaves through none, the kernel says of no port that it is another.
        let leaves = || Pred::Any(vec![Pred::yes(Field::HasBridgeOut), Pred::is(Field::HasBridgeIn, 0)]);
        Pred::all(
            has(Field::HasBridgeOut, self.is_bridged)
                .into_iter()
                .chain(has(Field::HasBridgeIn, self.is_in))
                .chain(has(Field::HasBridgeOut, self.is_out))
                .chain(port(self.in_port, Pred::BridgeIn))
                .chain(self.out_port.filter(|it| it.inverted).map(|_| leaves()))
                .chain(port(self.out_port, Pred::BridgeOut)),
        )
    }
}

fn port(arg: &mut Arg<'_>) -> Result<Is<Iface>, Fault> {
    let port = arg.is(Iface::parse)?;
    arg.warn_unquoted(arg.value());
    if arg.value().is_empty() {
        arg.changed("an empty name is any port, and iptables saves it so that it cannot be read back");
    }
    Ok(port)
}

fn print_flag(to: &mut Printer<'_>, name: &str, flag: Option<bool>) {
    if let Some(flag) = flag {
        to.not(!flag).flag(name);
    }
}
