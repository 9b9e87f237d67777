//! `-m recent`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred, RecentTest};
use crate::source::Text;
use crate::value::addr::{Bits, prefix_mask, push_address};
use crate::value::host;

// boxed: a name and a mask.
/// Matches by a list of addresses that rules fill, with the times when each was seen; or fills it.
///
/// Lists are shared by name, have 1 to 199 bytes in theirs (no `/`), and are files in /proc/net/xt_recent. How many
/// addresses and times a list holds is set when the kernel's module is loaded. `--set` always matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_recent.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recent {
    /// What is done.
    pub action: RecentAction,
    /// The match is inverted.
    pub inverted: bool,
    /// Seconds within which the address was seen; 0: whenever.
    pub seconds: u32,
    /// Drops entries that are older than `seconds`.
    pub reap: bool,
    /// How often it was seen at least, at most 65,535; 0: once.
    pub hitcount: u16,
    /// The packet's TTL must be that of the entry.
    pub rttl: bool,
    /// Name of the list.
    pub name: Text,
    /// Bits of the address that count. Default: all.
    pub mask: Bits,
    /// The destination is looked up, not the source.
    pub destination: bool,
}

pub use crate::meaning::RecentAction;

const ACTIONS: [(&str, RecentAction); 4] = [
    ("set", RecentAction::Set),
    ("rcheck", RecentAction::Check),
    ("update", RecentAction::Update),
    ("remove", RecentAction::Remove),
];

impl Recent {
    /// Does this with the source address and the list of this name.
    pub fn new(action: RecentAction, name: impl Into<Text>) -> Recent {
        Recent {
            action,
            inverted: false,
            seconds: 0,
            reap: false,
            hitcount: 0,
            rttl: false,
            name: name.into(),
            mask: Bits::MAX,
            destination: false,
        }
    }

    /// `--seconds`: seen within so many.
    #[must_use]
    pub fn seconds(mut self, seconds: u32) -> Recent {
        self.seconds = seconds;
        self
    }

    /// `--hitcount`: seen so often at least.
    #[must_use]
    pub fn hitcount(mut self, hits: u16) -> Recent {
        self.hitcount = hits;
        self
    }

    /// `--rdest`: the destination is looked up.
    #[must_use]
    pub fn destination(mut self) -> Recent {
        self.destination = true;
        self
    }
}

impl Extension for Recent {
    const SPEC: Spec = Spec {
        name: "recent",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("set", "Adds the address to the list, or renews it.").negatable(),
            Opt::flag("rcheck", "Matches if the address is in the list.").negatable(),
            Opt::flag("update", "Matches if it is, and renews it.").negatable(),
            Opt::flag("remove", "Matches if it is, and removes it.").negatable(),
            Opt::value("seconds", "SECONDS", "Only if it was seen within so many seconds."),
            Opt::flag("reap", "Drops entries that are older than that."),
            Opt::value("hitcount", "N", "Only if it was seen so often."),
            Opt::flag("rttl", "Only if the packet's TTL is that of the entry."),
            Opt::value("name", "NAME", "Name of the list.").default("DEFAULT"),
            Opt::flag("rsource", "The source address: the default."),
            Opt::flag("rdest", "The destination address."),
            Opt::value("mask", "ADDRESS", "Bits of the address that count.").default("all"),
        ],
        groups: &[
            Group::ExactlyOne(&["set", "rcheck", "update", "remove"]),
            Group::Needs("reap", "seconds"),
            Group::Excludes("rttl", &["set", "remove"]),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(context: Context) -> Recent {
        let mask = prefix_mask(context.family, context.family.bits());
        Recent { mask, ..Recent::new(RecentAction::Check, "DEFAULT") }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "seconds" => self.seconds = seconds(arg)?,
            "reap" => self.reap = true,
            "hitcount" => self.hitcount = arg.u16(0, u16::MAX)?,
            "rttl" => self.rttl = true,
            "name" => self.name = arg.proc_name(199)?,
            "rsource" => self.destination = false,
            "rdest" => self.destination = true,
            "mask" => self.mask = arg.parse(|text| host::host(text, arg.context.family, arg.names))?,
            _ => {
                let known = ACTIONS.iter().find(|(action, _)| *action == name);
                self.action = known.map_or(RecentAction::Set, |(_, action)| *action);
                self.inverted = arg.inverted;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut End<'_>) -> Result<(), Fault> {
        let fills = matches!(self.action, RecentAction::Set | RecentAction::Remove);
        if fills && (self.seconds != 0 || self.hitcount != 0) {
            let message = "the kernel takes `--seconds` and `--hitcount` only with `--rcheck` or `--update`";
            return Err(Fault::new(codes::PARSE_OPTION_CONFLICT, message));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let family = to.context.family;
        for (name, action) in ACTIONS {
            if action == self.action {
                to.not(self.inverted).flag(name);
            }
        }
        if self.seconds != 0 {
            to.flag("seconds");
            if is_negative(self.seconds, to.context) {
                to.with(|out| out.extend_from_slice((self.seconds as i32).to_string().as_bytes()));
            } else {
                to.number(self.seconds);
            }
        }
        if self.reap {
            to.flag("reap");
        }
        if self.hitcount != 0 {
            to.flag("hitcount").number(self.hitcount);
        }
        if self.rttl {
            to.flag("rttl");
        }
        to.flag("name").word(&self.name).flag("mask").with(|out| push_address(out, family, self.mask));
        to.flag(if self.destination { "rdest" } else { "rsource" });
    }
}

impl MatchExtension for Recent {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Recent(Box::new(RecentTest {
            action: self.action,
            inverted: self.inverted,
            seconds: self.seconds,
            hits: self.hitcount,
            same_hop_limit: self.rttl,
            reap: self.reap,
            mask: self.mask,
            destination: self.destination,
            ..RecentTest::new(self.name.clone())
        })))
    }
}

/// 1.8.9 prints seconds above 2^31 as negative numbers.
fn is_negative(seconds: u32, context: Context) -> bool {
    seconds > i32::MAX as u32 && !context.dialect.since_1_8_11()
}

fn seconds(arg: &mut Arg<'_>) -> Result<u32, Fault> {
    let seconds = arg.u32(1, u32::MAX)?;
    if is_negative(seconds, arg.context) {
        let message = "iptables 1.8.9 saves so many seconds as a negative number, which cannot be read back";
        arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
    }
    Ok(seconds)
}
