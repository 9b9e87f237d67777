//! Changed lines as a patch that `patch` and `git apply` take.

use std::collections::BTreeMap;

/// Lines around a change.
const AROUND: usize = 3;

/// The lines of a text, each with its end.
pub(super) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// A patch of the file `name`: some lines (from 0) become others, or nothing.
pub(super) fn unified(name: &str, lines: &[&[u8]], edits: &BTreeMap<usize, Option<Vec<u8>>>) -> Vec<u8> {
    let mut out = format!("--- {name}\n+++ {name}\n").into_bytes();
    let places: Vec<usize> = edits.keys().copied().collect();
    let mut shift = 0;
    let mut rest = places.as_slice();
    while let Some(first) = rest.first().copied() {
        let near = rest.windows(2).take_while(|it| matches!(it, [a, b] if b - a <= 2 * AROUND)).count();
        let last = rest.get(near).copied().unwrap_or(first);
        rest = rest.get(near + 1..).unwrap_or_default();
        let (from, to) = (first.saturating_sub(AROUND), (last + AROUND + 1).min(lines.len()));
        let mut body = Vec::new();
        let mut after = 0;
        for (at, line) in lines.iter().enumerate().take(to).skip(from) {
            match edits.get(&at) {
                None => {
                    push(&mut body, b' ', line);
                    after += 1;
                }
                Some(new) => {
                    push(&mut body, b'-', line);
                    if let Some(new) = new {
                        push(&mut body, b'+', new);
                        after += 1;
                    }
                }
            }
        }
        let before = to - from;
        let start = |count: usize, at: usize| if count == 0 { at } else { at + 1 };
        let new_from = from - shift;
        let head = format!("@@ -{},{before} +{},{after} @@\n", start(before, from), start(after, new_from));
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&body);
        shift += before - after;
    }
    out
}

fn push(out: &mut Vec<u8>, sign: u8, line: &[u8]) {
    out.push(sign);
    out.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        out.extend_from_slice(b"\n\\ No newline at end of file\n");
    }
}
