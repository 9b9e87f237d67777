//! A call as text with holes for its values.

/// A piece of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// Text that is the same in every call of this shape.
    Fixed(String),
    /// A value: what it is called, and how it is written.
    Value(Value),
    /// A match, which may be given a name.
    Match(Vec<Part>),
}

/// A value of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value {
    /// The argument, as a variable for it is called.
    pub(super) name: String,
    /// The value, as a script writes it, or the variable that holds it.
    pub(super) written: String,
}

/// What is the same in all calls that a loop may make.
pub(super) fn shape(parts: &[Part], out: &mut String) {
    for part in parts {
        match part {
            Part::Fixed(text) => out.push_str(text),
            // No script holds a NUL byte as it is.
            Part::Value(_) => out.push('\0'),
            Part::Match(inner) => shape(inner, out),
        }
    }
}

/// The values, in order.
pub(super) fn values<'a>(parts: &'a [Part], out: &mut Vec<&'a Value>) {
    for part in parts {
        match part {
            Part::Fixed(_) => {}
            Part::Value(value) => out.push(value),
            Part::Match(inner) => values(inner, out),
        }
    }
}

/// Gives each value to a closure, in order, to change how it is written.
pub(super) fn rewrite(parts: &mut [Part], change: &mut impl FnMut(&mut Value)) {
    for part in parts {
        match part {
            Part::Fixed(_) => {}
            Part::Value(value) => change(value),
            Part::Match(inner) => rewrite(inner, change),
        }
    }
}

/// The text of a call; `name` may say what a match is called.
pub(super) fn write(parts: &[Part], name: &impl Fn(&str) -> Option<String>, out: &mut String) {
    for part in parts {
        match part {
            Part::Fixed(text) => out.push_str(text),
            Part::Value(value) => out.push_str(&value.written),
            Part::Match(inner) => {
                let mut text = String::new();
                write(inner, name, &mut text);
                out.push_str(&name(&text).unwrap_or(text));
            }
        }
    }
}
