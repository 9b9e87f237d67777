//! Firewalls of zones: statements, and the tables that they make.

use std::fmt;
use std::sync::{Arc, Mutex};

use ptables::firewall::{self, Firewall, Verb};
use starlark::eval::{Arguments, Evaluator};
use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::tables::TablesValue;
use super::{handle, lock};
use crate::context::Context;
use crate::error::{fail, no};
use crate::given::{Given, items};

handle! {
    /// A firewall.
    FirewallValue(Mutex<Firewall>)
}

handle! {
    /// A method of a firewall, ready to be called.
    Method((FirewallValue, Option<Verb>))
}

handle! {
    /// A service of the catalogue.
    ServiceValue(firewall::Service)
}

impl FirewallValue {
    /// `Firewall(family='both')`.
    pub(crate) fn construct<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<FirewallValue> {
        let family = given.maybe("family")?.filter(|it| !it.is_none());
        given.end()?;
        let mut firewall = Firewall::with_origin(Context::of(eval)?.origins.here(eval));
        if let Some(family) = family {
            firewall = firewall.family(family.to_str().parse().or_else(fail)?);
        }
        Ok(FirewallValue(Arc::new(Mutex::new(firewall))))
    }

    /// The tables. What is wrong is found with them; the script goes on, so that it is all found.
    fn tables(&self, eval: &Evaluator<'_, '_, '_>) -> starlark::Result<TablesValue> {
        let firewall = lock(&self.0);
        let (tables, found) = firewall.make();
        Context::of(eval)?.diagnostics.borrow_mut().extend(found);
        let made = TablesValue::new(Some(firewall.families), eval)?;
        made.hold(&tables);
        Ok(made)
    }
}

/// `service(name)`.
pub(crate) fn service(mut given: Given<'_>) -> starlark::Result<ServiceValue> {
    let name = given.must("name")?.to_str();
    given.end()?;
    let found = firewall::service(&name);
    let missing = || no(format!("there is no service `{name}`: write its protocol and port (`tcp/8080`)"));
    Ok(ServiceValue(Arc::new(found.ok_or_else(missing)?)))
}

/// The words of an argument: one value, or a list of them.
fn words<'v>(name: &str, value: Value<'v>, heap: Heap<'v>) -> starlark::Result<Vec<String>> {
    if let Some(answer) = value.unpack_bool() {
        return Ok(vec![if answer { "yes" } else { "no" }.to_owned()]);
    }
    if let Some(service) = ServiceValue::from_value(value) {
        return Ok(vec![service.0.name.to_owned()]);
    }
    if value.unpack_str().is_some() || value.get_type() == "int" {
        return Ok(value.to_str().split_whitespace().map(str::to_owned).collect());
    }
    let mut all = Vec::new();
    for item in items(name, value, heap)? {
        all.extend(words(name, item, heap)?);
    }
    Ok(all)
}

impl fmt::Display for FirewallValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Firewall: {} statements>", lock(&self.0).statements().len())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Firewall.{}>", self.0.1.map_or("tables", Verb::name))
    }
}

impl fmt::Display for ServiceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

#[starlark_value(type = "Firewall")]
impl<'v> StarlarkValue<'v> for FirewallValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let verb = Verb::find(attribute);
        (verb.is_some() || attribute == "tables").then(|| heap.alloc(Method(Arc::new((self.clone(), verb)))))
    }

    fn dir_attr(&self) -> Vec<String> {
        Verb::ALL.iter().map(|it| it.name().to_owned()).chain(["tables".to_owned()]).collect()
    }
}

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Method {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let (firewall, verb) = &*self.0;
        let heap = eval.heap();
        let mut given = Given::new(verb.map_or("tables", Verb::name), args, heap)?;
        let Some(verb) = *verb else {
            given.end()?;
            return Ok(heap.alloc(firewall.tables(eval)?));
        };
        let mut said = Vec::new();
        for name in verb.arguments() {
            if let Some(value) = given.maybe(name)?.filter(|it| !it.is_none()) {
                said.push((*name, words(name, value, heap)?));
            }
        }
        given.end()?;
        let origin = Context::of(eval)?.origins.here(eval);
        let mut firewall = lock(&firewall.0);
        let statement = firewall.say(verb, origin);
        for (name, words) in said {
            statement.set(name, words);
        }
        Ok(Value::new_none())
    }
}

#[starlark_value(type = "Service")]
impl<'v> StarlarkValue<'v> for ServiceValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(match attribute {
            "name" => heap.alloc(self.0.name),
            "ports" => heap.alloc(self.0.ports),
            "helper" => self.0.helper.map_or(Value::new_none(), |it| heap.alloc(it)),
            "about" => heap.alloc(self.0.about),
            _ => return None,
        })
    }

    fn dir_attr(&self) -> Vec<String> {
        ["name", "ports", "helper", "about"].map(str::to_owned).to_vec()
    }
}
