//! IP addresses and networks, in the forms that iptables reads and in the one that it prints.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::number::{self, base0, push};
use super::{Bad, BadKind, Parsed};
use crate::dialect::Family;

/// An address of either family, as a number: an IPv4 address in the low 32 bits.
///
/// Which family it is follows from where it stands; a ruleset has one.
pub type Bits = u128;

/// A network: address and mask; host bits are off. The mask may have holes.
///
/// 16 bytes: IPv4 is held inline, IPv6 in a box, because most rules are IPv4 or have no address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Net {
    /// Any address: no condition, never printed (unless inverted).
    #[default]
    Any,
    /// IPv4 address and mask.
    V4(u32, u32),
    /// IPv6 address and mask.
    V6(Box<(u128, u128)>),
}

impl Net {
    /// A network of `family`; host bits are cut off, a mask of no bits gives [`Net::Any`].
    pub fn new(family: Family, address: Bits, mask: Bits) -> Net {
        match family {
            _ if mask == 0 => Net::Any,
            Family::V4 => Net::V4((address & mask) as u32, mask as u32),
            Family::V6 => Net::V6(Box::new((address & mask, mask))),
        }
    }

    /// Address and mask as numbers.
    pub fn bits(&self) -> (Bits, Bits) {
        match self {
            Net::Any => (0, 0),
            Net::V4(address, mask) => (u128::from(*address), u128::from(*mask)),
            Net::V6(both) => **both,
        }
    }

    /// Appends `address/length`, or `address/mask` where the mask has holes.
    pub fn push(&self, out: &mut Vec<u8>, family: Family) {
        let (address, mask) = self.bits();
        push_address(out, family, address);
        push_mask(out, family, mask);
    }
}

/// Appends `/length`, or `/mask` where the mask has holes.
pub fn push_mask(out: &mut Vec<u8>, family: Family, mask: Bits) {
    out.push(b'/');
    match prefix_length(family, mask) {
        Some(length) => push(out, u64::from(length)),
        None => push_address(out, family, mask),
    }
}

/// The length of a mask without holes.
pub fn prefix_length(family: Family, mask: Bits) -> Option<u8> {
    let length = mask.count_ones() as u8;
    (prefix_mask(family, length) == mask).then_some(length)
}

/// The mask of a prefix length (clamped to the family's width).
pub fn prefix_mask(family: Family, length: u8) -> Bits {
    let bits = u32::from(family.bits());
    let free = bits - u32::from(length).min(bits);
    let all = u128::MAX >> (128 - bits);
    if free == 128 { 0 } else { (all >> free) << free }
}

/// Appends an address as `inet_ntop` prints it.
pub fn push_address(out: &mut Vec<u8>, family: Family, address: Bits) {
    match family {
        Family::V4 => push_v4(out, address as u32),
        Family::V6 => push_v6(out, address),
    }
}

/// Appends a range of addresses: `address`, `address/length` if it is a network, else `first-last`.
pub fn push_range(out: &mut Vec<u8>, family: Family, low: Bits, high: Bits) {
    push_address(out, family, low);
    let size = low ^ high;
    if low != high && size & size.wrapping_add(1) == 0 && low & size == 0 {
        out.push(b'/');
        push(out, u64::from(family.bits()) - u64::from(size.count_ones()));
    } else if low != high {
        out.push(b'-');
        push_address(out, family, high);
    }
}

/// Appends an address of either family.
pub fn push_ip(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(it) => push_v4(out, u32::from(it)),
        IpAddr::V6(it) => push_v6(out, u128::from(it)),
    }
}

/// The address that a number stands for.
pub fn ip(family: Family, address: Bits) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from(address as u32).into(),
        Family::V6 => Ipv6Addr::from(address).into(),
    }
}

fn push_v4(out: &mut Vec<u8>, address: u32) {
    for (index, byte) in address.to_be_bytes().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        number::push_byte(out, byte);
    }
}

fn push_v6(out: &mut Vec<u8>, address: u128) {
    let words = Ipv6Addr::from(address).segments();
    // The longest run of zero words, of two at least, becomes `::`; the first of equals.
    let (mut best, mut run) = ((0, 1), (0, 0));
    for (index, word) in words.iter().enumerate() {
        run = if *word == 0 { (if run.1 == 0 { index } else { run.0 }, run.1 + 1) } else { (0, 0) };
        if run.1 > best.1 {
            best = run;
        }
    }
    let (start, len) = if best.1 < 2 { (8, 0) } else { best };
    // `::a.b.c.d` and `::ffff:a.b.c.d` end as IPv4 addresses do.
    let embedded = start == 0 && (len == 6 || (len == 5 && words.get(5) == Some(&0xffff)));
    let mut index = 0;
    while index < 8 {
        if index == start {
            out.extend_from_slice(b"::");
            index += len;
            continue;
        }
        if index > 0 && index != start + len {
            out.push(b':');
        }
        if embedded && index == 6 {
            push_v4(out, address as u32);
            return;
        }
        out.extend_from_slice(format!("{:x}", words.get(index).copied().unwrap_or(0)).as_bytes());
        index += 1;
    }
}

