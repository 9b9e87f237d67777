//! `-m connbytes`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::number::{push, u64_range};

// boxed: two numbers of 64 bits.
/// Matches by how many packets or bytes a connection has carried.
///
/// Such a rule switches accounting on (`net.netfilter.nf_conntrack_acct`); connections that began before are not counted, and
/// never match. The packet that is looked at counts. A number alone is the least. `!` before a range of one number is
/// lost.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_connbytes.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connbytes {
    /// First and last count.
    pub count: Is<(u64, u64)>,
    /// What is counted.
    pub mode: CountMode,
    /// Which direction is counted.
    pub direction: CountDir,
}

/// What `connbytes` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountMode {
    /// Packets.
    Packets,
    /// Bytes.
    Bytes,
    /// Bytes by packets.
    AveragePacket,
}

/// Which direction of a connection `connbytes` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountDir {
    /// That of the first packet.
    Original,
    /// That of replies.
    Reply,
    /// Both together.
    Both,
}

const MODES: [(&str, CountMode); 3] =
    [("packets", CountMode::Packets), ("bytes", CountMode::Bytes), ("avgpkt", CountMode::AveragePacket)];

const DIRS: [(&str, CountDir); 3] =
    [("original", CountDir::Original), ("reply", CountDir::Reply), ("both", CountDir::Both)];

impl Connbytes {
    /// The connection has carried from `low` to `high` of these.
    pub fn new(low: u64, high: u64, mode: CountMode, direction: CountDir) -> Connbytes {
        Connbytes { count: Is::from((low, high)), mode, direction }
    }
}

impl Extension for Connbytes {
    const SPEC: Spec = Spec {
        name: "connbytes",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("connbytes", "N[:[N]]", "How much; a number alone is the least.")
                .negatable()
                .required(),
            Opt::value("connbytes-mode", "packets|bytes|avgpkt", "What is counted.").required(),
            Opt::value("connbytes-dir", "original|reply|both", "Which direction is counted.").required(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Connbytes {
        Connbytes::new(0, u64::MAX, CountMode::Packets, CountDir::Both)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "connbytes" => {
                self.count = arg.is(u64_range)?;
                if arg.inverted && self.count.value.0 == self.count.value.1 {
                    arg.changed("iptables loses the `!` before a range of one number");
                    self.count.inverted = false;
                }
            }
            "connbytes-mode" => {
                let known = MODES.iter().find(|(name, _)| name.as_bytes() == arg.value());
                self.mode = known.ok_or_else(|| arg.bad("packets, bytes or avgpkt"))?.1;
            }
            _ => {
                let known = DIRS.iter().find(|(name, _)| name.as_bytes() == arg.value());
                self.direction = known.ok_or_else(|| arg.bad("original, reply or both"))?.1;
            }
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("connbytes", Some(self.count), |(low, high), out| {
            push(out, low);
            if high != u64::MAX {
                out.push(b':');
                push(out, high);
            }
        });
        for (name, mode) in MODES {
            if mode == self.mode {
                to.flag("connbytes-mode").word(name.as_bytes());
            }
        }
        for (name, direction) in DIRS {
            if direction == self.direction {
                to.flag("connbytes-dir").word(name.as_bytes());
            }
        }
    }
}

impl MatchExtension for Connbytes {
    fn meaning(&self, _: Context) -> Pred {
        use {CountDir::*, CountMode::*};
        let field = match (self.mode, self.direction) {
            (Packets, Original) => Field::CtOrigPackets,
            (Packets, Reply) => Field::CtReplyPackets,
            (Packets, Both) => Field::CtPackets,
            (Bytes, Original) => Field::CtOrigBytes,
            (Bytes, Reply) => Field::CtReplyBytes,
            (Bytes, Both) => Field::CtBytes,
            (AveragePacket, Original) => Field::CtOrigAverage,
            (AveragePacket, Reply) => Field::CtReplyAverage,
            (AveragePacket, Both) => Field::CtAverage,
        };
        let (low, high) = self.count.value;
        if !self.count.inverted {
            return Pred::Range(field, u128::from(low), u128::from(high));
        }
        // Without a connection the inverted condition does not hold either.
        let below = low.checked_sub(1).map(|end| Pred::Range(field, 0, u128::from(end)));
        let above = high.checked_add(1).map(|start| Pred::Range(field, u128::from(start), u128::MAX));
        Pred::Any(below.into_iter().chain(above).collect())
    }
}
