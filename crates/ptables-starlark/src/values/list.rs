//! Matches, channels, and other lists of arguments.

use std::fmt;
use std::sync::Arc;

use ptables::program::{Call, Channel};
use starlark::eval::Evaluator;

use starlark::values::{StarlarkValue, Value, starlark_value};

use super::{handle, rule};
use crate::error::fail;
use crate::given::{Given, commas, items};

handle! {
    /// A list of arguments.
    List(ListData)
}

pub(crate) struct ListData {
    class: &'static str,
    pub(crate) call: Call,
    /// As comments name it.
    pub(crate) shown: String,
}

impl List {
    pub(crate) fn new(class: &'static str, call: Call, shown: Option<String>) -> List {
        let shown = shown.unwrap_or_else(|| call.shown());
        List(Arc::new(ListData { class, call, shown }))
    }

    /// `Match(name, **options)`.
    pub(crate) fn matching<'v>(mut given: Given<'v>) -> starlark::Result<List> {
        // The name may be given by name, unless that is an option of the match as well (`recent`).
        let name = match given.next() {
            Some(name) => name,
            None => given.must("name")?,
        };
        let Some(name) = name.unpack_str() else { return fail("the name of a match is a string".to_owned()) };
        let mut call = Call::matching(name);
        rule::named(&mut call, given.others())?;
        given.end()?;
        Ok(List::new("Match", call, None))
    }

    /// `Channel(**options)`, and what its subclasses in PyPTables are: states, ports and types of messages.
    pub(crate) fn channel<'v>(
        class: &'static str,
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<List> {
        let mut call = Call::channel();
        // Positional arguments are those of PyPTables's classes.
        let first: &[&str] = match class {
            "StatefulChannel" => &["states", "args"],
            "PortChannel" => &["sports", "dports", "args"],
            "ICMPChannel" => &["icmp_type", "args"],
            _ => &[],
        };
        let mut own = Vec::new();
        for name in first {
            own.push((*name, given.maybe(name)?));
        }
        let take = |name: &str, given: &mut Given<'v>| {
            own.iter()
                .find(|(known, _)| *known == name)
                .map_or_else(|| given.named(name), |(_, value)| *value)
        };
        let states = if class == "Channel" { None } else { commas("states", take("states", &mut given))? };
        let takes_ports = matches!(class, "PortChannel" | "TCPChannel" | "UDPChannel");
        let mut ports = Vec::new();
        for name in ["sports", "dports"] {
            ports.push(if takes_ports { commas(name, take(name, &mut given))? } else { None });
        }
        let kind =
            if class == "ICMPChannel" { commas("icmp_type", take("icmp_type", &mut given))? } else { None };
        let lists = take("args", &mut given).filter(|it| !it.is_none());
        let lists = lists.map(|it| items("args", it, eval.heap())).transpose()?.unwrap_or_default();
        let fixed = match class {
            "TCPChannel" => Some("tcp"),
            "UDPChannel" => Some("udp"),
            "ICMPChannel" => Some("icmp"),
            _ => None,
        };
        if let Some(proto) = fixed {
            add(&mut call, "proto", proto)?;
        }
        if let Some(kind) = &kind {
            add(&mut call, "icmp_type", kind)?;
        }
        rule::named(&mut call, given.others())?;
        given.end()?;
        for list in lists {
            call.list(List::call_of(list)?);
        }
        if ports.iter().any(Option::is_some) {
            let mut multiport = Call::matching("multiport");
            for name in ["dports", "sports"] {
                let at = usize::from(name == "dports");
                if let Some(Some(value)) = ports.get(at) {
                    add(&mut multiport, name, value)?;
                }
            }
            call.list(multiport);
        }
        if let Some(states) = &states {
            let mut conntrack = Call::matching("conntrack");
            add(&mut conntrack, "ctstate", states)?;
            call.list(conntrack);
        }
        let shown = channel_name(class, &call);
        Ok(List::new(class, call, Some(shown)))
    }

    /// `ArgumentList(**options)`.
    pub(crate) fn arguments<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<List> {
        let lists = given.named("args").filter(|it| !it.is_none());
        let lists = lists.map(|it| items("args", it, eval.heap())).transpose()?.unwrap_or_default();
        let mut call = Call::new();
        rule::named(&mut call, given.others())?;
        given.end()?;
        for list in lists {
            call.list(List::call_of(list)?);
        }
        Ok(List::new("ArgumentList", call, None))
    }

    /// The arguments of a value that must be a list of them.
    pub(crate) fn call_of(value: Value<'_>) -> starlark::Result<Call> {
        match List::from_value(value) {
            Some(list) => Ok(list.0.call.clone()),
            None => fail(format!("`args` must hold matches or argument lists, not {}", value.get_type())),
        }
    }

    /// A value that must be a channel.
    pub(crate) fn channel_of(value: Value<'_>) -> starlark::Result<Channel> {
        match List::from_value(value) {
            Some(list) => Ok(Channel { shown: list.0.shown.clone(), call: list.0.call.clone() }),
            None => fail(format!("`channels` must hold channels, not {}", value.get_type())),
        }
    }
}

fn add(call: &mut Call, name: &str, value: &str) -> starlark::Result<()> {
    call.add(name, [value.as_bytes()]).or_else(|error| fail(error.to_string()))
}

/// How comments name a channel: its protocol, states, ports or type.
fn channel_name(class: &str, call: &Call) -> String {
    let value = |name: &str| call.value(name).map(|it| String::from_utf8_lossy(it).into_owned());
    let any = |name: &str| value(name).unwrap_or_else(|| "any".to_owned());
    let mut shown = any("proto");
    if class != "Channel"
        && let Some(states) = value("ctstate")
    {
        shown = format!("{shown}, {states}");
    }
    match class {
        "PortChannel" | "TCPChannel" | "UDPChannel" => {
            format!("{shown}, ports {} -> {}", any("sports"), any("dports"))
        }
        "ICMPChannel" => format!("{shown}, type {}", any("icmp_type")),
        _ => shown,
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

#[starlark_value(type = "ArgumentList")]
impl<'v> StarlarkValue<'v> for List {
    fn collect_repr(&self, collector: &mut String) {
        collector.push_str(&format!("<{}: {}>", self.0.class, self.0.call.shown()));
    }
}
