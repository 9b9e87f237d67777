//! The lines of a restore text as the tools count them, and the tables they are in.

/// The tools read at most this many bytes of a line at once, and count each piece as a line.
const PIECE: usize = 10_239;

/// The line of the text, from 1, that a tool means by its own line number.
///
/// `None` for 0. A number behind the end (`COMMIT expected at line N`) is the last line.
pub(crate) fn line_of(text: &[u8], counted: u32) -> Option<u32> {
    let mut left = usize::try_from(counted).ok().filter(|counted| *counted > 0)?;
    let mut number = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        match left.checked_sub(line.len().div_ceil(PIECE)) {
            Some(rest) if rest > 0 => left = rest,
            _ => break,
        }
    }
    (number > 0).then_some(number)
}

/// One `*table` … `COMMIT` of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The name after `*`.
    pub(crate) table: &'a [u8],
    /// The line with `*`, from 1.
    pub(crate) first: u32,
    /// The line with `COMMIT`.
    pub(crate) commit: u32,
}

/// The complete tables of a text, in order.
pub(crate) fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open = None;
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        match (line, open) {
            (b"COMMIT", Some((table, first))) => {
                blocks.push(Block { table, first, commit: number });
                open = None;
            }
            ([b'*', name @ ..], None) => {
                let end = name.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(name.len());
                open = Some((name.get(..end).unwrap_or(name), number));
            }
            _ => {}
        }
    }
    blocks
}

/// The names of the tables whose `COMMIT` comes before a line.
pub(crate) fn committed_before(text: &[u8], line: u32) -> Vec<Box<str>> {
    blocks(text).iter().filter(|block| block.commit < line).map(Block::name).collect()
}

/// The table whose `COMMIT` is this line.
pub(crate) fn committed_at(text: &[u8], line: u32) -> Option<Box<str>> {
    blocks(text).iter().find(|block| block.commit == line).map(Block::name)
}

impl Block<'_> {
    fn name(&self) -> Box<str> {
        String::from_utf8_lossy(self.table).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_longer_than_the_tools_buffer_counts_more_than_once() {
        let mut text = vec![b'#'; 2 * PIECE];
        text.extend(b"\n*filter\nCOMMIT\n");
        assert_eq!(line_of(&text, 1), Some(1));
        assert_eq!(line_of(&text, 3), Some(1));
        assert_eq!(line_of(&text, 4), Some(2));
        assert_eq!(line_of(&text, 5), Some(3));
        assert_eq!(line_of(&text, 6), Some(3));
        assert_eq!(line_of(b"x", 0), None);
        assert_eq!(line_of(b"", 1), None);
    }

    #[test]
    fn tables_end_at_their_commit() {
        let text = b"# c\n*filter\n-A INPUT -j DROP\nCOMMIT\n*nat x\n*mangle\nCOMMIT\n*raw\n";
        let found: Vec<_> =
            blocks(text).iter().map(|block| (block.name(), block.first, block.commit)).collect();
        assert_eq!(found, [("filter".into(), 2, 4), ("nat".into(), 5, 7)]);
        assert_eq!(committed_before(text, 6), ["filter".into()]);
        assert_eq!(committed_at(text, 7), Some("nat".into()));
        assert_eq!(committed_at(text, 6), None);
    }
}
