//! The names that scripts find: PyPTables's classes and functions.
#![expect(
    clippy::panic,
    reason = "StarlarkPagablePanic, which starlark asks of a value that is never paged out, is made of it"
)]

use std::fmt;

use ptables::expect::Expectation;
use starlark::environment::GlobalsBuilder;
use starlark::eval::{Arguments, Evaluator};

use starlark::values::list::AllocList;
use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::chain::ChainValue;
use super::firewall::{self, FirewallValue};
use super::list::List;
use super::place::PlaceValue;
use super::route;
use super::rule::{Kind, RuleValue};
use super::tables::{TableValue, TablesValue};
use crate::context::Context;
use crate::error::fail;
use crate::given::Given;

/// A class or function, by its name.
#[derive(
    Clone,
    Copy,
    Debug,
    starlark::any::ProvidesStaticType,
    starlark::values::NoSerialize,
    starlark::StarlarkPagablePanic,
    allocative::Allocative,
)]
pub(crate) struct Class(&'static str);
starlark::starlark_simple_value!(Class);

/// All names that are not rules ready to be called.
const CLASSES: [&str; 37] = [
    "ArgumentList",
    "BuiltinChain",
    "Channel",
    "CompositeRule",
    "CustomRule",
    "DropMarked",
    "AcceptMarked",
    "Firewall",
    "ForwardingRule",
    "HostList",
    "HostRange",
    "Hosts",
    "ICMPChannel",
    "IPSet",
    "InputRule",
    "Jump",
    "Location",
    "Mark",
    "Marked",
    "Match",
    "PortChannel",
    "Rule",
    "StatefulChannel",
    "TCPChannel",
    "Table",
    "Tables",
    "UDPChannel",
    "UserChain",
    "Zone",
    "default_tables",
    "expect",
    "restore",
    "Hosts.from_ip_list",
    "Location.from_ip_list",
    "read_list",
    "service",
    "setting",
];

/// Rules that only jump.
const STOCK: [(&str, &str); 6] = [
    ("Accept", "ACCEPT"),
    ("Drop", "DROP"),
    ("Reject", "REJECT"),
    ("Return", "RETURN"),
    ("Redirect", "REDIRECT"),
    ("Log", "LOG"),
];

/// All names of PyPTables and ptables that scripts find, some within others (`Hosts.from_ip_list`).
pub fn names() -> impl Iterator<Item = &'static str> {
    CLASSES.into_iter().chain(STOCK.iter().map(|it| it.0))
}

