//! Writes sets as `ipset restore` reads them.

use super::{Entry, Part, Set, Sets, check_name, options, read};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::value::{addr, number};

/// Text that `ipset restore` reads: sets, and then the entries of each. No name, comment or value can leave its place: what
/// cannot be written so that it is read again is refused.
///
/// # Errors
/// `ipset/bad-set` and `ipset/bad-entry`, all that were found.
pub fn print<'a>(sets: impl IntoIterator<Item = &'a Set>) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    for set in sets {
        match print_set(&mut out, set, b"create") {
            Ok(()) => {}
            Err(error) => {
                errors.push(*error);
                continue;
            }
        }
        // The program takes several lines at once, with the flags of the first of them: all have `-exist`, or none.
        let exist = set.entries.iter().any(|it| it.exist);
        for entry in &set.entries {
            let same = entry.exist == exist;
            let written = if same {
                print_entry(&mut out, set, entry, b"add")
            } else {
                print_entry(&mut out, set, &Entry { exist, ..entry.clone() }, b"add")
            };
            errors.extend(written.err().map(|it| *it));
        }
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// One line, `create NAME TYPE …`, with a line end. `command` is the word at its beginning.
///
/// # Errors
/// `ipset/bad-set`.
pub fn print_set(out: &mut Vec<u8>, set: &Set, command: &[u8]) -> Result<(), Box<Diagnostic>> {
    check_name(&set.name)?;
    options::check(set)?;
    let it = &set.options;
    for word in [command, b" ", set.name.as_bytes(), b" ", set.kind.as_str().as_bytes()] {
        out.extend_from_slice(word);
    }
    if let Some(family) = it.family {
        let family: &[u8] = if family == Family::V4 { b"inet" } else { b"inet6" };
        word(out, b"family", family);
    }
    if let Some((first, last)) = it.range {
        let mut text = Vec::new();
        if set.kind.has_addresses() {
            addr::push_address(&mut text, Family::V4, first);
            text.push(b'-');
            addr::push_address(&mut text, Family::V4, last);
        } else {
            number::push(&mut text, first as u64);
            text.push(b'-');
            number::push(&mut text, last as u64);
        }
        word(out, b"range", &text);
    }
    let numbers = [
        ("hashsize", it.hashsize),
        ("maxelem", it.maxelem),
        ("netmask", it.netmask.map(u32::from)),
        ("size", it.size),
        ("timeout", it.timeout),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            word(out, name.as_bytes(), value.to_string().as_bytes());
        }
    }
    if let Some(mask) = it.bitmask {
        let mut text = Vec::new();
        addr::push_address(&mut text, set.family().unwrap_or(Family::V4), mask);
        word(out, b"bitmask", &text);
    }
    if let Some(mask) = it.markmask {
        word(out, b"markmask", format!("0x{mask:08x}").as_bytes());
    }
    let flags = [
        ("counters", it.counters),
        ("comment", it.comment),
        ("skbinfo", it.skbinfo),
        ("forceadd", it.forceadd),
    ];
    for (name, _) in flags.into_iter().filter(|(_, given)| *given) {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
    }
    if let Some(size) = it.bucketsize {
        word(out, b"bucketsize", size.to_string().as_bytes());
    }
    if let Some(value) = it.initval {
        word(out, b"initval", format!("0x{value:08x}").as_bytes());
    }
    out.push(b'\n');
    Ok(())
}

fn word(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(b' ');
    out.extend_from_slice(name);
    out.push(b' ');
    out.extend_from_slice(value);
}

/// One line, `add NAME ENTRY …`, with a line end. `command` is the word at its beginning; `del` leaves the options out.
///
/// # Errors
/// `ipset/bad-entry`.
pub fn print_entry(
    out: &mut Vec<u8>,
    set: &Set,
    entry: &Entry,
    command: &[u8],
) -> Result<(), Box<Diagnostic>> {
    check_name(&set.name)?;
    if let Some(comment) = &entry.comment {
        read::check_comment(comment)?;
    }
    if !fits(set, entry) {
        let message = format!("this is no entry of a set of type {}", set.kind.as_str());
        let error = Diagnostic::error(codes::IPSET_BAD_ENTRY, message);
        return Err(Box::new(error.at(entry.origin.clone(), "")));
    }
    for word in [command, b" ", set.name.as_bytes(), b" "] {
        out.extend_from_slice(word);
    }
    element(out, set.family().unwrap_or(Family::V4), entry)?;
    if command != b"del" {
        extras(out, entry)?;
    }
    out.push(b'\n');
    Ok(())
}

