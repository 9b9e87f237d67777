//! Reads the words of an entry.

use smallvec::SmallVec;

use super::options::MAX_TIMEOUT;
use super::{Entry, Part, PartKind, Set, SetType};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::source::Text;
use crate::value::addr::{self, Bits};
use crate::value::icmp::IcmpType;
use crate::value::iface::Iface;
use crate::value::mac::Mac;
use crate::value::{Names, number, port, proto};

pub(super) type Read<T> = Result<T, Box<Diagnostic>>;

pub(super) fn error<T>(at: &Text, message: impl Into<String>) -> Read<T> {
    Err(Box::new(Diagnostic::error(codes::IPSET_BAD_ENTRY, message).at(Origin::Text(at.clone()), "")))
}

fn wrong(at: &Text, expected: &str) -> Box<Diagnostic> {
    let error = Diagnostic::error(codes::IPSET_BAD_ENTRY, format!("expected {expected}"));
    Box::new(error.at(Origin::Text(at.clone()), ""))
}

/// The text before and after the first such byte.
pub(super) fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|it| *it == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

pub(super) fn entry(set: &Set, words: &[Text], names: &dyn Names) -> Read<Entry> {
    let Some((element, options)) = words.split_first() else {
        return error(&set.name, "an entry is missing");
    };
    let mut entry = Entry { origin: Origin::Text(element.clone()), ..Entry::default() };
    entry.parts = parts(set, element, names)?;
    let mut rest = options.iter();
    while let Some(word) = rest.next() {
        let name = word.strip_prefix(b"--").unwrap_or(word);
        match name {
            b"nomatch" if set.kind.has_networks() => entry.nomatch = true,
            b"wildcard" if set.kind == SetType::HashNetIface => {
                if let Some(Part::Iface { wildcard, .. }) = entry.parts.last_mut() {
                    *wildcard = true;
                }
            }
            _ => match rest.next() {
                Some(value) => option(set, &mut entry, word, name, value)?,
                None => {
                    return error(
                        word,
                        format!("`{}` is no option, or its value is missing", word.to_lossy()),
                    );
                }
            },
        }
    }
    Ok(entry)
}

fn option(set: &Set, entry: &mut Entry, word: &Text, name: &[u8], value: &Text) -> Read<()> {
    let needs = |has: bool, option: &str| match has {
        true => Ok(()),
        false => error(word, format!("`{}` was made without `{option}`", set.name.to_lossy())),
    };
    let wrong = |expected: &str| wrong(value, expected);
    match name {
        b"timeout" => {
            needs(set.options.timeout.is_some(), "timeout")?;
            match number::u32_in(value, 0, MAX_TIMEOUT) {
                Ok(seconds) => entry.timeout = Some(seconds),
                Err(bad) => return Err(wrong(&bad.expected)),
            }
        }
        b"comment" => {
            needs(set.options.comment, "comment")?;
            check_comment(value)?;
            entry.comment = Some(value.clone()).filter(|it| !it.is_empty());
        }
        b"packets" | b"bytes" => {
            needs(set.options.counters, "counters")?;
            let count = match number::u64_base0(value) {
                Ok(count) => count,
                Err(bad) => return Err(wrong(&bad.expected)),
            };
            *(if name == b"packets" { &mut entry.packets } else { &mut entry.bytes }) = Some(count);
        }
        b"skbmark" | b"skbprio" | b"skbqueue" => {
            needs(set.options.skbinfo, "skbinfo")?;
            match name {
                b"skbmark" => entry.skbmark = Some(skbmark(value).ok_or_else(|| wrong("MARK or MARK/MASK"))?),
                b"skbprio" => entry.skbprio = Some(skbprio(value).ok_or_else(|| wrong("MAJOR:MINOR"))?),
                _ => match number::u16_in(value, 0, u16::MAX) {
                    Ok(queue) => entry.skbqueue = Some(queue),
                    Err(bad) => return Err(wrong(&bad.expected)),
                },
            }
        }
        b"before" | b"after" if set.kind == SetType::ListSet => {
            super::check_name(value)?;
            entry.beside = Some((name == b"before", value.clone()));
        }
        _ => {
            return error(
                word,
                format!("entries of {} have no option `{}`", set.kind.as_str(), word.to_lossy()),
            );
        }
    }
    Ok(())
}

/// Options of the command `ipset`, which may stand anywhere in a line.
const WORDS: [&[u8]; 16] = [
    b"o", b"output", b"s", b"sorted", b"q", b"quiet", b"r", b"resolve", b"!", b"exist", b"n", b"name", b"t",
    b"terse", b"f", b"file",
];

/// Whether a comment can be written so that it is read again.
pub(super) fn check_comment(text: &Text) -> Read<()> {
    if text.len() > 255 {
        return error(text, format!("a comment has at most 255 bytes; this has {}", text.len()));
    }
    if text.iter().any(|it| *it == b'"' || (it.is_ascii_control() && *it != b'\t')) {
        return error(text, "a comment has no `\"` and no control characters");
    }
    // Quotes do not keep ipset from taking such a word for an option of the command line.
    let word = text.strip_prefix(b"--").or(text.strip_prefix(b"-"));
    if word.is_some_and(|word| WORDS.contains(&word)) {
        return error(text, format!("ipset takes a comment `{}` for an option", text.to_lossy()));
    }
    Ok(())
}