/// Puts all names among those that scripts find.
pub(crate) fn globals(builder: &mut GlobalsBuilder) {
    for name in CLASSES.iter().filter(|name| !name.contains('.')) {
        builder.set(name, Class(name));
    }
    for verdict in ["ACCEPT", "DROP", "REJECT", "BLOCK"] {
        builder.set(verdict, verdict);
    }
    for (name, target) in STOCK {
        let mut call = ptables::program::Call::new();
        // A plain name: it cannot be refused.
        let _ = call.add("jump", [target.as_bytes()]);
        builder.set(name, RuleValue::new(ptables::origin::Origin::Unknown, None, Kind::Call(call)));
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[starlark_value(type = "class")]
impl<'v> StarlarkValue<'v> for Class {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let heap = eval.heap();
        let mut given = Given::new(self.0, args, heap)?;
        Ok(match self.0 {
            "Rule" => heap.alloc(RuleValue::construct(&[], given, eval)?),
            "CustomRule" => heap.alloc(RuleValue::custom(given, eval)?),
            "CompositeRule" => heap.alloc(RuleValue::composite(given, eval)?),
            "InputRule" => heap.alloc(route::input(given, eval)?),
            "ForwardingRule" => heap.alloc(route::forwarding(given, eval)?),
            "Jump" => heap.alloc(jump(given, eval)?),
            "Mark" => {
                let mark = given.must("mark")?.to_str();
                heap.alloc(RuleValue::construct(&[("jump", "MARK"), ("set_mark", &mark)], given, eval)?)
            }
            "Marked" => heap.alloc(marked(None, given, eval)?),
            "DropMarked" => heap.alloc(marked(Some("DROP"), given, eval)?),
            "AcceptMarked" => heap.alloc(marked(Some("ACCEPT"), given, eval)?),
            "Match" => heap.alloc(List::matching(given)?),
            "ArgumentList" => heap.alloc(List::arguments(given, eval)?),
            "Channel" | "StatefulChannel" | "PortChannel" | "TCPChannel" | "UDPChannel" | "ICMPChannel" => {
                heap.alloc(List::channel(self.0, given, eval)?)
            }
            "Zone" => heap.alloc(PlaceValue::zone(given)?),
            "Location" => heap.alloc(PlaceValue::location(given)?),
            "HostList" => heap.alloc(PlaceValue::list(given)?),
            "HostRange" => heap.alloc(PlaceValue::range(given)?),
            "IPSet" => heap.alloc(PlaceValue::set(given, eval)?),
            "Hosts.from_ip_list" => heap.alloc(AllocList(PlaceValue::hosts(given, "string", eval)?)),
            "Location.from_ip_list" => heap.alloc(AllocList(PlaceValue::locations(given, eval)?)),
            "Firewall" => heap.alloc(FirewallValue::construct(given, eval)?),
            "service" => heap.alloc(firewall::service(given)?),
            "BuiltinChain" => heap.alloc(ChainValue::construct(true, given, eval)?),
            "UserChain" => heap.alloc(ChainValue::construct(false, given, eval)?),
            "Table" => heap.alloc(TableValue::construct(given, eval)?),
            "Tables" => heap.alloc(TablesValue::construct(given, eval)?),
            "default_tables" => heap.alloc(TablesValue::default_tables(given, eval)?),
            "restore" => {
                let tables = TablesValue::of(given.must("tables")?)?;
                given.end()?;
                Context::of(eval)?.restored.borrow_mut().push(tables);
                Value::new_none()
            }
            "expect" => {
                let (packet, verdict) = (given.must("packet")?.to_str(), given.must("verdict")?.to_str());
                given.end()?;
                let context = Context::of(eval)?;
                match Expectation::new(&verdict, &packet, context.origins.here(eval)) {
                    Ok(it) => context.expectations.borrow_mut().push(it),
                    Err(error) => context.diagnostics.borrow_mut().push(*error),
                }
                Value::new_none()
            }
            "setting" => {
                let name = given.must("name")?.to_str();
                let default = given.maybe("default")?;
                given.end()?;
                match (Context::of(eval)?.settings.get(&name), default) {
                    (Some(value), _) => heap.alloc(value.as_str()),
                    (None, Some(default)) => default,
                    (None, None) => return fail(format!("give a value with `--set {name}=…`")),
                }
            }
            "read_list" => {
                let file = given.must("file")?.to_str();
                given.end()?;
                let text = Context::of(eval)?.files.read(&file).or_else(fail)?;
                let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
                let words: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
                heap.alloc(AllocList(words))
            }
            _ => return fail(format!("`{}` is a name space: it cannot be called", self.0)),
        })
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match (self.0, attribute) {
            (
                "Rule" | "Jump" | "Mark" | "Marked",
                "NONE" | "ACCEPT" | "DROP" | "REJECT" | "RETURN" | "REDIRECT" | "LOG",
            ) => Some(heap.alloc(attribute)),
            ("Rule", "TCP" | "UDP" | "ICMP" | "IGMP") => Some(heap.alloc(attribute.to_lowercase())),
            ("Hosts", "from_ip_list") => Some(heap.alloc(Class("Hosts.from_ip_list"))),
            ("Location", "from_ip_list") => Some(heap.alloc(Class("Location.from_ip_list"))),
            _ => None,
        }
    }
}

/// `Jump(chain)`: a rule that jumps to a chain, with its comment.
fn jump<'v>(mut given: Given<'v>, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<RuleValue> {
    let chain = given.must("chain")?;
    let Some(chain) = ChainValue::from_value(chain) else {
        return fail(format!("Jump needs a chain, not {}", chain.get_type()));
    };
    let name = chain.0.name.clone();
    let made = RuleValue::construct(&[("jump", &name)], given, eval)?;
    if made.0.comment.is_some() {
        return Ok(made);
    }
    let Kind::Call(call) = &made.0.kind else { return Ok(made) };
    Ok(RuleValue::new(made.0.origin.clone(), chain.comment(), Kind::Call(call.clone())))
}

/// `Marked(mark)`: a rule for packets with a mark.
fn marked<'v>(
    target: Option<&str>,
    mut given: Given<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<RuleValue> {
    let mark = given.must("mark")?;
    let mark = match RuleValue::from_value(mark).map(|it| &it.0.kind) {
        Some(Kind::Call(call)) => match call.value("set_mark").or_else(|| call.value("mark")) {
            Some(mark) => String::from_utf8_lossy(mark).into_owned(),
            None => return fail("this rule sets no mark".to_owned()),
        },
        _ => mark.to_str(),
    };
    let mut fixed = vec![("match", "mark"), ("mark", mark.as_str())];
    fixed.extend(target.map(|target| ("jump", target)));
    RuleValue::construct(&fixed, given, eval)
}
