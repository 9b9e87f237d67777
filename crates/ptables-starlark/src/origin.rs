//! Who made a rule: the file, the line and the function of a script.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ptables::origin::{Frame, Origin};
use ptables::source::Source;
use starlark::codemap::FileSpan;
use starlark::eval::Evaluator;

/// The texts of all files of a script, by their names.
#[derive(Debug, Default)]
pub(crate) struct Sources(RefCell<HashMap<String, Source>>);

impl Sources {
    pub(crate) fn add(&self, name: &str, source: &Source) {
        self.0.borrow_mut().insert(name.to_owned(), source.clone());
    }

    /// A span as a place in the text of its file.
    pub(crate) fn text(&self, span: &FileSpan) -> Origin {
        match self.0.borrow().get(span.filename()) {
            Some(source) => Origin::Text(source.text(span.span.begin().get(), span.span.end().get())),
            None => Origin::Unknown,
        }
    }
}

/// Origins of calls, made once for each place.
#[derive(Debug, Default)]
pub(crate) struct Origins(RefCell<HashMap<(usize, u32), Origin>>);

impl Origins {
    /// The place of the script that is running.
    pub(crate) fn here(&self, eval: &Evaluator<'_, '_, '_>) -> Origin {
        let script = |span: &FileSpan| !span.filename().ends_with(".rs");
        let depth = eval.call_stack_count();
        let Some(span) = (0..depth).filter_map(|at| eval.call_stack_nth_location(at)).find(script) else {
            return Origin::Unknown;
        };
        // Two files never share a text in memory while both are loaded.
        let key = (span.file.source().as_ptr().addr(), span.span.begin().get());
        if let Some(known) = self.0.borrow().get(&key) {
            return known.clone();
        }
        let frames = eval.call_stack().frames;
        let at = frames.iter().rposition(|frame| frame.location.as_ref().is_some_and(script));
        let function = at.and_then(|at| at.checked_sub(1)).and_then(|at| frames.get(at));
        let function = function.map_or("<module>", |frame| frame.name.as_str());
        let place = span.resolve_span().begin;
        let line = u32::try_from(place.line + 1).unwrap_or(u32::MAX);
        let mut frame = Frame::new(span.filename(), line, Some(function));
        frame.column = u32::try_from(place.column + 1).ok();
        let origin = Origin::Frame(Arc::new(frame));
        self.0.borrow_mut().insert(key, origin.clone());
        origin
    }
}
