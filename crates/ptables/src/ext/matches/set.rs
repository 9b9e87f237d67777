//! `-m set`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred, SetTest};
use crate::source::Text;
use crate::value::is::{Compare, Is};
use crate::value::number;
use crate::value::set_dirs::SetDirs;

// boxed: a name and counters.
/// Matches by the content of an ipset.
///
/// The set must exist when the rule is loaded, and be of the family; that is known on the machine only. Its name has 1
/// to 31 bytes and is saved unquoted. One direction (`src`, `dst`) for each part of the set's type, 6 at most.
/// Packet and byte conditions are about the counters of the entry that was found.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_set.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Set {
    /// Name of the set.
    pub name: Text,
    /// Which side of the packet each part of an entry is compared with.
    pub dirs: SetDirs,
    /// The packet is not in the set.
    pub inverted: bool,
    /// Matches entries that are marked `nomatch`.
    pub return_nomatch: bool,
    /// The entry's counters stay as they are when it matches.
    pub keep_counters: bool,
    /// The counters of sets within a list of sets stay as they are.
    pub keep_subcounters: bool,
    /// The entry's packet counter.
    pub packets: Option<Compare<u64>>,
    /// The entry's byte counter.
    pub bytes: Option<Compare<u64>>,
}

impl Set {
    /// The packet is in this set.
    pub fn new(name: impl Into<Text>, dirs: impl Into<SetDirs>) -> Set {
        Set {
            name: name.into(),
            dirs: dirs.into(),
            inverted: false,
            return_nomatch: false,
            keep_counters: false,
            keep_subcounters: false,
            packets: None,
            bytes: None,
        }
    }

    /// The packet is not in it.
    #[must_use]
    pub fn inverted(mut self) -> Set {
        self.inverted = !self.inverted;
        self
    }
}

impl Extension for Set {
    const SPEC: Spec = Spec {
        name: "set",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::two(
                "match-set",
                "NAME src|dst[,…]",
                "The set, and what each part of its entries is compared with.",
            )
            .or(&["set"])
            .negatable()
            .required(),
            Opt::flag("return-nomatch", "Matches entries that are marked `nomatch`.").repeatable(),
            Opt::flag("update-counters", "With `!`, the entry's counters stay as they are.")
                .negatable()
                .repeatable(),
            Opt::flag("update-subcounters", "With `!`, those of sets within a list stay as they are.")
                .negatable()
                .repeatable(),
            Opt::value("packets-eq", "N", "The entry has seen so many packets.").negatable(),
            Opt::value("packets-lt", "N", "The entry has seen fewer packets."),
            Opt::value("packets-gt", "N", "The entry has seen more packets."),
            Opt::value("bytes-eq", "N", "The entry has seen so many bytes.").negatable(),
            Opt::value("bytes-lt", "N", "The entry has seen fewer bytes."),
            Opt::value("bytes-gt", "N", "The entry has seen more bytes."),
        ],
        groups: &[
            Group::AtMostOne(&["packets-eq", "packets-lt", "packets-gt"]),
            Group::AtMostOne(&["bytes-eq", "bytes-lt", "bytes-gt"]),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Set {
        Set::new(Text::default(), SetDirs::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let counter = || arg.parse(number::u64_base0);
        match name {
            "match-set" => {
                self.name = set_name(arg)?;
                self.dirs = arg.parse_second(SetDirs::parse)?;
                self.inverted = arg.inverted;
            }
            "return-nomatch" => self.return_nomatch = true,
            "update-counters" => self.keep_counters |= arg.inverted,
            "update-subcounters" => self.keep_subcounters |= arg.inverted,
            "packets-eq" => self.packets = Some(Compare::Equal(Is::new(counter()?, arg.inverted))),
            "packets-lt" => self.packets = Some(Compare::Less(counter()?)),
            "packets-gt" => self.packets = Some(Compare::Greater(counter()?)),
            "bytes-eq" => self.bytes = Some(Compare::Equal(Is::new(counter()?, arg.inverted))),
            "bytes-lt" => self.bytes = Some(Compare::Less(counter()?)),
            _ => self.bytes = Some(Compare::Greater(counter()?)),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.inverted).flag("match-set").word(&self.name).with(|out| self.dirs.push(out));
        if self.return_nomatch {
            to.flag("return-nomatch");
        }
        if self.keep_counters {
            to.not(true).flag("update-counters");
        }
        if self.keep_subcounters {
            to.not(true).flag("update-subcounters");
        }
        to.compare(["packets-eq", "packets-lt", "packets-gt"], self.packets);
        to.compare(["bytes-eq", "bytes-lt", "bytes-gt"], self.bytes);
    }
}

impl MatchExtension for Set {
    fn meaning(&self, _: Context) -> Pred {
        let test = SetTest { name: self.name.clone(), dirs: self.dirs, exceptions: self.return_nomatch };
        let entry = Pred::Needs(Need::Set(Box::new(test)));
        let counters = if self.packets.is_some() || self.bytes.is_some() {
            Pred::Needs(Need::Other("the counters of an entry of a set"))
        } else {
            Pred::True
        };
        // An entry whose counters are others is none, so `!` turns both around.
        Pred::all([entry, counters]).inverted(self.inverted)
    }
}

/// The name of a set: 1 to 31 bytes.
pub(crate) fn set_name(arg: &mut Arg<'_>) -> Result<Text, Fault> {
    let name = arg.text();
    if name.is_empty() {
        return Err(arg.bad("the name of a set"));
    }
    if name.len() > 31 {
        let message = format!("the name of a set has at most 31 bytes; this has {}", name.len());
        return Err(Fault::new(codes::CHECK_NAME_TOO_LONG, message).about(Part::Value).help("shorten it"));
    }
    arg.warn_unquoted(&name);
    Ok(name)
}
