//! Layer 0. Who wrote a node: every table, chain and rule carries an [`Origin`].

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::source::Text;

/// Who wrote something: a span of text, a line of a Rust program, or a frame of a script.
///
/// A cheap handle: it shares what it points to, so it needs no table beside the tree that holds it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody known.
    #[default]
    Unknown,
    /// A span of rule text.
    Text(Text),
    /// A call in a Rust program (`#[track_caller]`: file, line and column, no function name).
    Caller(&'static Location<'static>),
    /// A frame of a script, or a place that annotated text names.
    Frame(Arc<Frame>),
}

/// A place in a script, perhaps with the statement that led to it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Frame {
    /// The file as the interpreter names it.
    pub file: Box<str>,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// Column, from 1, if known.
    pub column: Option<u32>,
    /// The function that runs, `<module>` at top level.
    pub function: Option<Box<str>>,
    /// The higher-level statement that generated this, or the text that it was read from.
    pub parent: Origin,
}

impl Frame {
    /// A frame without column or parent.
    pub fn new(file: impl Into<Box<str>>, line: u32, function: Option<&str>) -> Frame {
        Frame { file: file.into(), line, function: function.map(Into::into), ..Frame::default() }
    }
}

impl Origin {
    /// The caller of the function that calls this (which must be `#[track_caller]` too).
    #[track_caller]
    pub fn caller() -> Origin {
        Origin::Caller(Location::caller())
    }

    /// The place as `(file, line, column, function)`; `None` for [`Origin::Unknown`] and for text without a name.
    pub fn place(&self) -> Option<Place<'_>> {
        match self {
            Origin::Unknown => None,
            Origin::Text(text) => {
                let (line, column) = text.place();
                Some(Place { file: text.source().name()?, line, column: Some(column), function: None })
            }
            Origin::Caller(at) => {
                Some(Place { file: at.file(), line: at.line(), column: Some(at.column()), function: None })
            }
            Origin::Frame(frame) => Some(Place {
                file: &frame.file,
                line: frame.line,
                column: frame.column,
                function: frame.function.as_deref(),
            }),
        }
    }

    /// What generated it, or [`Origin::Unknown`].
    pub fn parent(&self) -> &Origin {
        match self {
            Origin::Frame(frame) => &frame.parent,
            _ => &Origin::Unknown,
        }
    }

    /// Whether nobody is known.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Origin::Unknown)
    }
}

impl From<Frame> for Origin {
    fn from(frame: Frame) -> Origin {
        Origin::Frame(Arc::new(frame))
    }
}

/// A place that can be shown: see [`Origin::place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place<'a> {
    /// File name as given; not escaped.
    pub file: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, if known.
    pub column: Option<u32>,
    /// Function, if known.
    pub function: Option<&'a str>,
}

/// `file:line` or `file:line function`, the form of PyPTables. Not escaped: a printer must do that.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match self.function {
            Some(function) => write!(f, " {function}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn a_place_reads_like_pyptables() {
        let frame = Origin::from(Frame::new("web.py", 7, Some("<module>")));
        assert_eq!(frame.place().unwrap().to_string(), "web.py:7 <module>");
        let text = Origin::Text(Source::new("r", "a\nb").unwrap().text(2, 3));
        assert_eq!(text.place().unwrap().to_string(), "r:2");
        assert_eq!(size_of::<Origin>(), 24);
    }
}
