//! Rules that are made by calls: what `pyptables.rules.Rule` is built on.

use std::sync::{Arc, OnceLock};

use ptables::origin::Origin;
use ptables::program::{Args, Rule};
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use crate::errors;
use crate::keys::{self, Key, Keys};
use crate::place::{Names, Place};
use crate::values;

/// A rule as it was called: nothing is looked at before its text is made, so a script may change it until then.
#[pyclass(subclass, module = "pyptables._core")]
#[derive(Default)]
pub struct RuleBase {
    place: Option<Place>,
    comment: Option<Py<PyAny>>,
    args: Option<Py<PyAny>>,
    kwargs: Option<Py<PyDict>>,
    /// The `ArgumentList`, once somebody asked for it: then it counts instead of the two above.
    arguments: Option<Py<PyAny>>,
    /// Other names of each of `kwargs`, once the rule was a template.
    aliases: OnceLock<Vec<Vec<Py<PyString>>>>,
}

/// `pyptables.rules.base.Rule`, of which calls make instances.
static RULE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

pub fn rule_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    RULE.import(py, "pyptables.rules.base", "Rule")
}

#[pymethods]
impl RuleBase {
    /// Takes anything: a subclass has an `__init__` of its own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> RuleBase {
        RuleBase::default()
    }

    #[pyo3(signature = (comment=None, args=None, **kwargs))]
    fn __init__(
        &mut self,
        py: Python<'_>,
        comment: Option<Py<PyAny>>,
        args: Option<Bound<'_, PyAny>>,
        kwargs: Option<Py<PyDict>>,
    ) -> PyResult<()> {
        *self = RuleBase {
            place: Place::caller(py),
            comment,
            args: args.map(sequence).transpose()?,
            kwargs,
            ..RuleBase::default()
        };
        Ok(())
    }

    /// A plain rule with more arguments: a rule is a template.
    #[pyo3(signature = (comment=None, args=None, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        comment: Option<Py<PyAny>>,
        args: Option<Bound<'py, PyAny>>,
        kwargs: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let place = Place::caller(py);
        let args = args.map(sequence).transpose()?.filter(|it| !is_empty(it.bind(py)));
        let class = rule_class(py)?;
        let plain = stock_options(slf.get_type().as_any(), class)?;
        if slf.borrow().arguments.is_none() && (args.is_some() || !plain) {
            RuleBase::arguments(slf)?;
        }
        let this = slf.borrow();
        let comment = match comment {
            Some(own) if own.bind(py).is_truthy()? => Some(own),
            _ => this.comment.as_ref().map(|it| it.clone_ref(py)),
        };
        let mut made = RuleBase { place, comment, ..RuleBase::default() };
        if let Some(template) = &this.arguments {
            let list = template
                .bind(py)
                .call((args.unwrap_or_else(|| PyTuple::empty(py).into_any().unbind()),), kwargs.as_ref())?;
            made.arguments = Some(list.unbind());
        } else {
            made.args = this.args.as_ref().map(|it| it.clone_ref(py));
            made.kwargs = match (&this.kwargs, kwargs) {
                (None, own) => own.map(Bound::unbind),
                (Some(template), None) => Some(template.bind(py).copy()?.unbind()),
                (Some(template), Some(own)) => {
                    let template = template.bind(py);
                    let aliases = this.aliases.get_or_init(|| {
                        template.keys().iter().map(|it| keys::aliases(py, &it.to_string())).collect()
                    });
                    merge(&own, template, aliases)?;
                    Some(own.unbind())
                }
            };
        }
        drop(this);
        let rule = class.call_method1(intern!(py, "__new__"), (class,))?;
        *rule.cast::<RuleBase>()?.borrow_mut() = made;
        Ok(rule)
    }

    /// What the rule says, without `-A CHAIN`: a list of one text.
    fn rule_definitions<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let plain = stock_options(slf.get_type().as_any(), rule_class(py)?)?;
        let origin = slf.borrow().place.as_ref().map_or(Origin::Unknown, Place::origin);
        let rule = RuleBase::rule(slf, plain, origin, &mut Keys::default())?;
        PyList::new(py, [values::definition(py, &rule)?])
    }

    /// The comment, read when text is made.
    #[getter(comment)]
    fn get_comment(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.comment.as_ref().map(|it| it.clone_ref(py))
    }

    #[setter(comment)]
    fn set_comment(&mut self, comment: Option<Py<PyAny>>) {
        self.comment = comment;
    }

    /// The arguments as an `ArgumentList`.
    #[getter(arguments)]
    fn arguments<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some(list) = &slf.borrow().arguments {
            return Ok(list.bind(py).clone());
        }
        let known = slf.get_type().getattr(intern!(py, "_known_args"))?;
        let (args, kwargs) = {
            let this = slf.borrow();
            (this.args.as_ref().map(|it| it.clone_ref(py)), this.kwargs.as_ref().map(|it| it.clone_ref(py)))
        };
        let class = py.import("pyptables.rules.arguments")?.getattr("ArgumentList")?;
        let list = class.call_method1("_of", (known, args, kwargs))?;
        slf.borrow_mut().arguments = Some(list.clone().unbind());
        Ok(list)
    }

    #[setter(arguments)]
    fn set_arguments(&mut self, arguments: Option<Py<PyAny>>) {
        self.arguments = arguments;
    }

    /// File of the line that made the rule.
    #[getter]
    fn filename(&self) -> Option<&str> {
        self.place.as_ref().map(|it| &*it.names.file)
    }

    #[setter]
    fn set_filename(&mut self, file: String) {
        let (function, line) = self.rest(|names| names.function.clone());
        self.place = Some(Place { names: Arc::new(Names { file: file.into(), function }), line });
    }

    /// Line that made the rule, from 1.
    #[getter]
    fn lineno(&self) -> Option<u32> {
        self.place.as_ref().map(|it| it.line)
    }

    #[setter]
    fn set_lineno(&mut self, line: u32) {
        let names = self.place.take().map(|it| it.names);
        let names = names.unwrap_or_else(|| Arc::new(Names { file: "".into(), function: "".into() }));
        self.place = Some(Place { names, line });
    }

    /// Function that made the rule, `<module>` at top level.
    #[getter]
    fn function(&self) -> Option<&str> {
        self.place.as_ref().map(|it| &*it.names.function)
    }

    #[setter]
    fn set_function(&mut self, function: String) {
        let (file, line) = self.rest(|names| names.file.clone());
        self.place = Some(Place { names: Arc::new(Names { file, function: function.into() }), line });
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.comment)?;
        visit.call(&self.args)?;
        visit.call(&self.kwargs)?;
        visit.call(&self.arguments)
    }

    fn __clear__(&mut self) {
        *self = RuleBase::default();
    }
}

