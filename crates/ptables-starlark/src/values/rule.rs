//! Rules: templates that can be called, lines in the user's words, several under one heading.

use std::fmt;
use std::sync::Arc;

use ptables::origin::Origin;
use ptables::program::{Body, Call, Keyword, KeywordError, Known, Rule};
use ptables::source::Text;
use ptables::value::quote;
use starlark::eval::{Arguments, Evaluator};

use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::handle;
use super::list::List;
use crate::context::Context;
use crate::error::{fail, no};
use crate::given::{Given, items, text, words};

handle! {
    /// A rule.
    RuleValue(RuleData)
}

/// What a rule says.
pub(crate) struct RuleData {
    pub(crate) origin: Origin,
    pub(crate) comment: Option<String>,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Call(Call),
    Custom(String),
    Composite(Vec<RuleValue>),
    /// Made by the library.
    Made(Box<Rule>),
}

impl RuleValue {
    pub(crate) fn new(origin: Origin, comment: Option<String>, kind: Kind) -> RuleValue {
        let comment = comment.filter(|it| !it.is_empty());
        RuleValue(Arc::new(RuleData { origin, comment, kind }))
    }

    /// A rule of named arguments, over a template.
    pub(crate) fn call<'v>(
        template: Option<&RuleValue>,
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<RuleValue> {
        let comment = text("comment", given.maybe("comment")?)?;
        let lists = given.maybe("args")?;
        let mut call = Call::new();
        named(&mut call, given.others())?;
        if let Some(lists) = lists.filter(|it| !it.is_none()) {
            for list in items("args", lists, eval.heap())? {
                call.list(List::call_of(list)?);
            }
        }
        given.end()?;
        let (call, comment) = match template.map(|it| (&it.0.kind, &it.0.comment)) {
            None => (call, comment),
            Some((Kind::Call(template), known)) => {
                (call.over(template), comment.filter(|it| !it.is_empty()).or_else(|| known.clone()))
            }
            Some(_) => return fail("only rules of named arguments are templates".to_owned()),
        };
        Ok(RuleValue::new(Context::of(eval)?.origins.here(eval), comment, Kind::Call(call)))
    }

    /// `Rule(comment, args, **options)` and the rules that begin so.
    pub(crate) fn construct<'v>(
        fixed: &[(&str, &str)],
        given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<RuleValue> {
        let made = RuleValue::call(None, given, eval)?;
        let (Kind::Call(call), false) = (&made.0.kind, fixed.is_empty()) else { return Ok(made) };
        let mut call = call.clone();
        for (name, value) in fixed {
            call.add(name, [value.as_bytes()]).or_else(|error| fail(error.to_string()))?;
        }
        Ok(RuleValue::new(made.0.origin.clone(), made.0.comment.clone(), Kind::Call(call)))
    }

    /// `CustomRule(rule, comment)`.
    pub(crate) fn custom<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<RuleValue> {
        let rule = text("rule", Some(given.must("rule")?))?.unwrap_or_default();
        let comment = text("comment", given.maybe("comment")?)?;
        given.end()?;
        Ok(RuleValue::new(Context::of(eval)?.origins.here(eval), comment, Kind::Custom(rule)))
    }

    /// `CompositeRule(rules, comment)`.
    pub(crate) fn composite<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<RuleValue> {
        let rules = items("rules", given.must("rules")?, eval.heap())?;
        let comment = text("comment", given.maybe("comment")?)?;
        given.end()?;
        let rules = rules.into_iter().map(RuleValue::of).collect::<starlark::Result<_>>()?;
        Ok(RuleValue::new(Context::of(eval)?.origins.here(eval), comment, Kind::Composite(rules)))
    }

    /// A rule of a program, as a handle.
    pub(crate) fn of_program(rule: Rule) -> RuleValue {
        let comment = rule.comment().map(|it| String::from_utf8_lossy(&it).into_owned());
        RuleValue::new(rule.origin.clone(), comment, Kind::Made(Box::new(rule)))
    }

