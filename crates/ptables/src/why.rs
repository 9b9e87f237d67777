//! Layer 8. Lines of the kernel's log: which rule wrote them.
//!
//! LOG and NFLOG write their prefix before `IN=`; TRACE writes `TRACE: table:chain:rule:3 ` there, which names the rule.

use crate::dialect::Family;
use crate::ext::Target;
use crate::model::{Jump, Typed};
use crate::packet::{Layout, Packet, Path, Transport};
use crate::simulate::{At, Simulator, StepKind};
use crate::value::iface::Iface;
use crate::value::{addr, number, proto};

/// What a line tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// What stands before `IN=`, as far as it may be a prefix: without the kernel's time stamp.
    pub prefix: String,
    /// Table, chain, and number of the rule (`None` for the end of the chain) of a line of TRACE.
    pub traced: Option<(String, String, Option<usize>)>,
    /// Address family.
    pub family: Family,
    /// The packet, as far as the line tells it.
    pub packet: Packet,
}

/// A rule that wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writer {
    /// Where it stands.
    pub at: At,
    /// Whether it certainly did: the line names it, or it alone has this prefix.
    pub sure: bool,
}

/// Reads a line; `None` if it is none of these.
pub fn parse(line: &str) -> Option<Line> {
    let at = line
        .match_indices("IN=")
        .map(|it| it.0)
        .find(|at| line.get(*at..).is_some_and(|it| it.contains(" OUT=")))?;
    let (before, fields) = (line.get(..at)?, line.get(at..)?);
    let value = |key: &str| {
        let mut words = fields.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).filter(|it| !it.is_empty())
    };
    let source = value("SRC")?;
    let family = if source.contains(':') { Family::V6 } else { Family::V4 };
    let address = |text: &str| addr::strict(family, text.as_bytes());
    let number = |key| value(key).and_then(|it| number::base0(it.as_bytes(), 0, u64::from(u32::MAX)).ok());
    let names = crate::value::BuiltinNames;
    let proto = value("PROTO").and_then(|it| proto::parse(it.to_ascii_lowercase().as_bytes(), &names).ok());
    let mut layout = Layout::new(address(source)?, address(value("DST")?)?, proto.unwrap_or(59));
    let port = |key| number(key).and_then(|it| u16::try_from(it).ok()).unwrap_or(0);
    let byte = |key| number(key).and_then(|it| u8::try_from(it).ok());
    layout.tos = byte("TOS").or(byte("TC")).unwrap_or(0);
    layout.hop_limit = byte("TTL").or(byte("HOPLIMIT")).unwrap_or(64);
    layout.id = port("ID");
    layout.transport = Transport::plain(layout.proto, family);
    let flags =
        [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32), ("ECE", 64), ("CWR", 128)];
    let set = |word: &str| flags.iter().find(|it| it.0 == word).map_or(0, |it| it.1);
    match &mut layout.transport {
        Transport::Tcp(tcp) => {
            (tcp.source, tcp.destination) = (port("SPT"), port("DPT"));
            tcp.flags = fields.split_ascii_whitespace().fold(0, |all, word| all | set(word));
        }
        Transport::Udp { source, destination } | Transport::UdpLite { source, destination, .. } => {
            (*source, *destination) = (port("SPT"), port("DPT"));
        }
        Transport::Icmp { kind, code, .. } => {
            (*kind, *code) = (byte("TYPE").unwrap_or(0), byte("CODE").unwrap_or(0));
        }
        _ => {}
    }
    let iface = |key| value(key).and_then(|name| Iface::parse(name.as_bytes()).ok());
    let (incoming, outgoing) = (iface("IN"), iface("OUT"));
    let path = match (incoming, outgoing) {
        (Some(_), Some(_)) => Path::Forward,
        (None, Some(_)) => Path::Output,
        _ => Path::Input,
    };
    let mut packet = Packet::new(family, &layout, path).ok()?;
    packet.in_iface = incoming;
    packet.out_iface = outgoing;
    packet.mark = number("MARK").and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
    Some(Line { prefix: prefix(before), traced: traced(before), family, packet })
}

/// Without `[ 12.345678]` and what stands before it.
fn prefix(before: &str) -> String {
    let stamp = before.split_once("] ").filter(|(stamp, _)| {
        stamp
            .rsplit_once('[')
            .is_some_and(|(_, time)| time.trim().bytes().all(|it| it.is_ascii_digit() || it == b'.'))
    });
    stamp.map_or(before, |it| it.1).to_owned()
}

