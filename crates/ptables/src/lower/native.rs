//! Ports and flags as iptables-nft holds them: not as `-m tcp` and `-m udp`, but as comparisons of the rule, which it
//! gathers into one match when it saves.

use crate::diag::codes;
use crate::dialect::Dialect;
use crate::ext::matches::{Tcp, Udp};
use crate::ext::{Fault, Match};
use crate::model::Typed;
use crate::value::port::Ports;
use crate::value::proto;
use crate::value::tcp_flags::TcpFlags;

/// Gathers the matches of one protocol into the first of them, and takes out conditions that iptables-nft loses. Gives
/// a warning where it saves less than it holds.
pub(super) fn gather(rule: &mut Typed, dialect: Dialect) -> Option<Fault> {
    // Without its protocol a match is refused, and not compared.
    if !dialect.is_nft() || !matches!(rule.proto, proto::TCP | proto::UDP) {
        return None;
    }
    let matches = &mut rule.matches;
    let many = matches.iter().filter(|it| matches!(it, Match::Tcp(_) | Match::Udp(_))).nth(1).is_some();
    if !many && !matches.iter().any(loses) {
        return None;
    }
    let mut warning = None;
    let mut gathered: Vec<Match> = Vec::with_capacity(matches.len());
    for mut it in std::mem::take(matches) {
        if is_native(&it) {
            if !dialect.since_1_8_11() && lose(&mut it) && !is_native(&it) {
                continue;
            }
            let first = gathered.iter_mut().find(|other| {
                is_native(other) && std::mem::discriminant(*other) == std::mem::discriminant(&it)
            });
            match first.map(|first| absorb(first, &it)) {
                Some(true) => continue,
                Some(false) => warning = Some(conflict()),
                None => {}
            }
        }
        gathered.push(it);
    }
    *matches = gathered.into_iter().collect();
    warning
}

fn conflict() -> Fault {
    let message = "iptables-nft holds both conditions on this field but saves only one of them";
    Fault::new(codes::CHECK_UNRELOADABLE, message).help("use `-m multiport`, or one condition")
}

/// Whether iptables-nft makes comparisons of it; a TCP option, and a match without any condition, stay as they are.
pub(crate) fn is_native(it: &Match) -> bool {
    match it {
        Match::Tcp(tcp) => {
            let ports =
                !tcp.sport.is_all() || !tcp.dport.is_all() || tcp.inverted.sport || tcp.inverted.dport;
            tcp.option == 0 && !tcp.inverted.option && (ports || flags(tcp).is_some())
        }
        Match::Udp(udp) => *udp != Udp::new(),
        _ => false,
    }
}

/// Flags that are a condition: `--tcp-flags NONE NONE` is none, but inverted it is.
fn flags(tcp: &Tcp) -> Option<(TcpFlags, TcpFlags)> {
    let none = Some((TcpFlags::NONE, TcpFlags::NONE));
    tcp.flags.filter(|_| tcp.inverted.flags || tcp.flags != none)
}

/// Whether it has an inverted condition that is always true when it is not inverted: iptables-nft 1.8.9 loses it.
fn loses(it: &Match) -> bool {
    match it {
        Match::Tcp(tcp) => {
            tcp.inverted.sport && tcp.sport.is_all()
                || tcp.inverted.dport && tcp.dport.is_all()
                || tcp.inverted.flags && tcp.flags.is_some_and(|(mask, _)| mask == TcpFlags::NONE)
        }
        Match::Udp(udp) => {
            udp.sport_inverted && udp.sport.is_all() || udp.dport_inverted && udp.dport.is_all()
        }
        _ => false,
    }
}

/// Takes these conditions out; says whether there were any.
fn lose(it: &mut Match) -> bool {
    let lost = loses(it);
    let all = |ports: Ports, inverted: &mut bool| *inverted &= !ports.is_all();
    match it {
        Match::Tcp(tcp) if lost => {
            all(tcp.sport, &mut tcp.inverted.sport);
            all(tcp.dport, &mut tcp.inverted.dport);
            if tcp.flags.is_some_and(|(mask, _)| mask == TcpFlags::NONE) {
                tcp.flags = None;
                tcp.inverted.flags = false;
            }
        }
        Match::Udp(udp) if lost => {
            all(udp.sport, &mut udp.sport_inverted);
            all(udp.dport, &mut udp.dport_inverted);
        }
        _ => {}
    }
    lost
}

/// Adds the conditions of a later match; `false`, and nothing changed, if both have one on the same field.
fn absorb(first: &mut Match, later: &Match) -> bool {
    match (first, later) {
        (Match::Tcp(first), Match::Tcp(later)) => {
            let mut all = *first;
            let ports = port(&mut all.sport, &mut all.inverted.sport, later.sport, later.inverted.sport)
                && port(&mut all.dport, &mut all.inverted.dport, later.dport, later.inverted.dport);
            if flags(later).is_some() {
                if flags(&all).is_some() {
                    return false;
                }
                all.flags = later.flags;
                all.inverted.flags = later.inverted.flags;
            }
            if ports {
                *first = all;
            }
            ports
        }
        (Match::Udp(first), Match::Udp(later)) => {
            let mut all = *first;
            let ports = port(&mut all.sport, &mut all.sport_inverted, later.sport, later.sport_inverted)
                && port(&mut all.dport, &mut all.dport_inverted, later.dport, later.dport_inverted);
            if ports {
                *first = all;
            }
            ports
        }
        _ => false,
    }
}

/// Puts the later condition in, if there is none yet or it is the same one.
fn port(ports: &mut Ports, inverted: &mut bool, later: Ports, later_inverted: bool) -> bool {
    let free = ports.is_all() && !*inverted;
    let idle = later.is_all() && !later_inverted;
    if free {
        (*ports, *inverted) = (later, later_inverted);
    }
    free || idle || (*ports, *inverted) == (later, later_inverted)
}
