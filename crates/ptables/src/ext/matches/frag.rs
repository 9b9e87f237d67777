//! `-m frag`.

use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::range::Range32;

// boxed: a range, a condition and three flags.
/// Matches by the fragment header of IPv6; without options: there is one.
///
/// 1.8.9 takes a range that begins after its end (it never matches), and loses `!` before the range of all.
///
/// Source: iptables 1.8.9 and 1.8.11, probed on both back ends; `linux/netfilter_ipv6/ip6t_frag.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frag {
    /// Identification.
    pub id: Range32,
    /// Length of the header in bytes, which the kernel does not look at; `None`: not given.
    pub length: Option<Is<u32>>,
    /// The reserved bits are 0.
    pub reserved: bool,
    /// It is the first fragment.
    pub first: bool,
    /// Whether more fragments follow; `None`: either.
    pub more: Option<bool>,
}

impl Frag {
    /// Any fragment: from here conditions are added.
    pub const fn new() -> Frag {
        Frag { id: Range32::ALL, length: None, reserved: false, first: false, more: None }
    }

    /// `--fragfirst`.
    #[must_use]
    pub const fn first(mut self) -> Frag {
        self.first = true;
        self
    }

    /// `--fragmore`, or `--fraglast`.
    #[must_use]
    pub const fn more(mut self, more: bool) -> Frag {
        self.more = Some(more);
        self
    }
}

impl Default for Frag {
    fn default() -> Frag {
        Frag::new()
    }
}

impl Extension for Frag {
    const SPEC: Spec = Spec {
        name: "frag",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("fragid", "ID[:ID]", "Identification.").negatable(),
            Opt::value("fraglen", "BYTES", "Length of the header; the kernel does not look at it.")
                .negatable(),
            Opt::flag("fragres", "The reserved bits are 0."),
            Opt::flag("fragfirst", "The first fragment."),
            Opt::flag("fragmore", "More fragments follow."),
            Opt::flag("fraglast", "The last fragment."),
        ],
        groups: &[Group::AtMostOne(&["fragmore", "fraglast"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Frag {
        Frag::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "fragid" => self.id = range::option(arg)?,
            "fraglen" => self.length = Some(Is::new(arg.u32(0, u32::MAX)?, arg.inverted)),
            "fragres" => self.reserved = true,
            "fragfirst" => self.first = true,
            _ => self.more = Some(name == "fragmore"),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        range::print(to, "fragid", self.id);
        to.is("fraglen", self.length, |length, out| push(out, u64::from(length)));
        let flags = [
            ("fragres", self.reserved),
            ("fragfirst", self.first),
            ("fragmore", self.more == Some(true)),
            ("fraglast", self.more == Some(false)),
        ];
        for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
            to.flag(name);
        }
    }
}

impl MatchExtension for Frag {
    fn meaning(&self, _: Context) -> Pred {
        // The kernel does not look at `--fraglen`.
        let within = Pred::Range(Field::FragmentId, u128::from(self.id.low), u128::from(self.id.high));
        let field = |mask, value| Pred::Bits(Field::FragmentField, mask, value);
        let reserved = [Pred::is(Field::FragmentReserved, 0), field(6, 0)];
        Pred::all(
            [Pred::Header(Header::Extension(44, 8)), within.inverted(self.id.inverted)]
                .into_iter()
                .chain(reserved.into_iter().filter(|_| self.reserved))
                .chain(self.first.then(|| field(0xfff8, 0)))
                .chain(self.more.map(|more| field(1, u128::from(more)))),
        )
    }
}
