//! Ethernet addresses.

use super::{Bad, Parsed};

/// Six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Reads `aa:bb:cc:dd:ee:ff`; each part has at most two bytes. As the tools do, it takes an empty part for 0, and
    /// a blank or a sign before a single digit (`-1` is `ff`).
    ///
    /// # Errors
    /// `Form` for anything else, such as an anonymised `XX:XX:…`.
    pub fn parse(text: &[u8]) -> Parsed<Mac> {
        let bad = || Bad::form("an Ethernet address such as `00:11:22:aa:bb:cc`");
        let mut bytes = [0; 6];
        let mut parts = text.split(|byte| *byte == b':');
        for byte in &mut bytes {
            *byte = parts.next().and_then(part).ok_or_else(bad)?;
        }
        if parts.next().is_some() { Err(bad()) } else { Ok(Mac(bytes)) }
    }

    /// Whether `text`, which [`Mac::parse`] takes, is written with one or two digits in each part.
    pub fn is_plain(text: &[u8]) -> bool {
        text.split(|byte| *byte == b':')
            .all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_hexdigit))
    }

    /// Appends it, in lower case with two digits a part.
    pub fn push(&self, out: &mut Vec<u8>) {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b':');
            }
            out.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
    }
}

fn part(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    match text {
        [] => Some(0),
        [b' ' | b'\t' | b'+', low] => digit(low),
        [b'-', low] => digit(low).map(u8::wrapping_neg),
        [low] => digit(low),
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_at_most_two_bytes() {
        let mut out = Vec::new();
        Mac::parse(b"0:1:22:Aa:bB:cc").unwrap().push(&mut out);
        assert_eq!(out, b"00:01:22:aa:bb:cc");
        assert_eq!(Mac::parse(b":::::"), Ok(Mac([0; 6])));
        assert_eq!(Mac::parse(b"-1: 1:+1:0:0:-f"), Ok(Mac([255, 1, 1, 0, 0, 241])));
        assert!(
            Mac::is_plain(b"0:1:22:Aa:bB:cc") && !Mac::is_plain(b"-1: 1:+1:0:0:") && !Mac::is_plain(b":::::")
        );
        for text in [
            "XX:XX:XX:XX:XX:XX",
            "00:11:22:33:44",
            "00:11:22:33:44:55:66",
            "000:1:2:3:4:5",
            "0x:1:2:3:4:5",
            "0: :2:3:4:5",
            "",
        ] {
            assert!(Mac::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
