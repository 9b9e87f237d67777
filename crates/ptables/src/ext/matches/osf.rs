//! `-m osf`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::source::Text;
use crate::value::is::Is;

// boxed: a name and two levels.
/// Matches the first packet of a TCP connection by what it tells of the sender's operating system (IPv4 only).
///
/// Fingerprints must be in the kernel (`nfnl_osf`); without them only `unknown` matches. Needs `-p tcp`; only in
/// PREROUTING, INPUT and FORWARD. The name is cut to 31 bytes and saved unquoted.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_osf.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Osf {
    /// Name of the system (`Linux`, `Windows`), or `unknown`.
    pub genre: Is<Text>,
    /// How the TTL is compared: 0 as that of a sender in the same network, 1 at most that of the fingerprint, 2 not at all.
    pub ttl: Option<u8>,
    /// What is written to the kernel's log: 0 all fingerprints that fit, 1 the first, 2 those that are known.
    pub log: Option<u8>,
}

impl Osf {
    /// This system.
    pub fn new(genre: impl Into<Text>) -> Osf {
        Osf { genre: Is::from(genre.into()), ttl: None, log: None }
    }

    /// How the TTL is compared, 0 to 2.
    #[must_use]
    pub fn ttl(mut self, level: u8) -> Osf {
        self.ttl = Some(level);
        self
    }

    /// What is logged, 0 to 2.
    #[must_use]
    pub fn log(mut self, level: u8) -> Osf {
        self.log = Some(level);
        self
    }
}

impl Extension for Osf {
    const SPEC: Spec = Spec {
        name: "osf",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::value("genre", "NAME", "Name of the system.").negatable().required(),
            Opt::value("ttl", "0|1|2", "How the TTL is compared."),
            Opt::value("log", "0|1|2", "What is logged."),
        ],
        groups: &[],
        places: Places::hooks(Hooks::INCOMING),
        protos: Some(Protos(&[crate::value::proto::TCP])),
    };

    fn load(_: Context) -> Osf {
        Osf::new(Text::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "genre" => {
                let genre = arg.cut(31);
                if genre.is_empty() {
                    let message = "iptables saves an empty name as nothing, so the rule cannot be read back";
                    arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
                }
                arg.warn_unquoted(&genre);
                self.genre = Is::new(genre, arg.inverted);
            }
            "ttl" => self.ttl = Some(arg.u8(0, 2)?),
            _ => self.log = Some(arg.u8(0, 2)?),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.genre.inverted).flag("genre").word(&self.genre.value);
        for (name, level) in [("ttl", self.ttl), ("log", self.log)] {
            if let Some(level) = level {
                to.flag(name).number(level);
            }
        }
    }
}

impl MatchExtension for Osf {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Other("fingerprints of operating systems")).inverted(self.genre.inverted)
    }
}
