//! Where packets come from and go to: zones, locations, hosts, sets.

use std::fmt;
use std::sync::Arc;

use ptables::program::{Call, IpSet, Place};
use ptables::source::Text;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::handle;
use super::list::List;
use crate::context::Context;
use crate::error::fail;
use crate::given::{Given, items, text, words};

handle! {
    /// A place.
    PlaceValue(PlaceData)
}

pub(crate) struct PlaceData {
    class: &'static str,
    name: String,
    pub(crate) place: Place,
    /// A set with its type, that tables can declare.
    set: Option<IpSet>,
}

impl PlaceValue {
    fn new(class: &'static str, name: &str, shown: String, input: Call, output: Call) -> PlaceValue {
        let place = Place { shown, input, output };
        PlaceValue(Arc::new(PlaceData { class, name: name.to_owned(), place, set: None }))
    }

    /// The set as it was declared.
    pub(crate) fn declared(&self) -> Option<&IpSet> {
        self.0.set.as_ref()
    }

    /// `Zone(name, interface, physdev)`.
    pub(crate) fn zone(mut given: Given<'_>) -> starlark::Result<PlaceValue> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let interface = text("interface", Some(given.must("interface")?))?.unwrap_or_default();
        let physdev = text("physdev", given.maybe("physdev")?)?;
        given.end()?;
        let side = |interface_option: &str, port_option: &str| -> starlark::Result<Call> {
            let mut call = one(interface_option, &interface)?;
            if let Some(port) = &physdev {
                let mut matching = Call::matching("physdev");
                add(&mut matching, port_option, std::slice::from_ref(port))?;
                call.list(matching);
            }
            Ok(call)
        };
        let (input, output) = (side("in_interface", "physdev_in")?, side("out_interface", "physdev_out")?);
        Ok(PlaceValue::new("Zone", &name, name.clone(), input, output))
    }

    /// `Location(name, zone, hosts)`.
    pub(crate) fn location(mut given: Given<'_>) -> starlark::Result<PlaceValue> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let zone = PlaceValue::maybe("zone", given.maybe("zone")?)?;
        let hosts = PlaceValue::maybe("hosts", given.maybe("hosts")?)?;
        given.end()?;
        Ok(PlaceValue::located(&name, zone.as_ref(), hosts.as_ref()))
    }

    fn located(name: &str, zone: Option<&PlaceValue>, hosts: Option<&PlaceValue>) -> PlaceValue {
        let (mut input, mut output) = (Call::new(), Call::new());
        for part in zone.iter().chain(hosts.iter()) {
            input.list(part.0.place.input.clone());
            output.list(part.0.place.output.clone());
        }
        let shown = match hosts {
            Some(_) => {
                format!("{}: {name}", zone.map_or("Anywhere", |it| it.0.place.shown.as_str()))
            }
            None => name.to_owned(),
        };
        PlaceValue::new("Location", name, shown, input, output)
    }

