//! Values of options: from Python to words, and words to text.

use ptables::diag::escape;
use ptables::origin::Origin;
use ptables::program::{Args, Body, Composite, KNOWN, Rule, Table};
use ptables::source::Text;
use ptables::text;
use ptables::value::quote::{push_quoted, push_word};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyString, PyTuple};

use crate::errors;
use crate::place::Place;

/// The words of one value: none for a bare flag, one, or those of a list.
pub fn words(name: &str, value: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<Vec<Vec<u8>>> {
    if value.is_none() {
        Ok(Vec::new())
    } else if let Ok(list) = value.cast::<PyList>() {
        list.iter().map(|it| word(name, &it, place)).collect()
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        tuple.iter().map(|it| word(name, &it, place)).collect()
    } else {
        Ok(vec![word(name, value, place)?])
    }
}

/// One word: text, a number, an address or network of `ipaddress`.
fn word(name: &str, value: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<Vec<u8>> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_cow()?.as_bytes().to_vec());
    }
    let number = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>();
    let module = value.get_type().getattr(intern!(py, "__module__"))?;
    if number || module.eq(intern!(py, "ipaddress"))? {
        return Ok(value.str()?.to_cow()?.as_bytes().to_vec());
    }
    let kind = value.get_type().name()?;
    let hint =
        if value.is_instance_of::<PyBool>() || kind == "NoneType" { "; `None` is a bare flag" } else { "" };
    Err(errors::wrong_type(
        py,
        &format!("`{name}` must be text, a number, an address or a list of these, not {kind}{hint}"),
        place,
    ))
}

/// The error of a known option whose value is no text.
pub fn not_text(name: &str, value: &Bound<'_, PyAny>, place: Option<&Place>) -> PyErr {
    let kind = value.get_type().name().map_or_else(|_| "something else".to_owned(), |it| it.to_string());
    let message = format!("Argument must be of type <class 'str'>: `{name}` is {kind}");
    errors::wrong_value(value.py(), &message, place)
}

/// The comment of a rule, chain or composite.
pub fn comment(value: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<Option<Vec<u8>>> {
    if value.is_none() {
        return Ok(None);
    }
    match value.cast::<PyString>() {
        Ok(text) => Ok(Some(text.to_cow()?.as_bytes().to_vec()).filter(|it| !it.is_empty())),
        Err(_) => {
            let message = format!("a comment must be a string, not {}", value.get_type().name()?);
            Err(errors::wrong_type(value.py(), &message, place))
        }
    }
}

/// Adds one `Argument` of Python behind the others.
pub fn add_argument(args: &mut Args, argument: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<()> {
    let option = argument.getattr(intern!(argument.py(), "_option"));
    let Ok(option) = option.and_then(|it| it.call0()) else {
        // A class of the user's, which says only its text.
        let text = argument.call_method0(intern!(argument.py(), "to_iptables"))?.str()?;
        let text = text.to_cow()?;
        let mut found = Vec::new();
        text::lex::words(text.as_bytes(), &mut found);
        args.words(found.iter().map(|it| &*it.bytes));
        return Ok(());
    };
    let (name, inverted, value): (String, bool, Bound<'_, PyAny>) = option.extract()?;
    let words = words(&name, &value, place)?;
    args.option(&name, inverted, words.iter().map(Vec::as_slice));
    Ok(())
}

/// The text of what a rule says; an error if it holds a line break.
pub fn definition(py: Python<'_>, rule: &Rule) -> PyResult<String> {
    let mut out = Vec::new();
    text::definition(rule, &mut out).map_err(|errors| errors::ruleset(py, errors))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The text of arguments, in the order given.
#[pyfunction]
pub fn arguments_text(arguments: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut args = Args::new();
    for argument in arguments.try_iter()? {
        add_argument(&mut args, &argument?, None)?;
    }
    definition(arguments.py(), &Rule::from_args(Origin::Unknown, args))
}

/// A word as it stands in a rule, in quotes where it needs them.
#[pyfunction]
pub fn quote(word: &str) -> String {
    let mut out = Vec::new();
    if !word.is_empty() {
        push_word(&mut out, word.as_bytes());
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Text that is safe in a `#` line: controls become visible escapes.
#[pyfunction]
pub fn visible(text: &str) -> String {
    escape::line(text).into_owned()
}

/// A rule of the user's words with its comment.
#[pyfunction]
#[pyo3(signature = (rule, comment=None))]
pub fn custom_line(rule: &str, comment: Option<&str>) -> String {
    let mut out = rule.as_bytes().to_vec();
    if let Some(comment) = comment.filter(|it| !it.is_empty()) {
        out.extend_from_slice(b" -m comment --comment ");
        if comment.contains(['\n', '\0']) {
            // No quotes hold these: as they are, so that the line is refused.
            out.extend_from_slice(comment.as_bytes());
        } else {
            push_quoted(&mut out, comment.as_bytes());
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The line above a rule.
#[pyfunction]
pub fn heading(rule: &Bound<'_, PyAny>) -> PyResult<String> {
    let place = Place::of(rule);
    let text = comment(&rule.getattr(intern!(rule.py(), "comment"))?, place.as_ref())?;
    let mut composite = Composite::default();
    composite.comment = text.map(Text::new);
    let origin = place.map_or(Origin::Unknown, |it| it.origin());
    let mut rule = Rule::from_args(origin, Args::new());
    rule.body = Body::Composite(Box::new(composite));
    let mut out = Vec::new();
    text::heading(&rule, &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The options of rules that have a place of their own: short name, long name, whether they can be inverted.
#[pyfunction]
pub fn known_options() -> Vec<(&'static str, &'static str, bool)> {
    KNOWN.iter().map(|it| (it.short, it.long, it.invertable)).collect()
}

/// A line of a rule as it is; an error if it would become two.
#[pyfunction]
pub fn one_line<'py>(line: Bound<'py, PyString>, rule: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let mut made = Rule::custom(Text::new(line.to_cow()?.as_bytes()));
    made.origin = crate::build::origin(rule);
    definition(line.py(), &made)?;
    Ok(line)
}

/// The box above a table.
#[pyfunction]
pub fn table_title(table: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = table.getattr(intern!(table.py(), "name"))?.str()?;
    let mut made = Table::new(Text::new(name.to_cow()?.as_bytes()), []);
    made.origin = crate::build::origin(table);
    let mut out = Vec::new();
    text::title(&made, &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}
