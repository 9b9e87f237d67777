//! `-m dst`.

use crate::ext::options_header;
use crate::ext::*;
use crate::meaning::Pred;
use crate::value::header_options::HeaderOption;
use crate::value::is::Is;

// boxed: a list of options.
/// Matches by the destination options header of IPv6; without options: there is one.
///
/// Options must stand in the header one after the other, as the list has them, 16 at most. Of a type or a length the tools
/// keep the low eight bits; a length of 255 is any.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_opts.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DstOptions {
    /// Length of the header in bytes; `None`: any.
    pub length: Option<Is<u32>>,
    /// Options; empty: any.
    pub options: Vec<HeaderOption>,
}

impl DstOptions {
    /// Any such header: from here conditions are added.
    pub fn new() -> DstOptions {
        DstOptions::default()
    }

    /// Length of the header in bytes.
    #[must_use]
    pub fn length(mut self, length: impl Into<Is<u32>>) -> DstOptions {
        self.length = Some(length.into());
        self
    }

    /// One more option.
    #[must_use]
    pub fn with(mut self, option: HeaderOption) -> DstOptions {
        self.options.push(option);
        self
    }
}

impl Extension for DstOptions {
    const SPEC: Spec = Spec {
        name: "dst",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("dst-len", "BYTES", "Length of the header.").negatable(),
            Opt::value("dst-opts", "TYPE[:LENGTH][,…]", "Options, one after the other."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> DstOptions {
        DstOptions::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "dst-len" => self.length = options_header::length(arg)?,
            _ => self.options = options_header::options(arg)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        options_header::print(to, ["dst-len", "dst-opts"], self.length, &self.options);
    }
}

impl MatchExtension for DstOptions {
    fn meaning(&self, _: Context) -> Pred {
        options_header::meaning(60, self.length, &self.options)
    }
}
