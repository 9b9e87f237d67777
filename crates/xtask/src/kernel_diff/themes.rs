//! What some sets of rules are about: a few matches that are rarely met together, and packets with what they look at, often
//! broken.

use ptables::packet::Transport;
use ptables_judge::world::{Link, Path};

use super::draft::{Draft, tcp_options};
use super::rng::Rng;
use super::ruleset::Plan;
use super::shot::Entry;

/// One such subject.
#[derive(Clone, Copy)]
pub struct Theme {
    /// Names of the matches that make conditions.
    pub matches: &'static [&'static str],
    /// Protocols of rules and packets, IPv4 and IPv6; none: as elsewhere.
    protos: [&'static [u8]; 2],
    /// Whether the set can be about it.
    fits: fn(&Plan) -> bool,
    /// What is done to most packets.
    pub twist: fn(&mut Draft, &mut Rng),
}

const THEMES: [Theme; 13] = [
    Theme {
        matches: &["frag", "hbh", "dst", "rt", "ah6", "ipv6header", "mh", "srh"],
        protos: [&[], &[17, 17, 50, 59, 135, 58]],
        fits: |plan| plan.v6,
        twist: headers,
    },
    Theme {
        matches: &["string", "u32", "bpf"],
        protos: [&[17, 17, 6], &[17, 17, 6]],
        fits: |_| true,
        twist: |_, _| {},
    },
    Theme { matches: &["string"], protos: [&[17], &[17]], fits: |plan| !plan.decided, twist: |_, _| {} },
    Theme {
        matches: &["bpf"],
        protos: [&[17, 17, 6, 1], &[17, 17, 6, 58]],
        fits: |_| true,
        twist: |_, _| {},
    },
    Theme { matches: &["conntrack"], protos: [&[1], &[58]], fits: |plan| plan.entries, twist: |_, _| {} },
    Theme {
        matches: &["connbytes", "conntrack"],
        protos: [&[1], &[58]],
        fits: |plan| plan.entries,
        twist: bounced,
    },
    Theme {
        matches: &["cluster", "pkttype", "mark"],
        protos: [&[], &[]],
        fits: |plan| plan.tracked && !plan.entries,
        twist: |draft, _| {
            if draft.shot.path == Path::Input {
                draft.shot.link = Link::Multicast;
            }
        },
    },
    Theme { matches: &["tcp", "udp"], protos: [&[6, 17], &[6, 17]], fits: |plan| plan.nft, twist: short },
    Theme {
        matches: &["tcp", "tcpmss", "ecn", "multiport"],
        protos: [&[6], &[6]],
        fits: |_| true,
        twist: segment,
    },
    Theme {
        matches: &["sctp", "dccp", "multiport"],
        protos: [&[132, 132, 33], &[132, 132, 33]],
        fits: |_| true,
        twist: short,
    },
    Theme {
        matches: &["icmp", "icmp6", "esp", "ah", "ah6", "ipcomp", "mh", "udp", "multiport"],
        protos: [&[1, 1, 50, 51, 108, 17, 136], &[58, 58, 50, 51, 108, 135, 17, 136]],
        fits: |_| true,
        twist: short,
    },
    Theme {
        matches: &["state", "conntrack"],
        protos: [
            &[6, 17, 136, 132, 132, 132, 1, 47, 47, 33, 51, 58],
            &[6, 17, 136, 132, 132, 58, 47, 33, 59, 1],
        ],
        fits: |plan| plan.tracked,
        twist: short,
    },
    Theme {
        matches: &["connlabel", "connmark", "connbytes", "helper"],
        protos: [&[6, 17, 1], &[6, 17, 58]],
        fits: |plan| plan.tracked,
        twist: |_, _| {},
    },
];

impl Theme {
    /// One by chance.
    pub fn random(plan: &Plan, rng: &mut Rng) -> Theme {
        loop {
            let theme = rng.pick(&THEMES);
            if (theme.fits)(plan) {
                return theme;
            }
        }
    }

    /// A protocol that it is about.
    pub fn proto(&self, v6: bool, rng: &mut Rng) -> Option<u8> {
        let of = self.protos[usize::from(v6)];
        (!of.is_empty()).then(|| rng.pick(of))
    }
}

/// Extension headers at the end of a packet, cut off, or longer than it.
fn headers(draft: &mut Draft, rng: &mut Rng) {
    match rng.below(10) {
        8 => {
            // What a later fragment holds would be an extension header.
            let proto = rng.pick(&[0, 43, 51, 60, 44]);
            draft.layout.extensions.retain(|it| it.0 != proto);
            draft.become_proto(proto, rng);
            draft.add_fragment(7, rng.pick(&[1, 2, 4096]), true, 0);
            draft.layout.payload = vec![17, 0, 1, 4, 0, 0, 0, 0, 0, 53, 0, 53];
        }
        0 => {
            // Nothing follows.
            draft.become_proto(59, rng);
            draft.layout.payload.clear();
        }
        1 if draft.shot.path != Path::Input && !draft.layout.extensions.is_empty() => {
            let all: usize = draft.layout.extensions.iter().map(|it| it.1.len() + 2).sum();
            draft.cut = Some((40 + rng.below(all as u64 + 2)) as u16);
            if rng.chance(30) {
                draft.become_proto(rng.pick(&[59, 50]), rng);
            }
        }
        2 => draft.become_proto(50, rng),
        _ => {}
    }
}

/// Errors about echoes that are known.
fn bounced(draft: &mut Draft, rng: &mut Rng) {
    if let Entry::There(known) = &mut draft.shot.entry
        && rng.chance(40)
    {
        (known.error, known.related, known.nat) = (true, false, None);
    }
}

/// TCP with odd options, or cut off among them.
fn segment(draft: &mut Draft, rng: &mut Rng) {
    let (odd, cut) = (rng.chance(40), rng.chance(25));
    if odd {
        let options = tcp_options(rng);
        draft.tcp(rng, |tcp| tcp.options = options);
    }
    if cut {
        draft.short = Some(rng.pick(&[0, 1, 2, 4, 8, 12, 13, 14, 16, 19, 20, 21, 22, 23, 24, 26, 28]));
    }
}

/// A transport header that is cut off.
fn short(draft: &mut Draft, rng: &mut Rng) {
    if let Transport::UdpLite { coverage, .. } = &mut draft.layout.transport
        && rng.chance(50)
    {
        *coverage = 0;
    }
    if rng.chance(25) {
        // Often where there is one port, or none.
        draft.short = Some(if rng.chance(30) { rng.below(5) } else { rng.below(25) } as u16);
    }
}
