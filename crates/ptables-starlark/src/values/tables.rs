//! Tables, and all of them together: dicts that only `append` adds to.
#![expect(clippy::too_many_arguments, reason = "each is a word of the script")]

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use ptables::analysis::Service;
use ptables::origin::Origin;
use ptables::program::{self, Families, Table, Tables};
use ptables::simulate::Ask;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::ask::{self, Target};
use super::chain::ChainValue;
use super::place::PlaceValue;
use super::{handle, lock};
use crate::context::Context;
use crate::error::fail;
use crate::given::{Given, families, text};

handle! {
    /// A table.
    TableValue(Named<ChainValue>)
}

handle! {
    /// All tables.
    TablesValue(TablesData)
}

/// Tables by their names, and what they have in common.
pub(crate) struct TablesData {
    named: Named<TableValue>,
    /// Sets that were declared.
    sets: Mutex<Vec<PlaceValue>>,
}

impl Deref for TablesData {
    type Target = Named<TableValue>;
    fn deref(&self) -> &Named<TableValue> {
        &self.named
    }
}

/// What has a name, and holds others by their names, in order.
pub(crate) struct Named<T> {
    pub(crate) name: String,
    origin: Origin,
    families: Option<Families>,
    items: Mutex<Vec<T>>,
}

impl<T: Item> Named<T> {
    fn get(&self, name: &str) -> Option<T> {
        lock(&self.items).iter().find(|it| it.name() == name).cloned()
    }

    /// One of the same name is replaced where it stands.
    fn append(&self, item: T) {
        let mut items = lock(&self.items);
        match items.iter_mut().find(|it| it.name() == item.name()) {
            Some(old) => *old = item,
            None => items.push(item),
        }
    }

    fn at<'v>(&self, what: &str, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let Some(name) = index.unpack_str() else {
            return fail(format!("{what} is indexed by names, not by {}", index.get_type()));
        };
        match self.get(name) {
            Some(item) => Ok(item.value(heap)),
            None => {
                let names: Vec<String> = lock(&self.items).iter().map(|it| it.name().to_owned()).collect();
                let close = ptables::diag::suggest::closest(name, names.iter().map(String::as_str));
                let help = close.map_or_else(|| names.join(", "), |close| format!("did you mean `{close}`?"));
                fail(format!("{what} has no `{name}`: {help}"))
            }
        }
    }

    fn names<'v>(&self, heap: Heap<'v>) -> Vec<Value<'v>> {
        lock(&self.items).iter().map(|it| heap.alloc(it.name())).collect()
    }
}

/// What a dict of handles holds.
pub(crate) trait Item: Clone {
    fn name(&self) -> &str;
    fn value<'v>(&self, heap: Heap<'v>) -> Value<'v>;
    /// Whether a value is this very handle.
    fn is_same(&self, value: Value<'_>) -> bool;
}

impl Item for ChainValue {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn value<'v>(&self, heap: Heap<'v>) -> Value<'v> {
        heap.alloc(self.clone())
    }

    fn is_same(&self, value: Value<'_>) -> bool {
        ChainValue::from_value(value).is_some_and(|it| Arc::ptr_eq(&it.0, &self.0))
    }
}

impl Item for TableValue {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn value<'v>(&self, heap: Heap<'v>) -> Value<'v> {
        heap.alloc(self.clone())
    }

    fn is_same(&self, value: Value<'_>) -> bool {
        TableValue::from_value(value).is_some_and(|it| Arc::ptr_eq(&it.0, &self.0))
    }
}

impl TableValue {
    /// `Table(name, *chains, family=None)`.
    pub(crate) fn construct<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<TableValue> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let chains = given.rest();
        let families = families(&mut given)?;
        given.end()?;
        let table = TableValue::new(&name, families, Context::of(eval)?.origins.here(eval));
        for chain in chains {
            table.0.append(chain_of(chain)?);
        }
        Ok(table)
    }

    fn new(name: &str, families: Option<Families>, origin: Origin) -> TableValue {
        TableValue(Arc::new(Named { name: name.to_owned(), origin, families, items: Mutex::default() }))
    }

    fn program(&self) -> Table {
        let mut table = Table::new(self.0.name.as_str(), []);
        table.origin = self.0.origin.clone();
        table.families = self.0.families;
        for chain in lock(&self.0.items).iter() {
            table.push(chain.program());
        }
        table
    }
}