/// Reads an address of `-s` and `-d`: four octets in base 0; missing ones are 0 (`10.1` is 10.1.0.0). IPv6 as usual.
///
/// `None` if it is no address: then it may be a name.
pub fn loose(family: Family, text: &[u8]) -> Option<Bits> {
    match family {
        Family::V6 => strict(family, text),
        Family::V4 => {
            if let Some((address, [])) = octets(text) {
                return Some(u128::from(address));
            }
            let mut octets = [0u8; 4];
            let mut places = octets.iter_mut();
            for part in text.split(|byte| *byte == b'.') {
                // An octet may have no blank or sign before it, unlike other numbers.
                if !part.first()?.is_ascii_digit() {
                    return None;
                }
                *places.next()? = match part {
                    [digit] => digit - b'0',
                    _ => base0(part, 0, 255).ok()? as u8,
                };
            }
            Some(u128::from(u32::from_be_bytes(octets)))
        }
    }
}

/// Reads `a.b.c.d`, alone or with a prefix length in decimal: what nearly every address of a rule is. `None` for anything else,
/// right or wrong.
pub fn plain(family: Family, text: &[u8]) -> Option<Net> {
    if family != Family::V4 {
        return None;
    }
    let (address, rest) = octets(text)?;
    let length = match *rest {
        [] => 32,
        [b'/', digit @ b'0'..=b'9'] => digit - b'0',
        [b'/', tens @ b'1'..=b'3', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + (ones - b'0'),
        _ => return None,
    };
    let mask = u32::MAX.checked_shl(32u32.checked_sub(u32::from(length))?).unwrap_or(0);
    Some(if mask == 0 { Net::Any } else { Net::V4(address & mask, mask) })
}

/// Four decimal octets without leading zeros, and what follows them.
fn octets(text: &[u8]) -> Option<(u32, &[u8])> {
    let (a, rest) = octet(text)?;
    let (b, rest) = octet(rest.strip_prefix(b".")?)?;
    let (c, rest) = octet(rest.strip_prefix(b".")?)?;
    let (d, rest) = octet(rest.strip_prefix(b".")?)?;
    Some((u32::from_be_bytes([a, b, c, d]), rest))
}

/// A number up to 255 without leading zeros, and what follows it.
#[inline]
fn octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let value = |digits: [u8; 3]| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match *text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ref rest @ ..] => {
            Some((u8::try_from(value([a, b, c])).ok()?, rest))
        }
        [a @ b'1'..=b'9', b @ b'0'..=b'9', ref rest @ ..] => Some(((a - b'0') * 10 + (b - b'0'), rest)),
        [a @ b'0'..=b'9', ref rest @ ..] => Some((a - b'0', rest)),
        _ => None,
    }
}

/// Reads an address in its standard form: four decimal octets, or RFC 4291 text.
pub fn strict(family: Family, text: &[u8]) -> Option<Bits> {
    match family {
        Family::V4 => Ipv4Addr::parse_ascii_strict(text).map(|address| u128::from(u32::from(address))),
        Family::V6 => {
            let text = std::str::from_utf8(text).ok()?;
            text.parse::<Ipv6Addr>().ok().map(u128::from)
        }
    }
}

/// Reads an address as `getaddrinfo` does: IPv4 `10.1` is 10.0.0.1, octets in base 0; `::ffff:10.0.0.1` is IPv4 too.
/// IPv6 in its standard form.
pub fn host(family: Family, text: &[u8]) -> Option<Bits> {
    if family == Family::V6 {
        return strict(family, text);
    }
    if text.contains(&b':') {
        return strict(Family::V6, text).filter(|bits| bits >> 32 == 0xffff).map(|bits| bits & 0xffff_ffff);
    }
    let parts: Vec<u64> = text
        .split(|byte| *byte == b'.')
        .map(|part| {
            part.first().filter(|byte| byte.is_ascii_digit())?;
            base0(part, 0, u64::from(u32::MAX)).ok()
        })
        .collect::<Option<_>>()?;
    let (last, octets) = parts.split_last()?;
    if octets.len() > 3 || octets.iter().any(|octet| *octet > 255) || *last >= 1 << (8 * (4 - octets.len())) {
        return None;
    }
    let high = octets.iter().enumerate().fold(0, |sum, (index, octet)| sum | octet << (24 - 8 * index));
    Some(u128::from(high | last))
}