fn skbmark(text: &[u8]) -> Option<(u32, u32)> {
    let hex = |text: &[u8]| {
        let digits = text.strip_prefix(b"0x").unwrap_or(text);
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match split_once(text, b'/') {
        Some((mark, mask)) => Some((hex(mark)?, hex(mask)?)),
        None => Some((hex(text)?, u32::MAX)),
    }
}

fn skbprio(text: &[u8]) -> Option<(u16, u16)> {
    let hex = |text: &[u8]| u16::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok();
    let (major, minor) = split_once(text, b':')?;
    Some((hex(major)?, hex(minor)?))
}

fn parts(set: &Set, element: &Text, names: &dyn Names) -> Read<SmallVec<[Part; 2]>> {
    let kinds = set.kind.parts();
    if set.kind == SetType::ListSet {
        super::check_name(element)?;
        return Ok([Part::Set(element.clone())].into_iter().collect());
    }
    let mut found = SmallVec::new();
    let mut start = 0;
    for (number, kind) in kinds.iter().enumerate() {
        let rest = element.get(start..);
        let Some(rest) = rest else {
            if *kind == PartKind::Mac(true) {
                found.push(Part::Mac(None));
                break;
            }
            let what = set.kind.as_str();
            return error(
                element,
                format!("an entry of {what} has {} parts, separated by commas", kinds.len()),
            );
        };
        // The last part takes the rest, so that a superfluous comma is named there.
        let length = rest.iter().position(|it| *it == b',').filter(|_| number + 1 < kinds.len());
        let length = length.unwrap_or(rest.len());
        found.push(part(set, *kind, &element.slice(start, start + length), names)?);
        start += length + 1;
    }
    Ok(found)
}

fn part(set: &Set, kind: PartKind, text: &Text, names: &dyn Names) -> Read<Part> {
    let family = set.family().unwrap_or(Family::V4);
    match kind {
        PartKind::Ip | PartKind::OneIp => ips(family, text, kind == PartKind::Ip, names),
        PartKind::Net(zero) => net(family, text, zero, names),
        PartKind::Port => ports(family, text, names),
        PartKind::BarePort => {
            // The protocol of TCP or UDP may be told, and is not kept.
            let ports = match split_once(text, b':') {
                None => text.clone(),
                Some((name, _)) if matches!(proto::as_written(name, names), Ok(6 | 17)) => {
                    text.slice(name.len() + 1, text.len())
                }
                Some(_) => return error(text, "such a set knows TCP and UDP only"),
            };
            let (first, last) = range(&ports, b"", names)?;
            Ok(Part::BarePorts(first, last))
        }
        PartKind::Mac(_) => match Mac::parse(text) {
            Ok(mac) if Mac::is_plain(text) => Ok(Part::Mac(Some(mac))),
            _ => error(text, "expected an Ethernet address such as `00:11:22:aa:bb:cc`"),
        },
        PartKind::Mark => match number::u32_in(text, 0, u32::MAX) {
            Ok(mark) => Ok(Part::Mark(mark & set.options.markmask.unwrap_or(u32::MAX))),
            Err(bad) => error(text, format!("expected {}", bad.expected)),
        },
        PartKind::Iface => {
            let (name, physdev) = match text.strip_prefix(b"physdev:") {
                Some(_) => (text.slice(8, text.len()), true),
                None => (text.clone(), false),
            };
            match Iface::parse(&name) {
                Ok(it)
                    if !it.is_any()
                        && !name.iter().any(|it| it.is_ascii_control() || b" \",".contains(it)) =>
                {
                    Ok(Part::Iface { name: it, physdev, wildcard: false })
                }
                _ => error(text, "expected the name of an interface, at most 15 bytes"),
            }
        }
        PartKind::Set => Ok(Part::Set(text.clone())),
    }
}

/// One address: numbers, or a name, which may stand in brackets.
fn address(family: Family, whole: &Text, text: &[u8], names: &dyn Names) -> Read<Bits> {
    let inner = text.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]")).unwrap_or(text);
    if let Some(address) = addr::host(family, inner) {
        return Ok(address);
    }
    let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
    if addr::strict(other, inner).is_some() {
        return error(whole, format!("the set is one of {family} addresses"));
    }
    let found = std::str::from_utf8(inner).ok().and_then(|name| names.host(name, family).first().copied());
    found.map_or_else(|| error(whole, format!("expected an {family} address")), Ok)
}

fn length(family: Family, whole: &Text, text: &[u8]) -> Read<u8> {
    match number::u8_in(text, 0, family.bits()) {
        Ok(length) => Ok(length),
        Err(_) => error(whole, format!("expected a prefix length from 0 to {}", family.bits())),
    }
}