impl RuleBase {
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The rule of the core. `plain`: its class knows the stock options only.
    pub fn rule(slf: &Bound<'_, Self>, plain: bool, origin: Origin, keys: &mut Keys) -> PyResult<Rule> {
        let py = slf.py();
        if !plain {
            RuleBase::arguments(slf)?;
        }
        let this = slf.borrow();
        let place = this.place.as_ref();
        let mut args = Args::new();
        if let Some(list) = &this.arguments {
            add_all(&mut args, list.bind(py), place)?;
        } else {
            if let Some(kwargs) = &this.kwargs {
                for (name, value) in kwargs.bind(py) {
                    add(&mut args, keys.of(&name, place)?, &value, place)?;
                }
            }
            if let Some(nested) = &this.args {
                for list in nested.bind(py).try_iter()? {
                    add_all(&mut args, &list?, place)?;
                }
            }
        }
        args.settle();
        if let Some(comment) = &this.comment
            && let Some(text) = values::comment(comment.bind(py), place)?
        {
            args.set_comment(&text);
        }
        Ok(Rule::from_args(origin, args))
    }

    /// The other name, and the line.
    fn rest(&self, name: impl Fn(&Names) -> Box<str>) -> (Box<str>, u32) {
        self.place.as_ref().map_or(("".into(), 0), |it| (name(&it.names), it.line))
    }
}

