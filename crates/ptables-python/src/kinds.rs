//! What the items of a chain are: decided once a class, because subclasses may make their text in ways of their own.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::rule::{RuleBase, rule_class, stock_options};

/// How the text of an item is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A [`RuleBase`] that says itself what it says; `plain` if its class knows the stock options only.
    Rule { plain: bool },
    /// A list of other rules under one heading.
    Composite,
    /// Its `rule_definitions` are called.
    Definitions,
    /// Its class makes the whole text: nothing is known of it.
    Verbatim,
    /// No rule.
    Other,
}

/// Methods that make the text around what a rule says.
const AROUND: [&str; 3] = ["to_iptables", "_header", "_rule_definition"];

/// The kinds of classes that were seen while one text is made.
pub struct Kinds<'py> {
    rule: Bound<'py, PyType>,
    abstract_rule: Bound<'py, PyAny>,
    composite: Bound<'py, PyAny>,
    seen: HashMap<usize, Kind>,
    last: Option<(usize, Kind)>,
}

impl<'py> Kinds<'py> {
    pub fn new(py: Python<'py>) -> PyResult<Kinds<'py>> {
        let module = py.import("pyptables.rules.base")?;
        Ok(Kinds {
            rule: rule_class(py)?.clone(),
            abstract_rule: module.getattr("AbstractRule")?,
            composite: module.getattr("CompositeRule")?,
            seen: HashMap::new(),
            last: None,
        })
    }

    /// The kind of an item.
    pub fn of(&mut self, item: &Bound<'py, PyAny>) -> PyResult<Kind> {
        let class = item.get_type();
        let key = class.as_ptr() as usize;
        if let Some((last, kind)) = self.last
            && last == key
        {
            return Ok(kind);
        }
        let kind = match self.seen.get(&key) {
            Some(kind) => *kind,
            None => self.classify(item, &class)?,
        };
        self.seen.insert(key, kind);
        self.last = Some((key, kind));
        Ok(kind)
    }

    fn classify(&self, item: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> PyResult<Kind> {
        if !class.is_subclass(&self.abstract_rule)? {
            return Ok(if item.hasattr("to_iptables")? { Kind::Verbatim } else { Kind::Other });
        }
        for name in AROUND {
            if !class.getattr(name)?.is(&self.abstract_rule.getattr(name)?) {
                return Ok(Kind::Verbatim);
            }
        }
        let own = |base: &Bound<'py, PyAny>| -> PyResult<bool> {
            Ok(!class.getattr("rule_definitions")?.is(&base.getattr("rule_definitions")?))
        };
        if item.is_instance_of::<RuleBase>() && !own(self.rule.as_any())? {
            Ok(Kind::Rule { plain: stock_options(class.as_any(), &self.rule)? })
        } else if class.is_subclass(&self.composite)? && !own(&self.composite)? {
            Ok(Kind::Composite)
        } else {
            Ok(Kind::Definitions)
        }
    }
}

/// Whether a class has this method from one of these.
pub fn is_stock(class: &Bound<'_, PyType>, method: &str, base: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(class.getattr(method)?.is(&base.getattr(method)?))
}
