//! A rule without what belongs to one family: so rules of both can be compared.

use super::says::{self, What};
use crate::text::lex;
use crate::value::BuiltinNames;

/// Types of ICMP messages that both families have: of IPv4, of IPv6, how they are called here.
const TYPES: [(&str, &str, &str); 6] = [
    ("8", "128", "echo-request"),
    ("0", "129", "echo-reply"),
    ("3", "1", "unreachable"),
    ("11", "3", "time-exceeded"),
    ("12", "4", "parameter-problem"),
    ("any", "any", "any"),
];

/// The line of a rule as iptables-save prints it, with `*` for addresses and sets, and one name for what both families have.
pub(crate) fn neutral(line: &[u8]) -> Vec<u8> {
    let mut words = Vec::new();
    lex::words(line, &mut words);
    let says = says::of(&words, &BuiltinNames, &|_| None);
    let mut out = Vec::with_capacity(line.len());
    for (at, word) in words.iter().enumerate() {
        let before: &[u8] = at.checked_sub(1).and_then(|at| words.get(at)).map_or(&[], |it| &it.bytes);
        let said = says.iter().find(|it| it.at == at).map(|it| &it.what);
        let own: &[u8] = match (&*word.bytes, before) {
            (b"icmp" | b"icmp6" | b"ipv6-icmp" | b"icmpv6", _) => b"icmp",
            (b"--icmp-type" | b"--icmpv6-type", _) => b"--icmp-type",
            (kind, b"--icmp-type") => {
                TYPES.iter().find(|it| it.0.as_bytes() == kind).map_or(kind, |it| it.2.as_bytes())
            }
            (kind, b"--icmpv6-type") => {
                TYPES.iter().find(|it| it.1.as_bytes() == kind).map_or(kind, |it| it.2.as_bytes())
            }
            (_, b"--hashlimit-srcmask" | b"--hashlimit-dstmask") => b"*",
            (other, _) => match said {
                Some(What::Belongs(_) | What::Not(_) | What::List { .. } | What::Set { .. }) => b"*",
                Some(What::Reject([_, Some(name)])) if !name.is_empty() => name.as_bytes(),
                _ => other,
            },
        };
        out.extend_from_slice(own);
        out.push(b' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_families_have_reads_the_same() {
        for (four, six) in [
            ("-s 10.0.0.0/8 -p tcp -j ACCEPT", "-s fd00::/8 -p tcp -j ACCEPT"),
            ("-p icmp -m icmp --icmp-type 8 -j ACCEPT", "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT"),
            (
                "-j REJECT --reject-with icmp-port-unreachable",
                "-j REJECT --reject-with icmp6-port-unreachable",
            ),
            ("-m set --match-set a src -j DROP", "-m set --match-set a6 src -j DROP"),
        ] {
            assert_eq!(
                String::from_utf8(neutral(four.as_bytes())).unwrap(),
                String::from_utf8(neutral(six.as_bytes())).unwrap()
            );
        }
        assert_ne!(neutral(b"-p tcp --dport 22 -j ACCEPT"), neutral(b"-p tcp --dport 23 -j ACCEPT"));
    }
}
