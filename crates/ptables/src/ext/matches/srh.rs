//! `-m srh`.

use crate::ext::*;
use crate::meaning::{Pred, SegmentTest};
use crate::value::addr::{prefix_length, push_address};
use crate::value::host::HostMask;
use crate::value::is::Is;
use crate::value::number::push;

// boxed: seven conditions.
/// Matches by the segment routing header of IPv6; without options: there is one.
///
/// A field that is compared in several ways (`-eq`, `-gt`, `-lt`) is compared with one number: the last one given. A mask
/// that has holes is saved as if all bits counted.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_srh.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Srh {
    /// Number of the next header.
    pub next_header: Option<Is<u8>>,
    /// Length of the header in units of 8 bytes, without the first.
    pub length: SrhNumber,
    /// Segments that are left.
    pub segments_left: SrhNumber,
    /// Index of the last entry of the list of segments.
    pub last_entry: SrhNumber,
    /// Tag.
    pub tag: Option<Is<u16>>,
    /// The segment before the current one.
    pub previous: Option<Is<HostMask>>,
    /// The segment after the current one.
    pub next: Option<Is<HostMask>>,
    /// The last segment.
    pub last: Option<Is<HostMask>>,
}

/// Comparisons of a field with one number. Each is `None` if it is not asked for, else whether it is inverted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SrhNumber {
    /// The number.
    pub number: u8,
    /// Equal to it.
    pub equal: Option<bool>,
    /// Greater.
    pub greater: Option<bool>,
    /// Less.
    pub less: Option<bool>,
}

impl SrhNumber {
    /// Equal to this number.
    pub const fn equal(number: u8) -> SrhNumber {
        SrhNumber { number, equal: Some(false), greater: None, less: None }
    }

    /// Greater than this number.
    pub const fn greater(number: u8) -> SrhNumber {
        SrhNumber { number, equal: None, greater: Some(false), less: None }
    }

    /// Less than this number.
    pub const fn less(number: u8) -> SrhNumber {
        SrhNumber { number, equal: None, greater: None, less: Some(false) }
    }

    fn option(&mut self, how: &str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let number = arg.u8(0, u8::MAX)?;
        let others = self.equal.or(self.greater).or(self.less).is_some();
        if others && number != self.number {
            arg.changed(format!("a field of `srh` is compared with one number only: now it is {number}"));
        }
        self.number = number;
        let to = match how {
            "eq" => &mut self.equal,
            "gt" => &mut self.greater,
            _ => &mut self.less,
        };
        *to = Some(arg.inverted);
        Ok(())
    }

    fn print(self, to: &mut Printer<'_>, names: [&str; 3]) {
        for (name, inverted) in names.into_iter().zip([self.equal, self.greater, self.less]) {
            if let Some(inverted) = inverted {
                to.not(inverted).flag(name).number(self.number);
            }
        }
    }
}

impl Srh {
    /// Any segment routing header: from here conditions are added.
    pub fn new() -> Srh {
        Srh::default()
    }

    /// Number of the next header.
    #[must_use]
    pub fn next_header(mut self, number: impl Into<Is<u8>>) -> Srh {
        self.next_header = Some(number.into());
        self
    }

    /// Segments that are left.
    #[must_use]
    pub fn segments_left(mut self, comparison: SrhNumber) -> Srh {
        self.segments_left = comparison;
        self
    }

    /// Tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Is<u16>>) -> Srh {
        self.tag = Some(tag.into());
        self
    }
}