    /// `Location.from_ip_list(name, zone, ips)`.
    pub(crate) fn locations<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<PlaceValue>> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let zone = PlaceValue::maybe("zone", given.maybe("zone")?)?;
        let hosts = PlaceValue::hosts(given, "ips", eval)?;
        Ok(hosts.iter().map(|it| PlaceValue::located(&name, zone.as_ref(), Some(it))).collect())
    }

    /// `Hosts.from_ip_list(string)`: the addresses together, each range for itself.
    pub(crate) fn hosts<'v>(
        mut given: Given<'v>,
        argument: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<PlaceValue>> {
        let value = given.must(argument)?;
        given.end()?;
        let words: Vec<String> = match value.unpack_str() {
            Some(text) => text.replace(',', " ").split_whitespace().map(str::to_owned).collect(),
            None if value.is_none() => Vec::new(),
            None => items(argument, value, eval.heap())?.into_iter().map(|it| it.to_str()).collect(),
        };
        if words.is_empty() {
            let context = Context::of(eval)?;
            context.warn(eval, "an empty list of hosts: a rule that takes it matches everybody");
        }
        let (ranges, hosts): (Vec<String>, Vec<String>) = words.into_iter().partition(|it| it.contains('-'));
        let mut places = Vec::new();
        if !hosts.is_empty() {
            places.push(PlaceValue::host_list(&hosts)?);
        }
        for range in &ranges {
            places.push(PlaceValue::host_range(range)?);
        }
        Ok(places)
    }

    /// `HostList(hosts)`.
    pub(crate) fn list(mut given: Given<'_>) -> starlark::Result<PlaceValue> {
        let hosts = words("hosts", given.must("hosts")?)?;
        given.end()?;
        PlaceValue::host_list(&hosts)
    }

    fn host_list(hosts: &[String]) -> starlark::Result<PlaceValue> {
        let hosts = hosts.join(",");
        Ok(PlaceValue::new(
            "HostList",
            "",
            hosts.clone(),
            one("source", &hosts)?,
            one("destination", &hosts)?,
        ))
    }

    /// `HostRange(range)`.
    pub(crate) fn range(mut given: Given<'_>) -> starlark::Result<PlaceValue> {
        let range = text("range", Some(given.must("range")?))?.unwrap_or_default();
        given.end()?;
        PlaceValue::host_range(&range)
    }

    fn host_range(range: &str) -> starlark::Result<PlaceValue> {
        let side = |option: &str| -> starlark::Result<Call> {
            let mut call = Call::matching("iprange");
            add(&mut call, option, &[range.to_owned()])?;
            Ok(call)
        };
        Ok(PlaceValue::new("HostRange", "", range.to_owned(), side("src_range")?, side("dst_range")?))
    }

    /// `IPSet(name, type=None, entries=None, file=None, **options)`: with a type, tables can declare it.
    pub(crate) fn set<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<PlaceValue> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let kind = text("type", given.maybe("type")?)?;
        let entries = given.maybe("entries")?.filter(|it| !it.is_none());
        let file = text("file", given.maybe("file")?)?;
        let options: Vec<_> = given.others().into_iter().collect();
        given.end()?;
        // A set of more than addresses is asked for each part, and never matches if it is asked for fewer.
        let parts = kind.as_deref().map_or(1, |kind| kind.split(',').count());
        let side = |direction: &str| -> starlark::Result<Call> {
            let mut call = Call::matching("set");
            add(&mut call, "match_set", &[name.clone(), vec![direction; parts].join(",")])?;
            Ok(call)
        };
        let place = Place { shown: name.clone(), input: side("src")?, output: side("dst")? };
        let set = match kind {
            Some(kind) => {
                let context = Context::of(eval)?;
                let mut set = IpSet::new(name.as_str(), kind.as_str());
                set.origin = context.origins.here(eval);
                if let Some(entries) = entries {
                    for entry in items("entries", entries, eval.heap())? {
                        set.entries.push(Text::from(entry.to_str()));
                    }
                }
                if let Some(file) = file {
                    set = set.lines(&context.files.read(&file).or_else(fail)?);
                }
                for (option, value) in options {
                    set = match (value.is_none() || value.unpack_bool() == Some(true), value.unpack_bool()) {
                        (true, _) => set.flag(option),
                        (_, Some(false)) => set,
                        _ => set.option(option, words(option, value)?.join(" ")),
                    };
                }
                Some(set)
            }
            None if entries.is_some() || file.is_some() || !options.is_empty() => {
                return fail(
                    "a set with entries or options needs its type: IPSet(name, 'hash:net')".to_owned(),
                );
            }
            None => None,
        };
        Ok(PlaceValue(Arc::new(PlaceData { class: "IPSet", name, place, set })))
    }

    fn maybe(name: &str, value: Option<Value<'_>>) -> starlark::Result<Option<PlaceValue>> {
        match value {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(value) => PlaceValue::of(name, value).map(Some),
        }
    }

    /// A value that must be a place.
    pub(crate) fn of(name: &str, value: Value<'_>) -> starlark::Result<PlaceValue> {
        match PlaceValue::from_value(value) {
            Some(place) => Ok(place.clone()),
            None => {
                let list = value.get_type() == "list";
                let hint = if list { "; put its items into the list one by one" } else { "" };
                fail(format!("`{name}`: no zone, location or hosts but {}{hint}", value.get_type()))
            }
        }
    }
}

fn one(name: &str, value: &str) -> starlark::Result<Call> {
    let mut call = Call::new();
    add(&mut call, name, &[value.to_owned()])?;
    Ok(call)
}

fn add(call: &mut Call, name: &str, values: &[String]) -> starlark::Result<()> {
    call.add(name, values.iter().map(String::as_bytes)).or_else(|error| fail(error.to_string()))
}

impl fmt::Display for PlaceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.place.shown)
    }
}

#[starlark_module]
fn methods(builder: &mut MethodsBuilder) {
    /// The arguments of packets from there.
    fn as_input(this: &PlaceValue) -> starlark::Result<List> {
        Ok(List::new("ArgumentList", this.0.place.input.clone(), None))
    }

    /// The arguments of packets to there.
    fn as_output(this: &PlaceValue) -> starlark::Result<List> {
        Ok(List::new("ArgumentList", this.0.place.output.clone(), None))
    }
}

starlark::methods_static!(METHODS = methods);

#[starlark_value(type = "Place")]
impl<'v> StarlarkValue<'v> for PlaceValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn collect_repr(&self, collector: &mut String) {
        collector.push_str(&format!("<{}: {}>", self.0.class, self.0.place.shown));
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        (attribute == "name" && !self.0.name.is_empty()).then(|| heap.alloc(self.0.name.as_str()))
    }
}