fn traced(before: &str) -> Option<(String, String, Option<usize>)> {
    let (_, place) = before.split_once("TRACE: ")?;
    let mut parts = place.trim_end().split(':');
    let (table, chain, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let number = parts.next()?.parse::<usize>().ok()?;
    Some((table.to_owned(), chain.to_owned(), (kind == "rule").then(|| number.saturating_sub(1))))
}

/// The rules that may have written a line, or the one that did.
pub fn writers(simulator: &Simulator<'_>, line: &Line) -> Vec<Writer> {
    let tables = || simulator.ruleset().tables.iter().enumerate();
    if let Some((table, chain, rule)) = &line.traced {
        let found =
            tables().filter(|(_, it)| it.name.as_bytes() == table.as_bytes()).find_map(|(table, it)| {
                let chain = it.chains.iter().position(|it| it.name.as_bytes() == chain.as_bytes())?;
                let at = At { table, chain, rule: *rule };
                simulator.place(at).map(|_| Writer { at, sure: true })
            });
        return found.into_iter().collect();
    }
    let mut found: Vec<Writer> = Vec::new();
    for (table, it) in tables() {
        for (chain, it) in it.chains.iter().enumerate() {
            let logs = |rule: &crate::model::Rule| rule.as_typed().is_some_and(|it| writes(it, &line.prefix));
            let rules = it.rules.iter().enumerate().filter(|(_, rule)| logs(rule));
            found.extend(
                rules.map(|(rule, _)| Writer { at: At { table, chain, rule: Some(rule) }, sure: false }),
            );
        }
    }
    // Of several, those that such a packet meets.
    if found.len() > 1 {
        let met = met(simulator, &line.packet);
        let likely: Vec<Writer> = found.iter().copied().filter(|it| met.contains(&it.at)).collect();
        if !likely.is_empty() {
            found = likely;
        }
    }
    if let [only] = found.as_mut_slice() {
        only.sure = true;
    }
    found
}

/// The rules that match on the ways of a packet.
fn met(simulator: &Simulator<'_>, packet: &Packet) -> Vec<At> {
    let traces = simulator.ways(packet);
    let steps = traces.iter().flat_map(|it| &it.path);
    steps.filter(|it| matches!(it.kind, StepKind::Match | StepKind::Maybe)).map(|it| it.at).collect()
}

/// Whether a rule logs with this prefix. LOG keeps 29 bytes of it, and the kernel writes a line of NFLOG as it is.
fn writes(rule: &Typed, prefix: &str) -> bool {
    let Jump::Target(target) = &rule.jump else { return false };
    let own = match target {
        Target::Log(log) => log.prefix.as_bytes(),
        Target::Nflog(log) => log.prefix.as_bytes(),
        Target::Ulog(log) => log.prefix.as_bytes(),
        _ => return false,
    };
    prefix.as_bytes() == own || (prefix.trim_end().as_bytes() == own.trim_ascii_end() && !own.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_log_and_trace_are_taken_apart() {
        let log = "[ 12.345678] ssh denied: IN=eth0 OUT= MAC=02:aa:00:00:00:01:02:bb:00:00:00:02:08:00 SRC=192.0.2.7 \
                   DST=198.51.100.2 LEN=60 TOS=0x10 PREC=0x00 TTL=63 ID=7 DF PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";
        let line = parse(log).unwrap();
        assert_eq!(line.prefix, "ssh denied: ");
        let text = line.packet.to_string();
        assert_eq!(text, "tcp 192.0.2.7:40000 -> 198.51.100.2:22 flags=SYN ttl=63 tos=0x10 id=7 in eth0");
        let trace = "TRACE: raw:PREROUTING:rule:3 IN=eth0 OUT= SRC=2001:db8::1 DST=2001:db8::2 LEN=60 TC=0 HOPLIMIT=64 PROTO=ICMPv6 TYPE=128 CODE=0";
        let line = parse(trace).unwrap();
        assert_eq!(line.traced, Some(("raw".to_owned(), "PREROUTING".to_owned(), Some(2))));
        assert_eq!(line.packet.to_string(), "icmpv6 2001:db8::1 -> 2001:db8::2 type=128 in eth0");
        assert!(parse("usb 1-1: new device IN=eth0").is_none());
    }
}
