//! The options of matches and targets, and what can be said of them only at the end of a rule.

use super::{Finding, Reader, State, has, options};
use crate::diag::codes;
use crate::ext::{Arg, End, Fault, Group, Part, Spec, Takes};
use crate::lower::native;
use crate::model::Inverted;
use crate::source::Text;

impl Reader {
    /// Takes an option of an extension; gives the index of the next word.
    pub(super) fn option(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        index: usize,
        option: usize,
        attached: Option<&[u8]>,
        inverted: Option<usize>,
    ) -> usize {
        let Some(spec) = self.extensions.get(index).map(|it| it.spec) else { return at + 1 };
        let Some(known) = spec.options.get(option) else { return at + 1 };
        let optionlike = |index: usize| {
            state.words.get(index).is_none_or(|word| matches!(word.bytes.first(), Some(b'-' | b'!')))
        };
        let first = at + 1;
        let (count, next) = match known.takes {
            Takes::Nothing => (0, at + 1),
            Takes::Maybe if attached.is_some() => (1, at + 1),
            Takes::Maybe if optionlike(first) => (0, at + 1),
            Takes::Value if attached.is_some() => (1, at + 1),
            Takes::Maybe | Takes::Value => (1, at + 2),
            // The second value must not look like an option, whatever the first is.
            Takes::TwoValues if optionlike(first + usize::from(attached.is_none())) => (2, usize::MAX),
            Takes::TwoValues => (2, at + 2 + usize::from(attached.is_none())),
        };
        if next > state.words.len() {
            if next == usize::MAX {
                let message = format!("`{}` needs two values", state.lossy(at));
                self.fault(at, Fault::new(codes::PARSE_MISSING_VALUE, message));
                return (at + 2).min(state.words.len());
            }
            self.missing_value(state, at);
            return state.words.len();
        }
        if inverted.is_some() && !known.negatable {
            self.not_negatable(state, at);
            return next;
        }
        let values_at = at + usize::from(attached.is_none());
        let value = match (count, attached) {
            (0, _) => &[][..],
            (_, Some(attached)) => attached,
            _ => state.bytes(values_at),
        };
        let second = if count == 2 { state.bytes(values_at + 1) } else { &[] };
        let words = state.text;
        let text = |which: usize| match (which, attached) {
            (0, Some(attached)) => Text::from(attached),
            _ => words(values_at + which),
        };
        let Some(extension) = self.extensions.get_mut(index) else { return next };
        let bit = 1u64 << (option % 64);
        if extension.seen & bit != 0 && !known.repeatable {
            self.repeated(state, at);
            return next;
        }
        extension.seen |= bit;
        let mut arg = Arg {
            context: state.scope.context,
            inverted: inverted.is_some(),
            proto: (state.rule.proto, state.rule.inverted.has(Inverted::PROTO)),
            names: state.scope.names,
            option: known.name,
            has_value: count > 0,
            values: [value, second],
            texts: &text,
            warnings: &mut self.warnings,
        };
        let result = extension.option(state.rule, known.name, &mut arg);
        let word = |fault: &Fault| match fault.part() {
            Part::Option | Part::Extension => at,
            Part::Value => values_at.min(state.words.len() - 1),
            Part::Second => values_at + 1,
        };
        if !self.warnings.is_empty() {
            for fault in self.warnings.drain(..) {
                let word = Some(word(&fault));
                self.findings.push(Finding { fault, word, warning: true, fix: None });
            }
        }
        if let Err(fault) = result {
            let word = Some(word(&fault));
            self.findings.push(Finding { fault, word, warning: false, fix: None });
        }
        next
    }

    /// What can be said only when all words are read.
    pub(super) fn finish(&mut self, state: &mut State<'_, '_>) {
        if self.findings.iter().any(|finding| !finding.warning) {
            return;
        }
        let extensions = std::mem::take(&mut self.extensions);
        let proto = (state.rule.proto, state.rule.inverted.has(Inverted::PROTO));
        for extension in &extensions {
            let at = (extension.at != usize::MAX).then_some(extension.at);
            self.groups(extension.spec, extension.seen, at);
            let seen = |name: &str| has(extension.spec, extension.seen, name);
            let mut end =
                End { context: state.scope.context, proto, seen: &seen, warnings: &mut self.warnings };
            let result = extension.finish(state.rule, &mut end);
            if !self.warnings.is_empty() {
                for fault in self.warnings.drain(..) {
                    self.findings.push(Finding { fault, word: at, warning: true, fix: None });
                }
            }
            if let Err(fault) = result {
                self.findings.push(Finding { fault, word: at, warning: false, fix: None });
            }
        }
        self.extensions = extensions;
        if let Some(fault) = native::gather(state.rule, state.scope.context.dialect) {
            self.findings.push(Finding { fault, word: None, warning: true, fix: None });
        }
    }

    fn groups(&mut self, spec: &'static Spec, seen: u64, at: Option<usize>) {
        for (index, option) in spec.options.iter().enumerate() {
            if option.required && seen & (1 << index) == 0 {
                self.missing(spec, &format!("`--{}`", option.name), at);
            }
        }
        for group in spec.groups {
            // Two options are needed to exclude each other, and most rules have one.
            if seen.count_ones() < 2 && matches!(group, Group::AtMostOne(_) | Group::Excludes(..)) {
                continue;
            }
            let given = |names: &[&str]| names.iter().filter(|name| has(spec, seen, name)).count();
            let list =
                |names: &[&str]| names.iter().map(|it| format!("`--{it}`")).collect::<Vec<_>>().join(", ");
            match *group {
                Group::ExactlyOne(names) | Group::AtLeastOne(names) if given(names) == 0 => {
                    self.missing(spec, &format!("one of {}", list(names)), at);
                }
                Group::ExactlyOne(names) | Group::AtMostOne(names) if given(names) > 1 => {
                    self.conflict(spec, &format!("at most one of {}", list(names)), at);
                }
                Group::Needs(name, other) if has(spec, seen, name) && !has(spec, seen, other) => {
                    self.conflict(spec, &format!("`--{name}` only with `--{other}`"), at);
                }
                Group::Excludes(name, others) if has(spec, seen, name) && given(others) > 0 => {
                    self.conflict(spec, &format!("`--{name}` not with {}", list(others)), at);
                }
                _ => {}
            }
        }
    }

    fn missing(&mut self, spec: &Spec, names: &str, at: Option<usize>) {
        let message = format!("{} `{}` needs {names}", options::kind_name(spec.kind), spec.name);
        let fault = Fault::new(codes::PARSE_MISSING_OPTION, message);
        self.findings.push(Finding { fault, word: at, warning: false, fix: None });
    }

    fn conflict(&mut self, spec: &Spec, what: &str, at: Option<usize>) {
        let message = format!("{} `{}` takes {what}", options::kind_name(spec.kind), spec.name);
        let fault = Fault::new(codes::PARSE_OPTION_CONFLICT, message);
        self.findings.push(Finding { fault, word: at, warning: false, fix: None });
    }
}
