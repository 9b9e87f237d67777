//! `-m hbh`.

use crate::ext::options_header;
use crate::ext::*;
use crate::meaning::Pred;
use crate::value::header_options::HeaderOption;
use crate::value::is::Is;

// boxed: a list of options.
/// Matches by the hop-by-hop options header of IPv6; without options: there is one.
///
/// Options must stand in the header one after the other, as the list has them, 16 at most. Of a type or a length the tools
/// keep the low eight bits; a length of 255 is any.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_opts.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hbh {
    /// Length of the header in bytes; `None`: any.
    pub length: Option<Is<u32>>,
    /// Options; empty: any.
    pub options: Vec<HeaderOption>,
}

impl Hbh {
    /// Any such header: from here conditions are added.
    pub fn new() -> Hbh {
        Hbh::default()
    }

    /// Length of the header in bytes.
    #[must_use]
    pub fn length(mut self, length: impl Into<Is<u32>>) -> Hbh {
        self.length = Some(length.into());
        self
    }

    /// One more option.
    #[must_use]
    pub fn with(mut self, option: HeaderOption) -> Hbh {
        self.options.push(option);
        self
    }
}

impl Extension for Hbh {
    const SPEC: Spec = Spec {
        name: "hbh",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("hbh-len", "BYTES", "Length of the header.").negatable(),
            Opt::value("hbh-opts", "TYPE[:LENGTH][,…]", "Options, one after the other."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Hbh {
        Hbh::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "hbh-len" => self.length = options_header::length(arg)?,
            _ => self.options = options_header::options(arg)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        options_header::print(to, ["hbh-len", "hbh-opts"], self.length, &self.options);
    }
}

impl MatchExtension for Hbh {
    fn meaning(&self, _: Context) -> Pred {
        options_header::meaning(0, self.length, &self.options)
    }
}