impl TablesValue {
    /// `Tables(*tables, family=None)`.
    pub(crate) fn construct<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<TablesValue> {
        let families = families(&mut given)?;
        let tables = given.rest();
        given.end()?;
        let made = TablesValue::new(families, eval)?;
        for table in tables {
            made.append(table)?;
        }
        Ok(made)
    }

    /// `default_tables(family=None)`.
    pub(crate) fn default_tables<'v>(
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<TablesValue> {
        let families = families(&mut given)?;
        given.end()?;
        let made = TablesValue::new(families, eval)?;
        let mut tables = program::default_tables();
        for table in tables.iter_mut() {
            table.origin = made.0.origin.clone();
            table.iter_mut().for_each(|chain| chain.origin = made.0.origin.clone());
        }
        made.hold(&tables);
        Ok(made)
    }

    /// Takes in the tables of a program, as handles.
    pub(crate) fn hold(&self, tables: &Tables) {
        for table in tables {
            let known = TableValue::new(&table.name.to_lossy(), table.families, table.origin.clone());
            for chain in table {
                known.0.append(ChainValue::of_program(chain));
            }
            self.0.append(known);
        }
    }

    /// No tables yet.
    pub(crate) fn new(
        families: Option<Families>,
        eval: &Evaluator<'_, '_, '_>,
    ) -> starlark::Result<TablesValue> {
        let context = Context::of(eval)?;
        let origin = context.origins.here(eval);
        let named = Named { name: String::new(), origin, families, items: Mutex::default() };
        let made = TablesValue(Arc::new(TablesData { named, sets: Mutex::default() }));
        context.made.borrow_mut().push(made.clone());
        Ok(made)
    }

    /// The program.
    pub(crate) fn program(&self) -> Tables {
        let mut tables = Tables::new();
        tables.origin = self.0.origin.clone();
        tables.families = self.0.families;
        for table in lock(&self.0.items).iter() {
            tables.push(table.program());
        }
        for set in lock(&self.0.sets).iter() {
            set.declared().cloned().into_iter().for_each(|it| tables.add_set(it));
        }
        tables
    }

    /// A table, or a set that is declared with its type.
    fn append(&self, value: Value<'_>) -> starlark::Result<()> {
        match PlaceValue::from_value(value) {
            Some(set) if set.declared().is_some() => {
                lock(&self.0.sets).push(set.clone());
                Ok(())
            }
            Some(_) => {
                fail("a set that the tables declare needs its type: IPSet(name, 'hash:net')".to_owned())
            }
            None => {
                self.0.append(table_of(value)?);
                Ok(())
            }
        }
    }

    /// A value that must be all tables.
    pub(crate) fn of(value: Value<'_>) -> starlark::Result<TablesValue> {
        match TablesValue::from_value(value) {
            Some(tables) => Ok(tables.clone()),
            None => fail(format!("these are no Tables but {}", value.get_type())),
        }
    }
}

fn chain_of(value: Value<'_>) -> starlark::Result<ChainValue> {
    match ChainValue::from_value(value) {
        Some(chain) => Ok(chain.clone()),
        None => fail(format!("a table holds chains, not {}", value.get_type())),
    }
}

fn table_of(value: Value<'_>) -> starlark::Result<TableValue> {
    match TableValue::from_value(value) {
        Some(table) => Ok(table.clone()),
        None => fail(format!("Tables hold tables, not {}", value.get_type())),
    }
}

