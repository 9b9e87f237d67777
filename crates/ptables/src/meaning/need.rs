//! Conditions on more than one packet.

use std::fmt;

use crate::source::Text;
use crate::value::clock::{MonthDays, WeekDays};
use crate::value::set_dirs::SetDirs;

/// What a list of recently seen addresses is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecentTest {
    /// Name of the list.
    pub name: Text,
    /// What is done with the address.
    pub action: RecentAction,
    /// It was seen in so many seconds; 0: ever.
    pub seconds: u32,
    /// It was seen so often; 0: at least once.
    pub hits: u16,
    /// The hop limit must be the one that it was seen with last.
    pub same_hop_limit: bool,
    /// Entries that are older are removed.
    pub reap: bool,
    /// Bits of the address that count.
    pub mask: u128,
    /// The destination address is looked at, else the source.
    pub destination: bool,
    /// The condition is inverted; this counts here, because `update` notes the address only if the rule matches.
    pub inverted: bool,
}

impl RecentTest {
    /// Whether the source address is in the list of this name.
    pub fn new(name: Text) -> RecentTest {
        RecentTest {
            name,
            action: RecentAction::Check,
            seconds: 0,
            hits: 0,
            same_hop_limit: false,
            reap: false,
            mask: u128::MAX,
            destination: false,
            inverted: false,
        }
    }
}

/// What `recent` does with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentAction {
    /// Notes it; always true.
    Set,
    /// Looks whether it is there.
    Check,
    /// Looks whether it is there, and notes it again.
    Update,
    /// Takes it out, if it is there.
    Remove,
}

/// A bucket of tokens for each address or port: `hashlimit`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketTest {
    /// Name of the table; rules of the same name share it.
    pub name: Text,
    /// Microseconds between two packets.
    pub period: u64,
    /// Packets that a full bucket holds.
    pub burst: u64,
    /// Whether packets match that find no token, else those that find one.
    pub above: bool,
    /// Whether source, source port, destination and destination port are told apart.
    pub apart: [bool; 4],
    /// Bits of source and destination that count.
    pub masks: [u128; 2],
    /// Entries that the table surely holds; with more, the kernel may drop packets that need another. 0: any number.
    pub entries: u32,
    /// Milliseconds after which an idle bucket goes.
    pub expire: u32,
}

impl BucketTest {
    /// One bucket for all packets, with room for `burst`, filled by one every `period` microseconds.
    pub fn new(name: Text, period: u64, burst: u64) -> BucketTest {
        BucketTest {
            name,
            period,
            burst,
            above: false,
            apart: [false; 4],
            masks: [u128::MAX; 2],
            entries: 0,
            expire: u32::MAX,
        }
    }

    /// Whether the table may have no room for another entry when it was asked so often.
    pub fn may_be_full(&self, asked: u64) -> bool {
        self.entries != 0 && asked > u64::from(self.entries)
    }
}

/// What a set is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetTest {
    /// Name of the set.
    pub name: Text,
    /// Which side of the packet each part of an entry is compared with.
    pub dirs: SetDirs,
    /// Whether entries that are marked `nomatch` are wanted, and those alone.
    pub exceptions: bool,
}

/// Times of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First second of the day.
    pub start: u32,
    /// Last second of the day.
    pub stop: u32,
    /// Days of the month.
    pub month_days: MonthDays,
    /// Days of the week.
    pub week_days: WeekDays,
    /// First second, since 1970.
    pub date_start: u32,
    /// Last second, since 1970.
    pub date_stop: u32,
    /// A span over midnight belongs to the day on which it begins.
    pub contiguous: bool,
}

/// What else a condition depends on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Need {
    /// How many packets or bytes came before, in a way that is not modelled: `hashlimit` by bytes or intervals.
    Rate,
    /// How many packets came before and when, for each address or port: `hashlimit`.
    Bucket(Box<BucketTest>),
    /// A list that other rules fill: `recent`.
    List(Text),
    /// The content of a set.
    Set(Box<SetTest>),
    /// How many packets came before and when: `limit`.
    Limit {
        /// Time between two packets, in 1/10,000 second.
        interval: u32,
        /// How many may come at once.
        burst: u32,
    },
    /// How many packets came before: every n-th, the first after so many.
    Nth {
        /// Every how many.
        every: u32,
        /// How many of the first round are passed over already.
        packet: u32,
    },
    /// How many bytes came before.
    Quota(u64),
    /// Chance, in 1/2^31.
    Chance(u32),
    /// A list that rules fill, with what it is asked.
    Recent(Box<RecentTest>),
    /// The time, with the span.
    Clock(Box<Span>),
    /// Something else; the text says what.
    Other(&'static str),
}

impl Need {
    /// Whether a sequence of packets decides it, from the moment that the rules were loaded.
    pub fn is_sequential(&self) -> bool {
        match self {
            Need::Limit { .. } | Need::Nth { .. } | Need::Quota(_) | Need::Bucket(_) => true,
            Need::Recent(test) => test.seconds == 0,
            _ => false,
        }
    }
}

/// What it is, in words.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Rate | Need::Bucket(_) | Need::Limit { .. } | Need::Nth { .. } => {
                f.write_str("how many packets came before")
            }
            Need::Quota(_) => f.write_str("how many bytes the rule has passed"),
            Need::Chance(share) => {
                let share = f64::from(*share) / f64::from(1u32 << 31);
                write!(f, "chance: the rule matches {share:.4} of all packets")
            }
            Need::List(name) => write!(f, "what is in the list {}", name.to_lossy()),
            Need::Recent(test) => write!(f, "what is in the list {}", test.name.to_lossy()),
            Need::Set(test) => write!(f, "whether the packet is in the set {}", test.name.to_lossy()),
            Need::Clock(_) => f.write_str("the time"),
            Need::Other(text) => f.write_str(text),
        }
    }
}
