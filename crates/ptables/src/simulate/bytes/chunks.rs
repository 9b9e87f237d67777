//! Chunks of SCTP and options of DCCP.

use super::Seen;
use crate::packet::bytes::{u8_at, u16_at};
use crate::value::chunks::{ChunkScope, Chunks};

/// Whether the chunks behind the SCTP header, which begins at `transport`, are such.
///
/// A chunk that is cut off or of no length, where one must be, drops the packet.
pub(crate) fn chunks_match(bytes: &[u8], transport: usize, wanted: &Chunks) -> Seen {
    let mut left = wanted.types;
    let flags_fit = |kind: u8, flags: u8| {
        let known = wanted.flags.iter().find(|(number, _, _)| *number == kind);
        known.is_none_or(|(_, mask, set)| flags & mask == *set)
    };
    let mut at = transport + 12;
    loop {
        let (Some(kind), Some(flags)) = (u8_at(bytes, at), u8_at(bytes, at + 1)) else { return Seen::Drop };
        let length = match u16_at(bytes, at + 2) {
            None | Some(0) => return Seen::Drop,
            Some(length) => usize::from(length),
        };
        at += length.next_multiple_of(4);
        match (wanted.has(kind), wanted.scope) {
            (true, ChunkScope::Any) if flags_fit(kind, flags) => return Seen::Yes,
            (true, ChunkScope::All) if flags_fit(kind, flags) => {
                if let Some(half) = left.get_mut(usize::from(kind / 128)) {
                    *half &= !(1 << (kind % 128));
                }
            }
            (true, ChunkScope::Only) if !flags_fit(kind, flags) => return Seen::No,
            (false, ChunkScope::Only) => return Seen::No,
            _ => {}
        }
        if at >= bytes.len() {
            break;
        }
    }
    match wanted.scope {
        ChunkScope::All => (left == [0, 0]).into(),
        ChunkScope::Any => Seen::No,
        ChunkScope::Only => Seen::Yes,
    }
}

/// Whether the DCCP header, which begins at `transport`, holds this option.
pub(crate) fn dccp_option(bytes: &[u8], transport: usize, option: u8) -> Seen {
    let header = bytes.get(transport..).unwrap_or_default();
    let (Some(words), Some(kind)) = (u8_at(header, 4), u8_at(header, 8)) else { return Seen::Drop };
    let basic = if kind & 1 == 1 { 16 } else { 12 };
    let own = match kind >> 1 & 15 {
        0 => 4,
        2 => 0,
        3..=6 | 8 | 9 => 8,
        _ => 12,
    };
    let (start, end) = (basic + own, usize::from(words) * 4);
    if end == start {
        return Seen::No;
    }
    let Some(options) = header.get(start..end) else { return Seen::Drop };
    super::tcp::find_option(options, option).is_some().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(scope: &str, list: &str, chunks: &[u8]) -> Seen {
        let scope = Chunks::scope(scope.as_bytes()).unwrap();
        let wanted = Chunks::parse(scope, list.as_bytes()).unwrap().0;
        let mut bytes = vec![0; 12];
        bytes.extend_from_slice(chunks);
        chunks_match(&bytes, 0, &wanted)
    }

    fn matches(scope: &str, list: &str, chunks: &[u8]) -> bool {
        seen(scope, list, chunks) == Seen::Yes
    }

    #[test]
    fn all_any_and_only() {
        let data_and_sack = [0, 3, 0, 4, 3, 0, 0, 4];
        assert!(matches("all", "DATA,SACK", &data_and_sack) && !matches("all", "DATA,INIT", &data_and_sack));
        assert!(matches("any", "INIT,SACK", &data_and_sack) && !matches("any", "INIT", &data_and_sack));
        assert!(
            matches("only", "DATA,SACK,INIT", &data_and_sack) && !matches("only", "DATA", &data_and_sack)
        );
        assert!(matches("any", "DATA:BE", &data_and_sack) && !matches("any", "DATA:Be", &data_and_sack));
        assert_eq!(seen("only", "DATA", &[0, 3, 0]), Seen::Drop, "a chunk that is cut off");
        assert_eq!(seen("only", "DATA", &[0, 3, 0, 0]), Seen::Drop, "a chunk of no length");
    }
}