#[starlark_module]
fn table_methods(builder: &mut MethodsBuilder) {
    /// Adds a chain and gives it back; one of the same name is replaced where it stands.
    fn append<'v>(this: &TableValue, chain: Value<'v>) -> starlark::Result<Value<'v>> {
        this.0.append(chain_of(chain)?);
        Ok(chain)
    }

    /// The names of the chains.
    fn keys<'v>(this: &TableValue, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(this.0.names(heap))
    }

    /// The chains.
    fn values(this: &TableValue) -> starlark::Result<Vec<ChainValue>> {
        Ok(lock(&this.0.items).clone())
    }

    /// Names and chains.
    fn items(this: &TableValue) -> starlark::Result<Vec<(String, ChainValue)>> {
        Ok(lock(&this.0.items).iter().map(|it| (it.name().to_owned(), it.clone())).collect())
    }
}

starlark::methods_static!(TABLE_METHODS = table_methods);

#[starlark_module]
fn tables_methods(builder: &mut MethodsBuilder) {
    /// Adds a table, or declares a set, and gives it back; one of the same name is replaced where it stands.
    fn append<'v>(this: &TablesValue, item: Value<'v>) -> starlark::Result<Value<'v>> {
        this.append(item)?;
        Ok(item)
    }

    /// The names of the tables.
    fn keys<'v>(this: &TablesValue, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(this.0.names(heap))
    }

    /// The tables.
    fn values(this: &TablesValue) -> starlark::Result<Vec<TableValue>> {
        Ok(lock(&this.0.items).clone())
    }

    /// Names and tables.
    fn items(this: &TablesValue) -> starlark::Result<Vec<(String, TableValue)>> {
        Ok(lock(&this.0.items).iter().map(|it| (it.name().to_owned(), it.clone())).collect())
    }

    /// The text of all tables: as written (`annotated`), with the line that made each rule above it, or as iptables-save prints it (`save`).
    fn to_iptables<'v>(
        this: &TablesValue,
        style: Option<Value<'v>>,
        #[starlark(require = named)] family: Option<Value<'v>>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<String> {
        let target = Target::of(family, backend, version, Context::of(eval)?.dialect)?;
        match text("style", style)?.as_deref() {
            Some("save") => target.save(&this.program()),
            None | Some("annotated") => target.annotated(&this.program()),
            Some(other) => fail(format!("style is 'annotated' or 'save', not '{other}'")),
        }
    }

    /// What iptables would refuse, or take for something else: a list of structs, empty if nothing is found.
    fn check<'v>(
        this: &TablesValue,
        #[starlark(require = named)] family: Option<Value<'v>>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        #[starlark(require = named, default = false)] analysis: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<Value<'v>>> {
        let target = Target::of(family, backend, version, Context::of(eval)?.dialect)?;
        Ok(target.check(&this.program(), analysis, eval.heap()))
    }

    /// Which packets get another verdict with other tables: a struct.
    fn diff<'v>(
        this: &TablesValue,
        other: Value<'v>,
        #[starlark(require = named)] family: Option<Value<'v>>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let target = Target::of(family, backend, version, Context::of(eval)?.dialect)?;
        let Some(other) = TablesValue::from_value(other) else {
            return fail(format!("diff(…) compares with Tables, not with {}", other.get_type()));
        };
        target.diff(&this.program(), &other.program(), eval.heap())
    }

    /// Who can reach whom on a port: a struct of classes of addresses, and which reaches which. `interfaces` is text that says
    /// which addresses lie behind which interface.
    fn reach<'v>(
        this: &TablesValue,
        port: u32,
        #[starlark(require = named, default = "tcp")] proto: &str,
        #[starlark(require = named)] source_port: Option<Value<'v>>,
        #[starlark(require = named, default = "forward")] path: &str,
        #[starlark(require = named)] to: Option<Value<'v>>,
        #[starlark(require = named)] interfaces: Option<Value<'v>>,
        #[starlark(require = named, default = false)] loose: bool,
        #[starlark(require = named)] family: Option<Value<'v>>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        #[starlark(require = named)] policy: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let target = Target::of(family, backend, version, Context::of(eval)?.dialect)?;
        let number = |it: u32| u16::try_from(it).or_else(|_| fail(format!("a port is 0 to 65535, not {it}")));
        let mut service = Service::named(proto, number(port)?, path).or_else(fail)?;
        if let Some(port) = source_port.filter(|it| !it.is_none()) {
            let port = port.unpack_i32().and_then(|it| u32::try_from(it).ok());
            service.source_port = Some(number(port.unwrap_or(u32::MAX))?);
        }
        let (to, interfaces) = (text("to", to)?, text("interfaces", interfaces)?);
        let policy = text("policy", policy)?;
        let more = (to.as_deref(), interfaces.as_deref());
        target.reach(&this.program(), service, more, (policy.as_deref(), loose), eval.heap())
    }

    /// What may go from the rules, as lines of advice.
    fn fix<'v>(
        this: &TablesValue,
        #[starlark(require = named, default = true)] join: bool,
        #[starlark(require = named)] family: Option<Value<'v>>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<String>> {
        let target = Target::of(family, backend, version, Context::of(eval)?.dialect)?;
        target.fix(&this.program(), join)
    }

    /// What would happen to a packet: a struct; with `ways=True` a list of them, one for each way that it may go. Of a list of packets
    /// a list: they come one after the other, right after the rules were loaded. `routes` names a file beneath the script's folder with what `ip rule`,
    /// `ip route show table all` and `ip addr` print.
    fn simulate<'v>(
        this: &TablesValue,
        packet: Value<'v>,
        #[starlark(require = named)] backend: Option<Value<'v>>,
        #[starlark(require = named)] version: Option<Value<'v>>,
        #[starlark(require = named)] policy: Option<Value<'v>>,
        #[starlark(require = named)] routes: Option<Value<'v>>,
        #[starlark(require = named, default = false)] misses: bool,
        #[starlark(require = named, default = false)] ways: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let target = Target::of(None, backend, version, Context::of(eval)?.dialect)?;
        let policy = text("policy", policy)?;
        let routes = match text("routes", routes)? {
            None => None,
            Some(name) => Some(ask::routes(&name, Context::of(eval)?.files.read(&name).or_else(fail)?)?),
        };
        let mut how = Ask::default();
        (how.ways, how.misses) = (ways, misses);
        target.simulate(&this.program(), packet, (policy.as_deref(), routes), how, eval.heap())
    }
}

