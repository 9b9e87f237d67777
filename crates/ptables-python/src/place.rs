//! Who called: the nearest frame of Python that is no special method.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ptables::origin::{Frame, Origin};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

/// File and function of a piece of code.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    pub file: Box<str>,
    pub function: Box<str>,
}

/// A line of a Python program.
#[derive(Clone, Debug)]
pub struct Place {
    pub names: Arc<Names>,
    pub line: u32,
}

/// What is known of code objects, so that their names are read once. The objects are kept alive: their addresses are the keys.
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
/// Programs that make code without end must not fill the memory.
const MOST: usize = 4096;

type Known = HashMap<usize, (Py<PyAny>, Option<Arc<Names>>)>;

impl Place {
    /// The caller of native code: special methods (`__init__`, `__call__` …) belong to whoever called them.
    pub fn caller(py: Python<'_>) -> Option<Place> {
        // SAFETY: the interpreter is attached; the result is borrowed or null.
        let mut frame =
            unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast::<ffi::PyObject>()) };
        while let Some(at) = frame {
            let code = at.getattr(intern!(py, "f_code")).ok()?;
            if let Some(names) = names_of(&code) {
                // SAFETY: `at` is a frame: it came from the interpreter or is the `f_back` of one.
                let line = unsafe { ffi::PyFrame_GetLineNumber(at.as_ptr().cast()) };
                return Some(Place { names, line: u32::try_from(line).unwrap_or(0) });
            }
            frame = at.getattr(intern!(py, "f_back")).ok().filter(|it| !it.is_none());
        }
        None
    }

    /// From the attributes that [`caller`] filled; `None` where a class did not ask for them.
    pub fn of(object: &Bound<'_, PyAny>) -> Option<Place> {
        let py = object.py();
        let file: String = object.getattr(intern!(py, "filename")).ok()?.str().ok()?.to_string();
        let function: String = object.getattr(intern!(py, "function")).ok()?.str().ok()?.to_string();
        let line = object.getattr(intern!(py, "lineno")).ok()?.extract().unwrap_or(0);
        Some(Place { names: Arc::new(Names { file: file.into(), function: function.into() }), line })
    }

    pub fn origin(&self) -> Origin {
        Frame::new(self.names.file.clone(), self.line, Some(&self.names.function)).into()
    }
}

/// File and function of a code object; `None` for special methods.
fn names_of(code: &Bound<'_, PyAny>) -> Option<Arc<Names>> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some((_, names)) = known.get(&(code.as_ptr() as usize)) {
        return names.clone();
    }
    let text = |name: &str| code.getattr(name).map_or_else(|_| String::new(), |it| it.to_string());
    let function = text("co_name");
    let special = function.starts_with("__") && function.ends_with("__");
    let names =
        (!special).then(|| Arc::new(Names { file: text("co_filename").into(), function: function.into() }));
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(code.as_ptr() as usize, (code.clone().unbind(), names.clone()));
    names
}

/// File, line and function of the nearest caller that is no special method.
#[pyfunction]
pub fn caller(py: Python<'_>) -> Option<(String, u32, String)> {
    let place = Place::caller(py)?;
    Some((place.names.file.to_string(), place.line, place.names.function.to_string()))
}
