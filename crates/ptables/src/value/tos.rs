//! Values of the TOS byte with a mask.

use super::number::{base0, prefix_base0};
use super::{Bad, Parsed};

/// `value/mask` of the TOS byte of IPv4, the traffic class of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tos {
    /// The bits.
    pub value: u8,
    /// Which bits count.
    pub mask: u8,
}

/// Names of RFC 1349; their mask leaves out the two bits of ECN.
const NAMES: [(&str, u8); 5] = [
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

impl Tos {
    /// All bits of a value.
    pub const fn exactly(value: u8) -> Tos {
        Tos { value, mask: 0xff }
    }

    /// Reads `value[/mask]` in base 0 up to 255, or a name in any case.
    ///
    /// # Errors
    /// `Form` if it is neither; `Range` if a part does not fit.
    pub fn parse(text: &[u8]) -> Parsed<Tos> {
        let bad =
            || Bad::form("a number up to 255, perhaps with `/mask`, or a name such as `Minimize-Delay`");
        if let Some((value, rest)) = prefix_base0(text) {
            let value = u8::try_from(value).map_err(|_| Bad::range("a number from 0 to 255"))?;
            return match rest {
                [] => Ok(Tos::exactly(value)),
                [b'/', mask @ ..] => Ok(Tos { value, mask: base0(mask, 0, 255)? as u8 }),
                _ => Err(bad()),
            };
        }
        let known = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()));
        known.map(|(_, value)| Tos { value: *value, mask: 0x3f }).ok_or_else(bad)
    }

    /// Appends `0x10/0x3f`.
    pub fn push(self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{:#04x}/{:#04x}", self.value, self.mask).as_bytes());
    }
}