impl Extension for Srh {
    const SPEC: Spec = Spec {
        name: "srh",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("srh-next-hdr", "N", "Number of the next header.").negatable(),
            Opt::value("srh-hdr-len-eq", "N", "The header's length is N (units of 8 bytes).").negatable(),
            Opt::value("srh-hdr-len-gt", "N", "It is greater.").negatable(),
            Opt::value("srh-hdr-len-lt", "N", "It is less.").negatable(),
            Opt::value("srh-segs-left-eq", "N", "N segments are left.").negatable(),
            Opt::value("srh-segs-left-gt", "N", "More are left.").negatable(),
            Opt::value("srh-segs-left-lt", "N", "Fewer are left.").negatable(),
            Opt::value("srh-last-entry-eq", "N", "The last entry's index is N.").negatable(),
            Opt::value("srh-last-entry-gt", "N", "It is greater.").negatable(),
            Opt::value("srh-last-entry-lt", "N", "It is less.").negatable(),
            Opt::value("srh-tag", "N", "Tag, 0 to 65535.").negatable(),
            Opt::value("srh-psid", "ADDRESS[/MASK]", "The segment before the current one.").negatable(),
            Opt::value("srh-nsid", "ADDRESS[/MASK]", "The segment after the current one.").negatable(),
            Opt::value("srh-lsid", "ADDRESS[/MASK]", "The last segment.").negatable(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Srh {
        Srh::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "srh-next-hdr" => self.next_header = Some(Is::new(arg.u8(0, u8::MAX)?, arg.inverted)),
            "srh-tag" => self.tag = Some(Is::new(arg.u16(0, u16::MAX)?, arg.inverted)),
            "srh-psid" => self.previous = Some(segment(arg)?),
            "srh-nsid" => self.next = Some(segment(arg)?),
            "srh-lsid" => self.last = Some(segment(arg)?),
            _ => {
                let (field, how) = name.rsplit_once('-').unwrap_or((name, ""));
                let field = match field {
                    "srh-hdr-len" => &mut self.length,
                    "srh-segs-left" => &mut self.segments_left,
                    _ => &mut self.last_entry,
                };
                field.option(how, arg)?;
            }
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("srh-next-hdr", self.next_header, |number, out| push(out, u64::from(number)));
        self.length.print(to, ["srh-hdr-len-eq", "srh-hdr-len-gt", "srh-hdr-len-lt"]);
        self.segments_left.print(to, ["srh-segs-left-eq", "srh-segs-left-gt", "srh-segs-left-lt"]);
        self.last_entry.print(to, ["srh-last-entry-eq", "srh-last-entry-gt", "srh-last-entry-lt"]);
        to.is("srh-tag", self.tag, |number, out| push(out, u64::from(number)));
        let family = to.context.family;
        let segments = [("srh-psid", self.previous), ("srh-nsid", self.next), ("srh-lsid", self.last)];
        for (name, segment) in segments {
            to.is(name, segment, |it, out| {
                push_address(out, family, it.address);
                out.push(b'/');
                push(out, u64::from(prefix_length(family, it.mask).unwrap_or(family.bits())));
            });
        }
    }
}

impl MatchExtension for Srh {
    fn meaning(&self, _: Context) -> Pred {
        let mut test = SegmentTest { tag: self.tag, ..SegmentTest::default() };
        let numbers = [(1, self.length), (3, self.segments_left), (4, self.last_entry)];
        test.bytes.extend(self.next_header.map(|it| (0, it.map(|number| (number, number)))));
        for (place, it) in numbers {
            // A range that ends before it begins holds nothing.
            let nothing = (u8::MAX, u8::MIN);
            let greater = it.number.checked_add(1).map_or(nothing, |low| (low, u8::MAX));
            let less = it.number.checked_sub(1).map_or(nothing, |high| (u8::MIN, high));
            let all = [(it.equal, (it.number, it.number)), (it.greater, greater), (it.less, less)];
            let asked = all.into_iter().filter_map(|(how, range)| how.map(|how| Is::new(range, how)));
            test.bytes.extend(asked.map(|is| (place, is)));
        }
        let segment = |it: Option<Is<HostMask>>| it.map(|it| it.map(|it| (it.address, it.mask)));
        (test.previous, test.next, test.last) =
            (segment(self.previous), segment(self.next), segment(self.last));
        Pred::Segments(Box::new(test))
    }
}

fn segment(arg: &mut Arg<'_>) -> Result<Is<HostMask>, Fault> {
    let family = arg.context.family;
    let segment = arg.is(|text| HostMask::parse(text, family, arg.names))?;
    if prefix_length(family, segment.value.mask).is_none() {
        arg.changed("iptables saves a mask with holes as if all bits counted");
    }
    Ok(segment)
}
