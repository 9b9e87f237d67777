//! Ethernet addresses.

use super::{Bad, Parsed};

/// Six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Reads `aa:bb:cc:dd:ee:ff`; each part has one or two hexadecimal digits.
    ///
    /// # Errors
    /// `Form` for anything else, such as an anonymised `XX:XX:…`.
    pub fn parse(text: &[u8]) -> Parsed<Mac> {
        let bad = || Bad::form("an Ethernet address such as `00:11:22:aa:bb:cc`");
        let mut bytes = [0; 6];
        let mut parts = text.split(|byte| *byte == b':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| (1..=2).contains(&part.len())).ok_or_else(bad)?;
            *byte = part.iter().try_fold(0, |sum, digit| {
                char::from(*digit).to_digit(16).map(|digit| sum * 16 + digit as u8).ok_or_else(bad)
            })?;
        }
        if parts.next().is_some() { Err(bad()) } else { Ok(Mac(bytes)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_one_or_two_digits() {
        let mut out = Vec::new();
        Mac::parse(b"0:1:22:Aa:bB:cc").unwrap().push(&mut out);
        assert_eq!(out, b"00:01:22:aa:bb:cc");
        for text in
            ["XX:XX:XX:XX:XX:XX", "00:11:22:33:44", "00:11:22:33:44:55:66", "000:1:2:3:4:5", ":1:2:3:4:5"]
        {
            assert!(Mac::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