    /// A value that must be a rule.
    pub(crate) fn of(value: Value<'_>) -> starlark::Result<RuleValue> {
        match RuleValue::from_value(value) {
            Some(rule) => Ok(rule.clone()),
            None => fail(format!("this is no rule but {}: {}", value.get_type(), value.to_repr())),
        }
    }

    /// The rule of the program.
    pub(crate) fn program(&self) -> Rule {
        let RuleData { origin, comment, kind } = &*self.0;
        match kind {
            Kind::Call(call) => {
                let mut args = call.args();
                if let Some(comment) = comment {
                    args.set_comment(comment.as_bytes());
                }
                Rule::from_args(origin.clone(), args)
            }
            Kind::Custom(line) => self.under_heading(vec![custom(origin, line, comment)]),
            Kind::Composite(rules) => {
                self.under_heading(rules.iter().flat_map(|it| flat(it.program())).collect())
            }
            Kind::Made(rule) => Rule::clone(rule),
        }
    }

    /// These rules under the comment of this one.
    fn under_heading(&self, rules: Vec<Rule>) -> Rule {
        let mut rule = Rule::composite(self.0.comment.as_deref().map(Text::from), rules);
        rule.origin = self.0.origin.clone();
        rule
    }
}

/// A rule in the user's words, with its comment behind them.
fn custom(origin: &Origin, line: &str, comment: &Option<String>) -> Rule {
    let mut text = line.as_bytes().to_vec();
    if let Some(comment) = comment {
        text.extend_from_slice(b" -m comment --comment ");
        quote::push_kept(&mut text, comment.as_bytes());
    }
    let mut rule = Rule::custom(Text::new(text));
    rule.origin = origin.clone();
    rule
}

/// The rules of a composite within another: only the outer one has a heading.
fn flat(rule: Rule) -> Vec<Rule> {
    match rule.body {
        Body::Composite(inner) => inner.rules.into_iter().flat_map(flat).collect(),
        _ => vec![rule],
    }
}

/// Adds named arguments, as a script gave them.
pub(crate) fn named<'v>(
    call: &mut Call,
    given: impl IntoIterator<Item = (&'v str, Value<'v>)>,
) -> starlark::Result<()> {
    for (name, value) in given {
        let refused = |error: KeywordError| no(format!("`{name}`: {error}"));
        let keyword = Keyword::parse(name).map_err(refused)?;
        let added = match value.unpack_str() {
            Some(text) => call.keyword(keyword, [text.as_bytes()]),
            None if Known::find(keyword.name).is_some() => {
                return fail(format!("`{name}` must be a string, not {}", value.get_type()));
            }
            None => call.keyword(keyword, words(name, value)?.iter().map(String::as_bytes)),
        };
        added.map_err(refused)?;
    }
    Ok(())
}

impl fmt::Display for RuleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Call(call) => write!(f, "<Rule: {}>", call.shown()),
            Kind::Custom(line) => write!(f, "<CustomRule: {line}>"),
            Kind::Composite(rules) => write!(f, "<CompositeRule: {} rules>", rules.len()),
            Kind::Made(_) => write!(f, "<Rule: {}>", self.0.comment.as_deref().unwrap_or_default()),
        }
    }
}

#[starlark_value(type = "Rule")]
impl<'v> StarlarkValue<'v> for RuleValue {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let given = Given::new("a rule", args, eval.heap())?;
        let made = RuleValue::call(Some(self), given, eval)?;
        Ok(eval.heap().alloc(made))
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match (attribute, &self.0.kind) {
            ("comment", _) => Some(self.0.comment.as_deref().map_or(Value::new_none(), |it| heap.alloc(it))),
            ("mark", Kind::Call(call)) => {
                let mark = call.value("set_mark").or_else(|| call.value("mark"))?;
                Some(heap.alloc(String::from_utf8_lossy(mark).into_owned()))
            }
            _ => None,
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        vec!["comment".to_owned()]
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(RuleValue::from_value(other).is_some_and(|other| Arc::ptr_eq(&self.0, &other.0)))
    }
}