/// Whether an entry has the parts that its set has, and options for which it was made.
fn fits(set: &Set, entry: &Entry) -> bool {
    use super::PartKind as Kind;
    let kinds = set.kind.parts();
    let parts = entry.parts.len() == kinds.len()
        && entry.parts.iter().zip(kinds).all(|(part, kind)| match (part, kind) {
            (Part::Ips(first, last), Kind::Ip | Kind::Net(_)) => first <= last,
            (Part::Ips(first, last), Kind::OneIp) => first == last,
            (Part::Net(_, length), Kind::Net(zero)) => *zero || *length > 0,
            (Part::Ports(_, first, last), Kind::Port) | (Part::BarePorts(first, last), Kind::BarePort) => {
                first <= last
            }
            (Part::Mac(mac), Kind::Mac(may)) => *may || mac.is_some(),
            (Part::Mark(_), Kind::Mark) | (Part::Iface { .. }, Kind::Iface) | (Part::Set(_), Kind::Set) => {
                true
            }
            _ => false,
        });
    let it = &set.options;
    parts
        && (!entry.nomatch || set.kind.has_networks())
        && (entry.timeout.is_none() || it.timeout.is_some())
        && (entry.comment.is_none() || it.comment)
        && (entry.packets.or(entry.bytes).is_none() || it.counters)
        && (it.skbinfo || (entry.skbmark.is_none() && entry.skbprio.is_none() && entry.skbqueue.is_none()))
}

/// The element alone, as it stands behind `add NAME`.
fn element(out: &mut Vec<u8>, family: Family, entry: &Entry) -> Result<(), Box<Diagnostic>> {
    for (number, part) in entry.parts.iter().enumerate() {
        if number > 0 && *part != Part::Mac(None) {
            out.push(b',');
        }
        match part {
            Part::Ips(first, last) => {
                addr::push_address(out, family, *first);
                if first != last {
                    out.push(b'-');
                    addr::push_address(out, family, *last);
                }
            }
            Part::Net(address, length) => {
                addr::push_address(out, family, *address);
                if *length != family.bits() {
                    out.push(b'/');
                    number::push(out, u64::from(*length));
                }
            }
            Part::Ports(proto, first, last) => {
                number::push(out, u64::from(*proto));
                out.push(b':');
                match proto {
                    1 | 58 => out.extend_from_slice(format!("{}/{}", first >> 8, first & 255).as_bytes()),
                    _ => ports(out, *first, *last),
                }
            }
            Part::BarePorts(first, last) => ports(out, *first, *last),
            Part::Mac(mac) => mac.iter().for_each(|it| it.push(out)),
            Part::Mark(mark) => out.extend_from_slice(format!("0x{mark:08x}").as_bytes()),
            Part::Iface { name, physdev, .. } => {
                if *physdev {
                    out.extend_from_slice(b"physdev:");
                }
                out.extend_from_slice(name.as_bytes());
            }
            Part::Set(name) => {
                check_name(name)?;
                out.extend_from_slice(name);
            }
        }
    }
    Ok(())
}

fn ports(out: &mut Vec<u8>, first: u16, last: u16) {
    number::push(out, u64::from(first));
    if first != last {
        out.push(b'-');
        number::push(out, u64::from(last));
    }
}

fn extras(out: &mut Vec<u8>, entry: &Entry) -> Result<(), Box<Diagnostic>> {
    if let Some((before, name)) = &entry.beside {
        check_name(name)?;
        word(out, if *before { b"before" } else { b"after" }, name);
    }
    if let Some(seconds) = entry.timeout {
        word(out, b"timeout", seconds.to_string().as_bytes());
    }
    if entry.nomatch {
        out.extend_from_slice(b" nomatch");
    }
    if let Some(Part::Iface { wildcard: true, .. }) = entry.parts.last() {
        out.extend_from_slice(b" wildcard");
    }
    for (name, count) in [("packets", entry.packets), ("bytes", entry.bytes)] {
        if let Some(count) = count {
            word(out, name.as_bytes(), count.to_string().as_bytes());
        }
    }
    if let Some(comment) = entry.comment.as_ref().filter(|it| !it.is_empty()) {
        word(out, b"comment", &[b"\"", comment.as_bytes(), b"\""].concat());
    }
    if let Some((mark, mask)) = entry.skbmark {
        word(out, b"skbmark", format!("0x{mark:x}/0x{mask:x}").as_bytes());
    }
    if let Some((major, minor)) = entry.skbprio {
        word(out, b"skbprio", format!("{major:x}:{minor:x}").as_bytes());
    }
    if let Some(queue) = entry.skbqueue {
        word(out, b"skbqueue", queue.to_string().as_bytes());
    }
    if entry.exist {
        out.extend_from_slice(b" -exist");
    }
    Ok(())
}

/// The sets of a collection, in order.
impl<'a> IntoIterator for &'a Sets {
    type Item = &'a Set;
    type IntoIter = std::slice::Iter<'a, Set>;
    fn into_iter(self) -> Self::IntoIter {
        self.sets.iter()
    }
}
