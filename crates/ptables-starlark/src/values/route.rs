//! `InputRule` and `ForwardingRule`.

use ptables::origin::Origin;
use ptables::program::{Call, Route};
use starlark::eval::Evaluator;
use starlark::values::Value;

use super::list::List;
use super::place::PlaceValue;
use super::rule::{Kind, RuleValue};
use crate::context::Context;
use crate::error::fail;
use crate::given::{Given, items, text};

/// `InputRule(policy, sources, channels, log, log_id, log_cls, comment)`.
pub(crate) fn input<'v>(
    mut given: Given<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<RuleValue> {
    let mut route = Route { prefix: "IN", ..Route::default() };
    route.policy = policy(given.must("policy")?)?;
    route.sources = places("sources", given.maybe("sources")?, eval)?;
    rest(route, given, eval)
}

/// `ForwardingRule(policy, sources, destinations, channels, log, log_id, log_cls, comment, args)`.
pub(crate) fn forwarding<'v>(
    mut given: Given<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<RuleValue> {
    let mut route = Route { prefix: "FWD", ..Route::default() };
    route.policy = policy(given.must("policy")?)?;
    route.sources = places("sources", Some(given.must("sources")?), eval)?;
    route.destinations = places("destinations", Some(given.must("destinations")?), eval)?;
    rest(route, given, eval)
}

fn rest<'v>(
    mut route: Route,
    mut given: Given<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<RuleValue> {
    if let Some(channels) = given.maybe("channels")? {
        let channels = items("channels", channels, eval.heap())?;
        route.channels = channels.into_iter().map(List::channel_of).collect::<starlark::Result<_>>()?;
    }
    let log = given.maybe("log")?.is_some_and(|it| it.to_bool());
    route.log_id = given.maybe("log_id")?.filter(|it| !it.is_none()).map(|it| it.to_str());
    let template = given.maybe("log_cls")?.filter(|it| !it.is_none());
    if log {
        route.log = Some(log_template(template)?);
    }
    let comment = text("comment", given.maybe("comment")?)?;
    if route.prefix == "FWD"
        && let Some(args) = given.maybe("args")?.filter(|it| !it.is_none())
    {
        let args = items("args", args, eval.heap())?;
        route.args = args.into_iter().map(List::call_of).collect::<starlark::Result<_>>()?;
    }
    given.end()?;
    route.comment = comment.clone();
    let origin = Context::of(eval)?.origins.here(eval);
    let rules = route.rules().or_else(|error| fail(error.to_string()))?;
    let made = |call: Call, comment: Option<String>| {
        RuleValue::new(Origin::clone(&origin), comment, Kind::Call(call))
    };
    let rules = rules.into_iter().map(|it| made(it.call, it.comment)).collect();
    Ok(RuleValue::new(origin.clone(), comment, Kind::Composite(rules)))
}

fn log_template(template: Option<Value<'_>>) -> starlark::Result<Call> {
    let Some(template) = template else {
        let mut call = Call::new();
        call.add("jump", [b"LOG".as_slice()]).or_else(|error| fail(error.to_string()))?;
        return Ok(call);
    };
    match RuleValue::from_value(template).map(|it| &it.0.kind) {
        Some(Kind::Call(call)) => Ok(call.clone()),
        _ => fail(
            "`log_cls` must be a rule such as `Log`: here it is called with `prefix` and `comment`"
                .to_owned(),
        ),
    }
}

fn policy(value: Value<'_>) -> starlark::Result<String> {
    text("policy", Some(value)).map(Option::unwrap_or_default)
}

fn places<'v>(
    name: &str,
    value: Option<Value<'v>>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Vec<ptables::program::Place>> {
    let Some(value) = value.filter(|it| !it.is_none()) else { return Ok(Vec::new()) };
    let places = items(name, value, eval.heap())?;
    places.into_iter().map(|it| Ok(PlaceValue::of(name, it)?.0.place.clone())).collect()
}
