//! Names of arguments, taken apart once: in Python they are few objects, met again in every rule.

use ptables::program::{Keyword, KeywordError, Known};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors;
use crate::place::Place;

/// A name of an argument.
pub struct Key {
    /// Kept alive: its address is what it is found by.
    object: Py<PyAny>,
    name: String,
    inverted: bool,
    pub known: bool,
}

/// Names that were met while one text is made.
#[derive(Default)]
pub struct Keys {
    met: Vec<Key>,
}

/// Names beyond this are not kept: looking for one would take longer than taking it apart.
const MOST: usize = 24;

impl Keys {
    /// The name, taken apart; an error in the words that scripts look for.
    pub fn of(&mut self, object: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<&Key> {
        let met = self.met.iter().position(|it| it.object.is(object));
        let at = match met {
            Some(at) => at,
            None => {
                if self.met.len() >= MOST {
                    self.met.clear();
                }
                self.met.push(Key::new(object, place)?);
                self.met.len() - 1
            }
        };
        // INVARIANT: the place was found or filled above.
        #[expect(clippy::indexing_slicing, reason = "found or pushed above")]
        Ok(&self.met[at])
    }
}

impl Key {
    fn new(object: &Bound<'_, PyAny>, place: Option<&Place>) -> PyResult<Key> {
        let text = object.cast::<PyString>()?.to_cow()?;
        let keyword = Keyword::parse(&text);
        let known = keyword.and_then(|it| Ok((it, it.known()?.is_some())));
        match known {
            Ok((Keyword { name, inverted }, known)) => {
                Ok(Key { object: object.clone().unbind(), name: name.to_owned(), inverted, known })
            }
            Err(error) => {
                let what = match error {
                    KeywordError::Parts => "badly formatted argument name",
                    KeywordError::NotInvertable => "This argument is not invertable",
                    _ => "Only 'not' is supported behind `__`",
                };
                Err(errors::wrong_value(object.py(), &format!("{what}: `{text}`"), place))
            }
        }
    }

    pub fn keyword(&self) -> Keyword<'_> {
        Keyword { name: &self.name, inverted: self.inverted }
    }
}

/// Other names of the option that a name means, as Python has them.
pub fn aliases(py: Python<'_>, name: &str) -> Vec<Py<PyString>> {
    let bare = Keyword::parse(name).map_or(name, |it| it.name);
    let names = Known::find(bare).map_or([bare, bare], |it| [it.short, it.long]);
    let mut found: Vec<String> =
        names.iter().flat_map(|it| [(*it).to_owned(), format!("{it}__not")]).collect();
    found.sort();
    found.dedup();
    found.iter().filter(|it| *it != name).map(|it| PyString::intern(py, it).unbind()).collect()
}