/// The two sides of a range. A name in brackets may hold the `-`.
fn sides(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let skip = if text.first() == Some(&b'[') { text.iter().position(|it| *it == b']')? } else { 0 };
    let at = skip + text.get(skip..)?.iter().position(|it| *it == b'-')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn ips(family: Family, text: &Text, many: bool, names: &dyn Names) -> Read<Part> {
    if let Some((host, prefix)) = split_once(text, b'/') {
        let length = length(family, text, prefix)?;
        let address = address(family, text, host, names)?;
        if length != family.bits() && (!many || family == Family::V6) {
            return error(text, "exactly one address stands here");
        }
        let mask = addr::prefix_mask(family, length);
        let first = address & mask;
        return Ok(Part::Ips(first, first | (addr::prefix_mask(family, family.bits()) & !mask)));
    }
    if let Some(it) = addr::host(family, text) {
        return Ok(Part::Ips(it, it));
    }
    if let Some((first, last)) = sides(text)
        && let (Ok(first), Ok(last)) =
            (address(family, text, first, names), address(family, text, last, names))
    {
        if !many || family == Family::V6 {
            return error(text, "exactly one address stands here");
        }
        return Ok(Part::Ips(first.min(last), first.max(last)));
    }
    let it = address(family, text, text, names)?;
    Ok(Part::Ips(it, it))
}

fn net(family: Family, text: &Text, zero: bool, names: &dyn Names) -> Read<Part> {
    let whole = family.bits();
    if let Some((host, prefix)) = split_once(text, b'/') {
        let length = length(family, text, prefix)?;
        if length == 0 && !zero {
            return error(text, "a network of length 0 is not possible in such a set");
        }
        let address = address(family, text, host, names)?;
        return Ok(Part::Net(address & addr::prefix_mask(family, length), length));
    }
    match ips(family, text, true, names)? {
        Part::Ips(first, last) if first == last => Ok(Part::Net(first, whole)),
        Part::Ips(0, last) if last == addr::prefix_mask(family, whole) => {
            error(text, "a range of all addresses is not possible in such a set")
        }
        range => Ok(range),
    }
}

fn ports(family: Family, text: &Text, names: &dyn Names) -> Read<Part> {
    let Some((name, rest)) = split_once(text, b':') else {
        let (first, last) = range(text, b"tcp", names)?;
        return Ok(Part::Ports(6, first, last));
    };
    let number = match proto::as_written(name, names) {
        Ok(number) if number != 0 => number,
        _ => return error(text, "expected a protocol before `:`"),
    };
    let ports = text.slice(name.len() + 1, text.len());
    match (number, family) {
        (6 | 17 | 132 | 136, _) => {
            let name: &[u8] = match number {
                6 => b"tcp",
                17 => b"udp",
                132 => b"sctp",
                _ => b"udplite",
            };
            let (first, last) = range(&ports, name, names)?;
            Ok(Part::Ports(number, first, last))
        }
        (1, Family::V6) => error(text, "`icmp` is of IPv4; the set is one of IPv6 addresses"),
        (58, Family::V4) => error(text, "`icmpv6` is of IPv6; the set is one of IPv4 addresses"),
        (1 | 58, _) => icmp(family, &ports).map(|port| Part::Ports(number, port, port)),
        _ if rest == b"0" => Ok(Part::Ports(number, 0, 0)),
        _ => error(text, "of such a protocol the port is 0"),
    }
}

/// Type and code.
fn icmp(family: Family, text: &Text) -> Read<u16> {
    if let Some((kind, code)) = split_once(text, b'/')
        && let (Ok(kind), Ok(code)) = (number::u8_in(kind, 0, 255), number::u8_in(code, 0, 255))
    {
        return Ok(u16::from(kind) << 8 | u16::from(code));
    }
    let named = IcmpType::parse(family, true, text).ok().filter(|_| text.iter().any(u8::is_ascii_alphabetic));
    let alone: &[u8] = match family {
        Family::V4 => &[0, 4, 8, 9, 10, 13, 14, 17, 18],
        Family::V6 => &[2, 128, 129, 133, 134, 135, 136, 137],
    };
    match named {
        Some(IcmpType { kind, codes: (code, last) }) if code == last => {
            Ok(u16::from(kind) << 8 | u16::from(code))
        }
        Some(it) if alone.contains(&it.kind) => Ok(u16::from(it.kind) << 8),
        _ => error(text, "expected TYPE/CODE, or the name of one"),
    }
}

/// Ports, by number or by the name of a service.
fn range(text: &Text, proto: &[u8], names: &dyn Names) -> Read<(u16, u16)> {
    let proto = std::str::from_utf8(proto).ok().filter(|it| !it.is_empty()).or(Some("tcp"));
    let one = |text: &[u8]| port::resolved(text, proto, names).ok().map(|it| it.0);
    if let Some(port) = one(text) {
        return Ok((port, port));
    }
    // Names of services have `-` in them too.
    let both = split_once(text, b'-').and_then(|(first, last)| one(first).zip(one(last)));
    match both {
        Some((first, last)) => Ok((first.min(last), first.max(last))),
        None => error(text, "expected a port from 0 to 65535, a service, or FIRST-LAST"),
    }
}
