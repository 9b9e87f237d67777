//! Findings as objects of Python.

use ptables::diag::render::Renderer;
use ptables::diag::{self, json};
use pyo3::prelude::*;

/// One finding about rules.
#[pyclass(frozen, module = "pyptables")]
pub struct Diagnostic {
    inner: diag::Diagnostic,
}

/// A place that a finding speaks of.
#[pyclass(frozen, get_all, module = "pyptables")]
pub struct Label {
    /// File, if known.
    filename: Option<String>,
    /// Line, from 1, if known.
    lineno: Option<u32>,
    /// Column in bytes, from 1, if known.
    column: Option<u32>,
    /// Function, if known.
    function: Option<String>,
    /// What is there; may be empty.
    text: String,
    /// Whether the finding is about this place, or merely mentions it.
    primary: bool,
}

impl From<diag::Diagnostic> for Diagnostic {
    fn from(inner: diag::Diagnostic) -> Diagnostic {
        Diagnostic { inner }
    }
}

#[pymethods]
impl Diagnostic {
    /// What kind of finding, such as `parse/bad-port`.
    #[getter]
    fn code(&self) -> &'static str {
        self.inner.code.as_str()
    }

    /// `error`, `warning`, `note` or `unsupported`.
    #[getter]
    fn severity(&self) -> &'static str {
        self.inner.severity.as_str()
    }

    /// One sentence.
    #[getter]
    fn message(&self) -> &str {
        &self.inner.message
    }

    /// Where; the first primary one is the place of the finding.
    #[getter]
    fn labels(&self) -> Vec<Label> {
        self.inner.labels.iter().map(Label::from).collect()
    }

    /// Further facts.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// What to do, if that is known.
    #[getter]
    fn help(&self) -> Option<&str> {
        self.inner.help.as_deref()
    }

    /// What to write instead, if that is known.
    #[getter]
    fn replacement(&self) -> Option<&str> {
        self.inner.fix.as_ref().map(|it| it.replacement.as_str())
    }

    /// File of the place, if known.
    #[getter]
    fn filename(&self) -> Option<String> {
        self.inner.origin().place().map(|it| it.file.to_owned())
    }

    /// Line of the place, from 1, if known.
    #[getter]
    fn lineno(&self) -> Option<u32> {
        self.inner.origin().place().map(|it| it.line)
    }

    /// The finding as lines of text, as the command `ptables` shows it.
    #[pyo3(signature = (color=false, width=100))]
    fn render(&self, color: bool, width: usize) -> String {
        Renderer::new(color, width).render(&self.inner)
    }

    /// The finding as one line of JSON.
    fn to_json(&self) -> String {
        json::line(&self.inner)
    }

    fn __str__(&self) -> String {
        crate::errors::Line(&self.inner).to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Diagnostic: {}>", self.__str__())
    }
}

impl From<&diag::Label> for Label {
    fn from(label: &diag::Label) -> Label {
        let place = label.origin.place();
        Label {
            filename: place.map(|it| it.file.to_owned()),
            lineno: place.map(|it| it.line),
            column: place.and_then(|it| it.column),
            function: place.and_then(|it| it.function.map(str::to_owned)),
            text: label.text.clone(),
            primary: label.primary,
        }
    }
}

#[pymethods]
impl Label {
    fn __repr__(&self) -> String {
        let file = self.filename.as_deref().unwrap_or("?");
        format!("<Label: {file}:{} {}>", self.lineno.unwrap_or(0), self.text)
    }
}
