//! Diagnostics, each said once.

use std::collections::HashSet;

use super::Diagnostic;

/// What was said: code, message, place.
type Said = (&'static str, String, Option<(String, u32, Option<u32>, Option<String>)>);

/// Diagnostics of which none repeats another: the same of the same place.
#[derive(Debug, Default)]
pub(crate) struct Once {
    pub(crate) found: Vec<Diagnostic>,
    said: HashSet<Said>,
}

impl Once {
    pub(crate) fn add(&mut self, it: Diagnostic) {
        let place = it.origin().place();
        let place = place.map(|at| (at.file.to_owned(), at.line, at.column, at.function.map(str::to_owned)));
        if self.said.insert((it.code.as_str(), it.message.clone(), place)) {
            self.found.push(it);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, codes};
    use super::*;
    use crate::origin::{Frame, Origin};

    #[test]
    fn the_same_of_the_same_place_is_said_once() {
        let mut once = Once::default();
        let place = |line| Origin::from(Frame::new("a.py", line, None));
        let here = place(1);
        for (message, origin) in
            [("a", here.clone()), ("a", here.clone()), ("b", here), ("a", place(2)), ("a", Origin::Unknown)]
        {
            once.add(Diagnostic::new(codes::CHECK_NOT_ANALYSED, Severity::Note, message).at(origin, ""));
        }
        assert_eq!(once.found.len(), 4);
    }
}
