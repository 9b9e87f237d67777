//! From the objects of a script to the program of the core.

use std::sync::Arc;

use ptables::origin::{Frame, Origin};
use ptables::program::{Body, Chain, ChainKind, Composite, Families, IpSet, Rule, Table, Tables};
use ptables::source::Text;
use ptables::text;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::errors;
use crate::keys::Keys;
use crate::kinds::{Kind, Kinds, is_stock};
use crate::place::{Names, Place};
use crate::rule::RuleBase;
use crate::values;

/// Makes a program. Where a class makes its text in a way of its own the result is `None`: then only the text is known.
pub struct Builder<'py> {
    py: Python<'py>,
    kinds: Kinds<'py>,
    chains: Bound<'py, PyModule>,
    tables: Bound<'py, PyModule>,
    /// The last place and its origin: rules of one loop share it.
    last: Option<(Arc<Names>, u32, Origin)>,
    keys: Keys,
}

impl<'py> Builder<'py> {
    pub fn new(py: Python<'py>) -> PyResult<Builder<'py>> {
        Ok(Builder {
            py,
            kinds: Kinds::new(py)?,
            chains: py.import("pyptables.chains")?,
            tables: py.import("pyptables.tables")?,
            last: None,
            keys: Keys::default(),
        })
    }

    pub fn tables(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Tables>> {
        let base = self.tables.getattr("Tables")?;
        if !is_stock(&object.get_type(), "to_iptables", &base)? {
            return Ok(None);
        }
        let mut tables = Tables::new();
        tables.origin = origin(object);
        tables.families = self.families(object)?;
        for set in object.getattr(intern!(self.py, "ipsets"))?.try_iter()? {
            tables.add_set(self.set(&set?)?);
        }
        for (_, table) in object.cast::<PyDict>()? {
            let Some(table) = self.table(&table)? else { return Ok(None) };
            tables.push(table);
        }
        Ok(Some(tables))
    }

    /// The families that tables, a table or a chain are for.
    fn families(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Families>> {
        let family = object.getattr(intern!(self.py, "family"))?;
        if family.is_none() {
            return Ok(None);
        }
        let wrong = |error: String| errors::wrong_value(self.py, &error, Place::of(object).as_ref());
        family.str()?.to_string().parse().map(Some).map_err(wrong)
    }

    /// A set that the tables declare.
    fn set(&self, object: &Bound<'py, PyAny>) -> PyResult<IpSet> {
        let mut set = IpSet::new(self.text(object, "name")?, self.text(object, "type")?);
        set.origin = origin(object);
        for entry in object.getattr("entries")?.try_iter()? {
            set.entries.push(Text::new(entry?.str()?.to_cow()?.as_bytes()));
        }
        for pair in object.getattr("options")?.call_method0("items")?.try_iter()? {
            let (name, value): (String, Bound<'py, PyAny>) = pair?.extract()?;
            set = match value.extract::<bool>() {
                Ok(true) => set.flag(name),
                Ok(false) => set,
                Err(_) if value.is_none() => set.flag(name),
                Err(_) => set.option(name, value.str()?.to_string()),
            };
        }
        Ok(set)
    }

    fn table(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Table>> {
        let base = self.tables.getattr("Table")?;
        if !object.is_instance(&base)? || !is_stock(&object.get_type(), "to_iptables", &base)? {
            return Ok(None);
        }
        let mut table = Table::new(self.text(object, "name")?, []);
        table.origin = origin(object);
        table.families = self.families(object)?;
        for (_, chain) in object.cast::<PyDict>()? {
            let Some(chain) = self.chain(&chain)? else { return Ok(None) };
            table.push(chain);
        }
        Ok(Some(table))
    }

    pub fn chain(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Chain>> {
        let class = object.get_type();
        let (base, builtin, user) = (
            self.chains.getattr("AbstractChain")?,
            self.chains.getattr("BuiltinChain")?,
            self.chains.getattr("UserChain")?,
        );
        if !object.is_instance(&base)? {
            return Ok(None);
        }
        for method in ["to_iptables", "_comment", "_type_name"] {
            if !is_stock(&class, method, &base)? {
                return Ok(None);
            }
        }
        let place = Place::of(object);
        let name = self.text(object, "name")?;
        let mut chain = if is_stock(&class, "_chain_definition", &builtin)? {
            let policy = object.getattr(intern!(self.py, "policy"))?;
            let Ok(policy) = policy.cast::<PyString>() else {
                let message = format!("the policy of chain `{}` must be a string", name.to_lossy());
                return Err(errors::wrong_value(self.py, &message, place.as_ref()));
            };
            Chain::builtin(name, Text::new(policy.to_cow()?.as_bytes()))
        } else if is_stock(&class, "_chain_definition", &user)? {
            Chain::user(name)
        } else {
            return Ok(None);
        };
        chain.origin = place.as_ref().map_or(Origin::Unknown, Place::origin);
        chain.families = self.families(object)?;
        chain.comment =
            values::comment(&object.getattr(intern!(self.py, "comment"))?, place.as_ref())?.map(Text::new);
        let title = title(&class.name()?.to_string());
        let usual = if matches!(chain.kind, ChainKind::User) { "User Chain" } else { "Builtin Chain" };
        chain.title = (title != usual).then(|| Text::new(title));
        for (at, item) in object.cast::<PyList>()?.iter().enumerate() {
            match self.kinds.of(&item)? {
                Kind::Verbatim => return Ok(None),
                Kind::Other => {
                    let kind = item.get_type().name()?;
                    let message =
                        format!("item {at} of chain `{}` is no rule but {kind}", chain.name.to_lossy());
                    return Err(errors::wrong_type(self.py, &message, place.as_ref()));
                }
                _ => chain.push(self.rule(&item)?),
            }
        }
        Ok(Some(chain))
    }

    fn rule(&mut self, item: &Bound<'py, PyAny>) -> PyResult<Rule> {
        let kind = self.kinds.of(item)?;
        if let (Kind::Rule { plain }, Ok(rule)) = (kind, item.cast::<RuleBase>()) {
            let origin = self.shared(rule.borrow().place());
            return RuleBase::rule(rule, plain, origin, &mut self.keys);
        }
        let place = Place::of(item);
        let origin = match (&place, item.getattr_opt(intern!(self.py, "statement"))?) {
            // A rule of a firewall: its statement is the parent.
            (Some(place), Some(statement)) if !statement.is_none() => {
                let (file, line, function): (String, u32, String) = statement.extract()?;
                let mut frame = Frame::new(place.names.file.clone(), place.line, Some(&place.names.function));
                frame.parent = Frame::new(file, line, Some(&function)).into();
                frame.into()
            }
            (Some(place), _) => place.origin(),
            (None, _) => Origin::Unknown,
        };
        let mut composite = Composite::default();
        composite.comment =
            values::comment(&item.getattr(intern!(self.py, "comment"))?, place.as_ref())?.map(Text::new);
        if kind == Kind::Composite {
            for inner in item.getattr(intern!(self.py, "_rules"))?.try_iter()? {
                let inner = inner?;
                if self.kinds.of(&inner)? == Kind::Other {
                    let message = format!("a composite holds no rule but {}", inner.get_type().name()?);
                    return Err(errors::wrong_type(self.py, &message, place.as_ref()));
                }
                composite.rules.push(self.rule(&inner)?);
            }
        } else {
            let definitions = item.call_method0(intern!(self.py, "rule_definitions"));
            let definitions = definitions.map_err(|error| errors::placed(self.py, error, place.as_ref()))?;
            for line in definitions.try_iter()? {
                let line = line.map_err(|error| errors::placed(self.py, error, place.as_ref()))?;
                let mut rule = Rule::custom(Text::new(line.str()?.to_cow()?.as_bytes()));
                rule.origin = origin.clone();
                composite.rules.push(rule);
            }
        }
        let mut rule = Rule::composite(None, Vec::new());
        rule.origin = origin;
        rule.body = Body::Composite(Box::new(composite));
        Ok(rule)
    }

    /// The origin of a place, made once for neighbours that have the same.
    fn shared(&mut self, place: Option<&Place>) -> Origin {
        let Some(place) = place else { return Origin::Unknown };
        if let Some((names, line, origin)) = &self.last
            && *line == place.line
            && Arc::ptr_eq(names, &place.names)
        {
            return origin.clone();
        }
        let origin = place.origin();
        self.last = Some((place.names.clone(), place.line, origin.clone()));
        origin
    }

    fn text(&self, object: &Bound<'py, PyAny>, name: &str) -> PyResult<Text> {
        Ok(Text::new(object.getattr(name)?.str()?.to_cow()?.as_bytes()))
    }
}

pub fn origin(object: &Bound<'_, PyAny>) -> Origin {
    Place::of(object).map_or(Origin::Unknown, |it| it.origin())
}

/// `MyUserChain` as `My User Chain`: a word begins with each capital.
fn title(class: &str) -> String {
    let mut title = String::new();
    for letter in class.chars().skip_while(|it| !it.is_ascii_uppercase()) {
        if letter.is_ascii_uppercase() && !title.is_empty() {
            title.push(' ');
        }
        title.push(letter);
    }
    title
}

/// The text of all tables; `None` if a class of the user's has a say in it.
#[pyfunction]
pub fn tables_text(tables: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = tables.py();
    let Some(program) = Builder::new(py)?.tables(tables)? else { return Ok(None) };
    annotated(py, &program).map(Some)
}

/// The annotated text, as PyPTables ends it.
pub fn annotated(py: Python<'_>, program: &Tables) -> PyResult<String> {
    let mut out = Vec::new();
    errors::guarded(py, || text::annotated(program, &mut out))?
        .map_err(|errors| errors::ruleset(py, errors))?;
    if program.is_empty() {
        out.push(b'\n');
    } else {
        out.pop();
    }
    Ok(utf8(out))
}

/// The declaration of a chain and the text of its rules; `None` if a class of the user's has a say in them.
#[pyfunction]
pub fn chain_text(chain: &Bound<'_, PyAny>) -> PyResult<Option<(String, String)>> {
    let py = chain.py();
    let Some(chain) = Builder::new(py)?.chain(chain)? else { return Ok(None) };
    let (mut declaration, mut rules) = (Vec::new(), Vec::new());
    text::chain(&chain, &mut declaration, &mut rules).map_err(|errors| errors::ruleset(py, errors))?;
    Ok(Some((utf8(declaration), utf8(rules))))
}

/// Text of Python is UTF-8, and so is what was made of it.
fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
}
