//! TCP flags as `--tcp-flags` names them.

use super::{Bad, Parsed};

/// A set of TCP flags: the low six bits of the flag byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

/// In the order that iptables-save prints them.
const NAMES: [(&str, u8); 6] = [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32)];

impl TcpFlags {
    /// No flag.
    pub const NONE: TcpFlags = TcpFlags(0);
    /// FIN.
    pub const FIN: TcpFlags = TcpFlags(1);
    /// SYN.
    pub const SYN: TcpFlags = TcpFlags(2);
    /// RST.
    pub const RST: TcpFlags = TcpFlags(4);
    /// PSH.
    pub const PSH: TcpFlags = TcpFlags(8);
    /// ACK.
    pub const ACK: TcpFlags = TcpFlags(16);
    /// URG.
    pub const URG: TcpFlags = TcpFlags(32);
    /// All six.
    pub const ALL: TcpFlags = TcpFlags(63);
    /// What `--syn` looks at: FIN, SYN, RST and ACK.
    pub const SYN_MASK: TcpFlags = TcpFlags(1 | 2 | 4 | 16);

    /// Reads a comma list of names in any case; `ALL` and `NONE` are names too; empty parts are skipped.
    ///
    /// # Errors
    /// `Form` for an unknown name.
    pub fn parse(text: &[u8]) -> Parsed<TcpFlags> {
        let mut flags = 0;
        for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
            flags |= match NAMES.iter().find(|(name, _)| part.eq_ignore_ascii_case(name.as_bytes())) {
                Some((_, bit)) => *bit,
                None if part.eq_ignore_ascii_case(b"ALL") => 63,
                None if part.eq_ignore_ascii_case(b"NONE") => 0,
                None => return Err(Bad::form("a list of FIN, SYN, RST, PSH, ACK, URG, ALL or NONE")),
            };
        }
        Ok(TcpFlags(flags))
    }

    /// Appends the names, or `NONE`.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut first = true;
        for (name, bit) in NAMES {
            if self.0 & bit != 0 {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(name.as_bytes());
            }
        }
        if first {
            out.extend_from_slice(b"NONE");
        }
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = TcpFlags;
    fn bitor(self, other: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_printed_in_wire_order() {
        let print = |text: &str| {
            let mut out = Vec::new();
            TcpFlags::parse(text.as_bytes()).unwrap().push(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print("ACK,syn,,"), "SYN,ACK");
        assert_eq!(print("NONE"), "NONE");
        assert_eq!(print("ALL"), "FIN,SYN,RST,PSH,ACK,URG");
        assert!(TcpFlags::parse(b"ECE").is_err());
        assert!(TcpFlags::parse(b"0x02").is_err());
    }
}