/// Reads the mask after `/`: a prefix length in base 0, or a mask in the family's form.
///
/// # Errors
/// `Address` if it is neither.
pub fn mask(family: Family, text: &[u8]) -> Parsed<Bits> {
    let length = match text {
        [digit @ b'0'..=b'9'] => Some(u64::from(digit - b'0')),
        [first @ b'1'..=b'9', second @ b'0'..=b'9'] => {
            Some(u64::from(first - b'0') * 10 + u64::from(second - b'0'))
        }
        _ => base0(text, 0, u64::from(family.bits())).ok(),
    };
    if let Some(length) =
        length.and_then(|length| u8::try_from(length).ok()).filter(|it| *it <= family.bits())
    {
        return Ok(prefix_mask(family, length));
    }
    let whole = match family {
        Family::V4 if text.iter().filter(|byte| **byte == b'.').count() == 3 => loose(family, text),
        Family::V4 => None,
        Family::V6 => strict(family, text),
    };
    whole.ok_or_else(|| {
        let form = if family == Family::V4 { "0 to 32, or a mask such as 255.255.255.0" } else { "0 to 128" };
        Bad::new(BadKind::Address, format!("a prefix length from {form}"))
    })
}

trait ParseStrict: Sized {
    fn parse_ascii_strict(text: &[u8]) -> Option<Self>;
}

impl ParseStrict for Ipv4Addr {
    fn parse_ascii_strict(text: &[u8]) -> Option<Ipv4Addr> {
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_networks_are_read_as_any_other() {
        for text in ["10.1.2.3", "10.1.2.3/24", "0.0.0.0/0", "255.255.255.255/32", "1.2.3.4/9", "1.2.3.4/10"]
        {
            let (host, length) = text.split_once('/').unwrap_or((text, "32"));
            let address = loose(Family::V4, host.as_bytes()).unwrap();
            let net = Net::new(Family::V4, address, mask(Family::V4, length.as_bytes()).unwrap());
            assert_eq!(plain(Family::V4, text.as_bytes()), Some(net), "{text}");
        }
        for text in
            ["", "1.2.3", "1.2.3.4.", "01.2.3.4", "256.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/08", "::1"]
        {
            assert_eq!(plain(Family::V4, text.as_bytes()), None, "{text}");
        }
    }

    fn print(family: Family, address: Bits) -> String {
        let mut out = Vec::new();
        push_address(&mut out, family, address);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ipv4_sources_fill_from_the_left_and_hosts_from_the_right() {
        let loose = |text: &str| loose(Family::V4, text.as_bytes()).map(|it| print(Family::V4, it));
        assert_eq!(loose("10.1").as_deref(), Some("10.1.0.0"));
        assert_eq!(loose("010.1.1.1").as_deref(), Some("8.1.1.1"));
        for text in ["", "1.2.3.4.5", "256", "a", "1..2", "1.2.3.", "-1", " 1"] {
            assert_eq!(loose(text), None, "{text}");
        }
        let host = |text: &str| host(Family::V4, text.as_bytes()).map(|it| print(Family::V4, it));
        assert_eq!(host("10.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(host("1.2.3.256"), None);
    }

    #[test]
    fn ipv6_prints_as_inet_ntop_does() {
        for text in [
            "::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7:8",
            "2001:db8::1:0:0:1",
            "::ffff:1.2.3.4",
            "::1.2.3.4",
            "fe80::",
            "1:0:2:3:4:5:6:7",
            "0:1::",
            "::ffff:0.0.0.0",
        ] {
            let address = strict(Family::V6, text.as_bytes()).unwrap();
            let expected = if text == "0:1::" { "0:1::" } else { text };
            assert_eq!(print(Family::V6, address), expected);
        }
    }

    #[test]
    fn masks_are_lengths_in_base_0_or_addresses() {
        let v4 = |text: &str| mask(Family::V4, text.as_bytes()).map(|it| prefix_length(Family::V4, it));
        assert_eq!(v4("24"), Ok(Some(24)));
        assert_eq!(v4("0x18"), Ok(Some(24)));
        assert_eq!(v4("024"), Ok(Some(20)));
        assert_eq!(v4("00"), Ok(Some(0)));
        assert_eq!(v4("255.255.0.0"), Ok(Some(16)));
        assert_eq!(v4("0.0.0.255"), Ok(None));
        for text in ["33", "-1", "", "255.255.255", "255.255.255.256"] {
            assert!(v4(text).is_err(), "{text}");
        }
        assert_eq!(mask(Family::V6, b"ffff:ffff::"), Ok(prefix_mask(Family::V6, 32)));
        assert!(mask(Family::V6, b"129").is_err());
    }

    #[test]
    fn ranges_are_networks_where_they_can() {
        let range = |low, high| {
            let mut out = Vec::new();
            push_range(&mut out, Family::V4, low, high);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(range(0x0a00_0000, 0x0aff_ffff), "10.0.0.0/8");
        assert_eq!(range(0x0a00_0001, 0x0a00_0001), "10.0.0.1");
        assert_eq!(range(0x0a00_0001, 0x0a00_0002), "10.0.0.1-10.0.0.2");
    }

    #[test]
    fn a_network_drops_host_bits_and_fits_16_bytes() {
        let mut out = Vec::new();
        Net::new(Family::V4, 0x0102_0304, prefix_mask(Family::V4, 24)).push(&mut out, Family::V4);
        assert_eq!(out, b"1.2.3.0/24");
        assert_eq!(Net::new(Family::V6, 1, 0), Net::Any);
        assert_eq!(size_of::<Net>(), 16);
    }
}