starlark::methods_static!(TABLES_METHODS = tables_methods);

impl fmt::Display for TableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Table: {}>", self.0.name)
    }
}

impl fmt::Display for TablesValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = lock(&self.0.items).iter().map(|it| it.name().to_owned()).collect();
        write!(f, "<Tables: {}>", names.join(", "))
    }
}

macro_rules! dict {
    ($name:ident, $type:literal, $what:literal, $methods:ident) => {
        #[starlark_value(type = $type)]
        impl<'v> StarlarkValue<'v> for $name {
            fn get_methods() -> Option<&'static Methods> {
                Some($methods.methods())
            }

            fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
                (attribute == "name" && !self.0.name.is_empty()).then(|| heap.alloc(self.0.name.as_str()))
            }

            fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
                self.0.at($what, index, heap)
            }

            /// `tables['filter']['INPUT'] += rules` assigns what is there already.
            fn set_at(&self, index: Value<'v>, value: Value<'v>) -> starlark::Result<()> {
                let known = index.unpack_str().and_then(|name| self.0.get(name));
                let same = known.is_some_and(|known| known.is_same(value));
                if same {
                    Ok(())
                } else {
                    fail(format!("items of {} are not assigned: use append(…)", $what))
                }
            }

            fn length(&self) -> starlark::Result<i32> {
                Ok(i32::try_from(lock(&self.0.items).len()).unwrap_or(i32::MAX))
            }

            fn to_bool(&self) -> bool {
                !lock(&self.0.items).is_empty()
            }

            fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
                Ok(other.unpack_str().is_some_and(|name| self.0.get(name).is_some()))
            }

            fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
                Ok(self.0.names(heap))
            }
        }
    };
}

dict!(TableValue, "Table", "a table", TABLE_METHODS);
dict!(TablesValue, "Tables", "Tables", TABLES_METHODS);
