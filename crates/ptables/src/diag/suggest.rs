//! Layer 0. "Did you mean": the name nearest to a misspelled word.

/// Longer words get no suggestion; no option, extension or chain name comes near.
const LONGEST: usize = 64;
/// Cost of a letter too many, too few, wrong, or changed with its neighbour.
const EDIT: u32 = 8;
/// Cost of a letter in the wrong case.
const CASE: u32 = 1;

/// The candidate that `word` most likely stands for, if one is near enough.
///
/// The distance is Damerau and Levenshtein's: an insertion, deletion, substitution or transposition of neighbours
/// costs one edit, a letter in the wrong case an eighth. It may be a third of the length of the word, without
/// leading dashes, and at least one edit. Of several nearest candidates the one nearest in length is taken, then
/// the first in alphabetical order, so the order of `candidates` does not matter. A candidate equal to the word
/// is no suggestion.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = Letters::new(word)?;
    let name_len = word.as_slice().iter().skip_while(|letter| **letter == '-').count();
    let bound = u32::try_from((name_len / 3).max(1)).ok()? * EDIT;
    let mut best: Option<(u32, usize, &str)> = None;
    for candidate in candidates {
        let Some(letters) = Letters::new(candidate) else { continue };
        let limit = best.map_or(bound, |(distance, ..)| distance);
        let Some(distance) = distance(word.as_slice(), letters.as_slice(), limit) else { continue };
        let key = (distance, word.len.abs_diff(letters.len), candidate);
        if distance > 0 && best.is_none_or(|best| key < best) {
            best = Some(key);
        }
    }
    best.map(|(.., candidate)| candidate)
}

/// A short word as characters, without an allocation.
struct Letters {
    letters: [char; LONGEST],
    len: usize,
}

impl Letters {
    fn new(word: &str) -> Option<Letters> {
        let mut letters = ['\0'; LONGEST];
        let mut len = 0;
        for letter in word.chars() {
            *letters.get_mut(len)? = letter;
            len += 1;
        }
        Some(Letters { letters, len })
    }

    fn as_slice(&self) -> &[char] {
        self.letters.get(..self.len).unwrap_or_default()
    }
}

/// The distance, unless it is above `limit`.
#[expect(clippy::indexing_slicing, reason = "both are at most LONGEST letters, the rows hold one more")]
fn distance(a: &[char], b: &[char], limit: u32) -> Option<u32> {
    if a.len().abs_diff(b.len()) as u32 * EDIT > limit {
        return None;
    }
    let mut before = [0; LONGEST + 1];
    let mut last = [0; LONGEST + 1];
    let mut row = [0; LONGEST + 1];
    for (j, cost) in last.iter_mut().enumerate() {
        *cost = j as u32 * EDIT;
    }
    for i in 1..=a.len() {
        row[0] = i as u32 * EDIT;
        let mut least = row[0];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + substitution(a[i - 1], b[j - 1]);
            let mut cost = substituted.min(last[j] + EDIT).min(row[j - 1] + EDIT);
            if i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]) {
                cost = cost.min(before[j - 2] + EDIT);
            }
            row[j] = cost;
            least = least.min(cost);
        }
        // A transposition reaches back two rows, so one row above the limit is not the end; two are.
        if least > limit + EDIT {
            return None;
        }
        (before, last, row) = (last, row, before);
    }
    Some(last[b.len()]).filter(|distance| *distance <= limit)
}

fn substitution(a: char, b: char) -> u32 {
    match () {
        () if a == b => 0,
        () if same_letter(a, b) => CASE,
        () => EDIT,
    }
}

fn same_letter(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: &[&str] = &["--sport", "--dport", "--source-port", "--tcp-flags", "--syn", "--tcp-option"];

    #[test]
    fn slips_of_the_finger_are_found() {
        for (word, meant) in [
            ("--dprot", Some("--dport")),
            ("--sprot", Some("--sport")),
            ("--dports", Some("--dport")),
            ("--dpor", Some("--dport")),
            ("--sny", Some("--syn")),
            ("--tcp-flag", Some("--tcp-flags")),
            ("--TCP-FLAGS", Some("--tcp-flags")),
            ("--limit", None),
            ("--dport", Some("--sport")),
            ("", None),
            ("--", None),
        ] {
            assert_eq!(closest(word, OPTIONS.iter().copied()), meant, "{word}");
        }
        assert_eq!(closest("masquerade", ["MARK", "MASQUERADE"]), Some("MASQUERADE"));
        assert_eq!(closest("drop", ["DROP", "drip"]), Some("DROP"));
        assert_eq!(closest("x".repeat(1000).as_str(), ["x"]), None);
    }

    #[test]
    fn ties_do_not_depend_on_the_order() {
        assert_eq!(closest("ab", ["ac", "abc", "aa"]), Some("aa"));
        assert_eq!(closest("ab", ["aa", "abc", "ac"]), Some("aa"));
    }

    #[test]
    fn a_transposition_is_one_edit() {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("ab"), &letters("ba"), 99), Some(EDIT));
        assert_eq!(distance(&letters("ab"), &letters("BA"), 99), Some(EDIT));
        assert_eq!(distance(&letters("ab"), &letters("Ab"), 99), Some(CASE));
        assert_eq!(distance(&letters("ab"), &letters(""), 99), Some(2 * EDIT));
        assert_eq!(distance(&letters("abc"), &letters("xyz"), 2 * EDIT), None);
    }

    proptest! {
        #[test]
        fn the_limit_only_cuts_off(a in "[ab]{0,8}", b in "[abA]{0,8}", limit in 0..64_u32) {
            let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
            let full = distance(&a, &b, 1000).unwrap();
            prop_assert_eq!(distance(&b, &a, 1000), Some(full));
            prop_assert_eq!(distance(&a, &b, limit), Some(full).filter(|full| *full <= limit));
        }
    }
}
