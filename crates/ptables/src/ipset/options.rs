//! Options of `create`.

use super::{Set, SetType};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::source::Text;
use crate::value::addr::{self, Bits};
use crate::value::number;

/// How a set is made. `None` and `false` leave it to ipset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOptions {
    /// Family of the addresses; IPv4 by default.
    pub family: Option<Family>,
    /// Buckets at the beginning; 1024 by default.
    pub hashsize: Option<u32>,
    /// Entries that a hash takes; 65536 by default.
    pub maxelem: Option<u32>,
    /// Entries of a bucket, even, 2 to 14.
    pub bucketsize: Option<u8>,
    /// Where the hash begins.
    pub initval: Option<u32>,
    /// Seconds that an entry stays unless it says so itself, 0 (for ever) to 2147483; `None`: entries have no timeout at all.
    pub timeout: Option<u32>,
    /// Entries count packets and bytes.
    pub counters: bool,
    /// Entries may have a comment.
    pub comment: bool,
    /// Entries may hold a mark, a priority and a queue for the packets that they match.
    pub skbinfo: bool,
    /// A full hash forgets an entry by chance for a new one.
    pub forceadd: bool,
    /// Length of the prefix to which addresses are cut.
    pub netmask: Option<u8>,
    /// Bits of an address that count.
    pub bitmask: Option<Bits>,
    /// Bits of a mark that count.
    pub markmask: Option<u32>,
    /// First and last element of a bitmap: addresses, or ports.
    pub range: Option<(Bits, Bits)>,
    /// Members that a list of sets takes; 8 by default.
    pub size: Option<u32>,
}

/// Longest timeout in seconds.
pub(super) const MAX_TIMEOUT: u32 = 2_147_483;
/// Elements of the largest bitmap.
const LARGEST_BITMAP: u128 = 65_536;

impl SetOptions {
    /// Entries that a hash takes.
    pub fn room(&self) -> u32 {
        self.maxelem.unwrap_or(65_536)
    }

    /// Bits of an address that count, as `netmask` and `bitmask` tell.
    pub fn address_mask(&self, family: Family) -> Bits {
        match (self.netmask, self.bitmask) {
            (Some(length), _) => addr::prefix_mask(family, length),
            (None, Some(mask)) => mask,
            (None, None) => Bits::MAX,
        }
    }
}

/// Whether an option of `create` has a value.
pub(super) fn has_value(name: &[u8]) -> bool {
    !matches!(name, b"counters" | b"comment" | b"skbinfo" | b"forceadd")
}

fn error(at: &Text, message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::IPSET_BAD_SET, message).at(Origin::Text(at.clone()), ""))
}

pub(super) fn read(set: &mut Set, name: &Text, value: Option<&Text>) -> Result<(), Box<Diagnostic>> {
    let key = name.to_lossy();
    if !set.kind.takes(&key) {
        return Err(error(name, format!("sets of type {} have no option `{key}`", set.kind.as_str())));
    }
    let family = set.options.family.unwrap_or(Family::V4);
    let kind = set.kind;
    let options = &mut set.options;
    let twice = || error(name, format!("`{key}` is there twice"));
    if !has_value(name) {
        if let Some(value) = value {
            return Err(error(value, format!("`{key}` has no value")));
        }
        let flag = match key.as_str() {
            "counters" => &mut options.counters,
            "comment" => &mut options.comment,
            "skbinfo" => &mut options.skbinfo,
            _ => &mut options.forceadd,
        };
        return if std::mem::replace(flag, true) { Err(twice()) } else { Ok(()) };
    }
    let value = value.ok_or_else(|| error(name, format!("the value of `{key}` is missing")))?;
    let number = |low: u32, high: u32| {
        number::u32_in(value, low, high).map_err(|it| error(value, format!("expected {}", it.expected)))
    };
    let is_new = match key.as_str() {
        "family" => {
            let family = match value.as_bytes() {
                b"inet" | b"ipv4" | b"-4" => Family::V4,
                b"inet6" | b"ipv6" | b"-6" => Family::V6,
                _ => return Err(error(value, "expected `inet` or `inet6`".to_owned())),
            };
            options.family.replace(family).is_none()
        }
        "hashsize" => options.hashsize.replace(number(0, u32::MAX)?).is_none(),
        "maxelem" => options.maxelem.replace(number(0, u32::MAX)?).is_none(),
        "initval" => options.initval.replace(number(0, u32::MAX)?).is_none(),
        "bucketsize" => options.bucketsize.replace(number(0, 255)? as u8).is_none(),
        "timeout" => options.timeout.replace(number(0, MAX_TIMEOUT)?).is_none(),
        "netmask" => {
            let length = number(1, u32::from(family.bits()))? as u8;
            options.netmask.replace(length).is_none()
        }
        "bitmask" => {
            let mask = addr::strict(family, value).filter(|it| *it != 0);
            let mask =
                mask.ok_or_else(|| error(value, "expected a mask in form of an address".to_owned()))?;
            options.bitmask.replace(mask).is_none()
        }
        "markmask" => options.markmask.replace(number(1, u32::MAX)?).is_none(),
        "size" => options.size.replace(number(0, u32::MAX)?).is_none(),
        _ => {
            let range = range(kind, value).ok_or_else(|| {
                let what = if kind == SetType::BitmapPort {
                    "PORT-PORT"
                } else {
                    "ADDRESS-ADDRESS or NETWORK/LENGTH"
                };
                error(value, format!("expected {what}"))
            })?;
            options.range.replace(range).is_none()
        }
    };
    if is_new { Ok(()) } else { Err(twice()) }
}

/// What can be said only when all options are known: needed ones, and the size of a bitmap.
pub(super) fn check(set: &Set) -> Result<(), Box<Diagnostic>> {
    let fail = |message: &str| {
        let place = match &set.origin {
            Origin::Unknown => Origin::Text(set.name.clone()),
            place => place.clone(),
        };
        Err(Box::new(Diagnostic::error(codes::IPSET_BAD_SET, message).at(place, "")))
    };
    super::check_name(&set.name)?;
    if !set.kind.is_bitmap() {
        return Ok(());
    }
    let Some((first, last)) = set.options.range else { return fail("a bitmap needs `range`") };
    let step = match set.options.netmask {
        Some(length) => 32u32.saturating_sub(u32::from(length)),
        None => 0,
    };
    if (last >> step) - (first >> step) >= LARGEST_BITMAP {
        return fail("a bitmap has at most 65536 elements");
    }
    Ok(())
}

fn range(kind: SetType, value: &Text) -> Option<(Bits, Bits)> {
    if kind == SetType::BitmapPort {
        let (low, high) = super::read::split_once(value, b'-')?;
        let port = |text: &[u8]| number::u16_in(text, 0, u16::MAX).ok().map(Bits::from);
        let (low, high) = (port(low)?, port(high)?);
        return Some((low.min(high), low.max(high)));
    }
    if let Some((low, high)) = super::read::split_once(value, b'-') {
        let (low, high) = (addr::host(Family::V4, low)?, addr::host(Family::V4, high)?);
        return Some((low.min(high), low.max(high)));
    }
    let (address, length) = super::read::split_once(value, b'/')?;
    let mask = addr::prefix_mask(Family::V4, number::u8_in(length, 1, 32).ok()?);
    let first = addr::host(Family::V4, address)? & mask;
    Some((first, first | !mask & 0xffff_ffff))
}