/// Adds one argument of a call.
fn add(args: &mut Args, key: &Key, value: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<()> {
    let keyword = key.keyword();
    let added = if let Ok(word) = value.cast::<PyString>() {
        args.keyword(keyword, [word.to_cow()?.as_bytes()])
    } else if key.known {
        return Err(values::not_text(keyword.name, value, place));
    } else {
        let words = values::words(keyword.name, value, place)?;
        args.keyword(keyword, words.iter().map(Vec::as_slice))
    };
    // What can be wrong with a name was looked at before.
    added.map_err(|error| errors::wrong_value(value.py(), &error.to_string(), place))
}

/// Adds all `Argument`s of a list of them.
fn add_all(args: &mut Args, list: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<()> {
    let py = list.py();
    let arguments = list.try_iter().map_err(|_| {
        let message = format!("`args` must hold matches or argument lists, not {}", kind(list));
        errors::wrong_type(py, &message, place)
    })?;
    for argument in arguments {
        let argument = argument.map_err(|error| errors::placed(py, error, place))?;
        if argument.is_instance_of::<PyString>() {
            let message = "`args` must hold matches or argument lists, not text";
            return Err(errors::wrong_type(py, message, place));
        }
        values::add_argument(args, &argument, place)?;
    }
    Ok(())
}

fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "that".to_owned(), |it| it.to_string())
}

/// Takes the template's arguments over, but for options that the call gives itself; the call's win.
fn merge(
    own: &Bound<'_, PyDict>,
    template: &Bound<'_, PyDict>,
    aliases: &[Vec<Py<PyString>>],
) -> PyResult<()> {
    for ((name, value), aliases) in template.iter().zip(aliases) {
        if let Some(given) = own.get_item(&name)? {
            if !given.eq(&value)? {
                warn(&name, &given, &value)?;
            }
            continue;
        }
        let mut found = None;
        for alias in aliases {
            found = own.get_item(alias)?;
            if found.is_some() {
                break;
            }
        }
        match found {
            None => own.set_item(name, value)?,
            Some(given) => warn(&name, &given, &value)?,
        }
    }
    Ok(())
}

/// Tells once a place that the template's argument gives way: PyPTables 1.0.7 kept it.
fn warn(name: &Bound<'_, PyAny>, given: &Bound<'_, PyAny>, kept: &Bound<'_, PyAny>) -> PyResult<()> {
    let module = name.py().import("pyptables.errors")?;
    module.call_method1("_warn_derived", (name, given, kept))?;
    Ok(())
}

/// `args` as something that can be iterated again.
fn sequence(args: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if args.is_instance_of::<PyTuple>() || args.is_instance_of::<PyList>() || args.hasattr("known_args")? {
        return Ok(args.unbind());
    }
    if args.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("`args` must be a list of matches or argument lists, not text"));
    }
    let items: Vec<Bound<'_, PyAny>> = args.try_iter()?.collect::<PyResult<_>>()?;
    Ok(PyTuple::new(args.py(), items)?.into_any().unbind())
}

fn is_empty(args: &Bound<'_, PyAny>) -> bool {
    args.cast::<PyTuple>().is_ok_and(|it| it.is_empty())
        || args.cast::<PyList>().is_ok_and(|it| it.is_empty())
}

/// Whether a class knows the options that `Rule` itself knows.
pub fn stock_options(class: &Bound<'_, PyAny>, rule: &Bound<'_, PyType>) -> PyResult<bool> {
    let name = intern!(class.py(), "_known_args");
    Ok(class.is(rule) || class.getattr(name)?.is(&rule.getattr(name)?))
}
