//! The words of a rule, and a rule with some of them changed.

use crate::program::{Args, Body, Rule};
use crate::source::Text;
use crate::text::lex::{self, Word};
use crate::value::quote;

/// A word that changes: its place, and what stands there instead; nothing, if it goes.
pub(super) type Edit = (usize, Option<Vec<u8>>);

/// All words of a rule that is no composite.
pub(super) fn of(rule: &Rule) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    match &rule.body {
        Body::Args(args) => args.iter().for_each(|arg| arg.words(&mut words)),
        Body::Line(text) => {
            lex::words(text, &mut words);
        }
        Body::Composite(_) => {}
    }
    words
}

/// The rule with these words changed.
pub(super) fn edited(rule: &Rule, edits: &[Edit]) -> Rule {
    let mut made = rule.clone();
    if edits.is_empty() {
        return made;
    }
    let edit = |at: usize| edits.iter().find(|it| it.0 == at).map(|it| &it.1);
    match &rule.body {
        Body::Args(args) => {
            let mut changed = Args::new();
            let mut first = 0;
            for arg in args.iter() {
                let mut words = Vec::new();
                arg.words(&mut words);
                let end = first + words.len();
                if edits.iter().any(|it| (first..end).contains(&it.0)) {
                    let kept = words.iter().enumerate().filter_map(|(at, word)| match edit(first + at) {
                        None => Some(word.bytes.as_ref()),
                        Some(other) => other.as_deref(),
                    });
                    changed.replaced(arg, kept);
                } else {
                    changed.kept(arg);
                }
                first = end;
            }
            made.body = Body::Args(changed);
        }
        Body::Line(_) => {
            let mut line = Vec::new();
            for (at, word) in of(rule).iter().enumerate() {
                let word = match edit(at) {
                    None => Some(word.bytes.as_ref()),
                    Some(other) => other.as_deref(),
                };
                let Some(word) = word else { continue };
                if !line.is_empty() {
                    line.push(b' ');
                }
                quote::push_kept(&mut line, word);
            }
            made.body = Body::Line(Text::new(line));
        }
        Body::Composite(_) => {}
    }
    made
}
