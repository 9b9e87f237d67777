//! Who called: the nearest frame of Python that is no special method.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, TryLockError};

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

/// What is known of one code object. It is kept alive: its address is what it is found by.
struct Code {
    _alive: Py<PyAny>,
    /// `None` for special methods.
    names: Option<Arc<Names>>,
    /// How many calls came from it.
    met: u32,
    /// Where each line begins, by offset, once many calls came from it.
    lines: Option<Vec<(u32, u32)>>,
}

static KNOWN: Mutex<Option<HashMap<usize, Code>>> = Mutex::new(None);
/// Programs that make code without end must not fill the memory.
const MOST: usize = 4096;
/// Python finds a line by counting from the first one, so a script of many calls is asked for all its lines at once.
const OFTEN: u32 = 8;

impl Place {
    /// The caller of native code: special methods (`__init__`, `__call__` …) belong to whoever called them.
    pub fn caller(py: Python<'_>) -> Option<Place> {
        // SAFETY: the interpreter is attached; the result is borrowed or null.
        let mut frame =
            unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast::<ffi::PyObject>()) };
        while let Some(at) = frame {
            let code = at.getattr(intern!(py, "f_code")).ok()?;
            if let Some(place) = place_in(&at, &code) {
                return Some(place);
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

/// The place of a frame, which runs this code; `None` for special methods.
fn place_in(frame: &Bound<'_, PyAny>, code: &Bound<'_, PyAny>) -> Option<Place> {
    let mut guard = match KNOWN.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // A finalizer runs while we ask Python below, or another thread does: never wait with the interpreter held.
        Err(TryLockError::WouldBlock) => {
            return Some(Place { names: Code::new(code).names?, line: counted(frame) });
        }
    };
    let known = guard.get_or_insert_default();
    if known.len() >= MOST {
        known.clear();
    }
    let entry = known.entry(code.as_ptr() as usize).or_insert_with(|| Code::new(code));
    let names = entry.names.clone()?;
    entry.met = entry.met.saturating_add(1);
    if entry.met == OFTEN {
        entry.lines = lines_of(code).ok();
    }
    let line = entry.lines.as_ref().and_then(|lines| {
        let offset: u32 = frame.getattr(intern!(frame.py(), "f_lasti")).ok()?.extract().ok()?;
        let next = lines.partition_point(|(start, _)| *start <= offset);
        lines.get(next.checked_sub(1)?).map(|it| it.1)
    });
    Some(Place { names, line: line.unwrap_or_else(|| counted(frame)) })
}

/// The line where a frame is, as Python counts it.
fn counted(frame: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: it is a frame: it came from the interpreter or is the `f_back` of one.
    let line = unsafe { ffi::PyFrame_GetLineNumber(frame.as_ptr().cast()) };
    u32::try_from(line).unwrap_or(0)
}

impl Code {
    fn new(code: &Bound<'_, PyAny>) -> Code {
        let text = |name: &str| code.getattr(name).map_or_else(|_| String::new(), |it| it.to_string());
        let function = text("co_name");
        let special = function.starts_with("__") && function.ends_with("__");
        let names = (!special)
            .then(|| Arc::new(Names { file: text("co_filename").into(), function: function.into() }));
        Code { _alive: code.clone().unbind(), names, met: 0, lines: None }
    }
}

/// Where each line of a code object begins: offset, line. An error before Python 3.10, which cannot tell.
fn lines_of(code: &Bound<'_, PyAny>) -> PyResult<Vec<(u32, u32)>> {
    let mut lines = Vec::new();
    for range in code.call_method0("co_lines")?.try_iter()? {
        let (start, _, line): (u32, u32, Option<u32>) = range?.extract()?;
        // Code of no line belongs to the one before.
        lines.extend(line.map(|line| (start, line)));
    }
    Ok(lines)
}

/// File, line and function of the nearest caller that is no special method.
#[pyfunction]
pub fn caller(py: Python<'_>) -> Option<(String, u32, String)> {
    let place = Place::caller(py)?;
    Some((place.names.file.to_string(), place.line, place.names.function.to_string()))
}
