//! Conditions on a packet's bytes that no field holds.

mod bpf;
mod chunks;
mod headers;
mod tcp;
mod tokens;

pub(super) use bpf::{Ancillary, run};
pub(super) use chunks::{chunks_match, dccp_option};
pub(super) use headers::{eui64, header_set, options_match, route_matches, segments_match};
pub(super) use tcp::{mss, tcp_option};

use crate::meaning::TextTest;
use crate::packet::bytes::u32_at;
use crate::value::u32_test::{U32Step, U32Test};

/// What a condition says; some packets are dropped by a mere look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Yes,
    No,
    Drop,
}

impl From<bool> for Seen {
    fn from(yes: bool) -> Seen {
        if yes { Seen::Yes } else { Seen::No }
    }
}

/// The tests of `u32`. A number that is not wholly in the packet fails its test.
pub(super) fn numbers_match(bytes: &[u8], tests: &[U32Test]) -> bool {
    tests.iter().all(|test| number(bytes, test).is_some_and(|value| within(test, value)))
}

fn within(test: &U32Test, value: u32) -> bool {
    test.ranges.iter().any(|(low, high)| (*low..=*high).contains(&value))
}

fn number(bytes: &[u8], test: &U32Test) -> Option<u32> {
    let mut base = 0u32;
    let mut value = u32_at(bytes, test.offset as usize)?;
    for step in &test.steps {
        match *step {
            U32Step::And(bits) => value &= bits,
            U32Step::Left(places) => value = value.checked_shl(places).unwrap_or(0),
            U32Step::Right(places) => value = value.checked_shr(places).unwrap_or(0),
            U32Step::At(offset) => {
                base = base.checked_add(value)?;
                value = u32_at(bytes, (base as usize).checked_add(offset as usize)?)?;
            }
        }
    }
    Some(value)
}

/// Whether the text lies between the offsets, with all its bytes; of a machine `None` if that depends on how the packet lies
/// in memory.
pub(super) fn text_matches(bytes: &[u8], test: &TextTest) -> Option<bool> {
    let pattern = test.pattern.as_bytes();
    if test.machine {
        return tokens::machine_matches(bytes, pattern, test.from, test.to);
    }
    let end = usize::from(test.to).min(bytes.len());
    let Some(part) = bytes.get(usize::from(test.from)..end) else { return Some(false) };
    Some(match test.ignore_case {
        true => pattern.is_empty() || part.windows(pattern.len()).any(|it| it.eq_ignore_ascii_case(pattern)),
        false => memchr::memmem::find(part, pattern).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Text;
    use crate::value::u32_test;

    #[test]
    fn numbers_are_followed_through_the_packet() {
        // 20 bytes of header, then UDP.
        let mut bytes = vec![0u8; 28];
        bytes[0] = 0x45;
        bytes[9] = 17;
        bytes[22..24].copy_from_slice(&53u16.to_be_bytes());
        let matches = |text: &str| numbers_match(&bytes, &u32_test::parse(text.as_bytes()).unwrap());
        assert!(matches("6&0xff=17"));
        assert!(matches("0>>22&0x3c@0&0xffff=53"));
        assert!(!matches("0>>22&0x3c@0&0xffff=54:60"));
        assert!(matches("6&0xff=17&&0>>22&0x3c@0&0xffff=50:60"));
        assert!(matches("24=0") && !matches("25=0"), "a number must be wholly there");
        assert!(!matches("0>>22&0x3c@8=0"));
    }

    #[test]
    fn a_text_lies_wholly_between_its_offsets() {
        let bytes = b"....GET /index";
        let find = |text: &str, from, to, any| {
            text_matches(bytes, &TextTest::new(Text::from(text), from, to, any)).unwrap()
        };
        assert!(find("GET", 0, 65535, false) && find("GET", 4, 7, false));
        assert!(!find("GET", 5, 65535, false) && !find("GET", 4, 6, false) && !find("get", 0, 65535, false));
        assert!(find("get", 0, 65535, true));
        assert!(!find("GET", 20, 65535, false) && !find("GET", 9, 3, false));
    }
}
