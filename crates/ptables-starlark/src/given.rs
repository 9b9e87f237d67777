//! Arguments of one call from a script.

use ptables::program::Families;
use starlark::eval::Arguments;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, Value};

use smallvec::SmallVec;

use crate::error::{fail, no};

/// What a call gave, taken out one by one.
pub(crate) struct Given<'v> {
    what: &'static str,
    positional: std::vec::IntoIter<Value<'v>>,
    /// As many as most calls have, in place: a rule is made by one.
    named: SmallVec<[(&'v str, Value<'v>); 6]>,
}

impl<'v> Given<'v> {
    pub(crate) fn new(
        what: &'static str,
        args: &Arguments<'v, '_>,
        heap: Heap<'v>,
    ) -> starlark::Result<Given<'v>> {
        let positional: Vec<Value<'v>> = args.positions(heap)?.collect();
        let named = args.names_map()?.into_iter().map(|(name, value)| (name.as_str(), value)).collect();
        Ok(Given { what, positional: positional.into_iter(), named })
    }

    /// The next positional argument, or the one of this name.
    pub(crate) fn maybe(&mut self, name: &str) -> starlark::Result<Option<Value<'v>>> {
        let named = self.named(name);
        match (self.positional.next(), named) {
            (Some(_), Some(_)) => fail(format!("{} got `{name}` twice", self.what)),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The same, that cannot be left out.
    pub(crate) fn must(&mut self, name: &str) -> starlark::Result<Value<'v>> {
        match self.maybe(name)? {
            Some(value) => Ok(value),
            None => fail(format!("{} needs `{name}`", self.what)),
        }
    }

    /// The next positional argument.
    pub(crate) fn next(&mut self) -> Option<Value<'v>> {
        self.positional.next()
    }

    /// The argument of this name.
    pub(crate) fn named(&mut self, name: &str) -> Option<Value<'v>> {
        let at = self.named.iter().position(|(known, _)| *known == name)?;
        Some(self.named.remove(at).1)
    }

    /// All positional arguments that are left.
    pub(crate) fn rest(&mut self) -> Vec<Value<'v>> {
        self.positional.by_ref().collect()
    }

    /// All named arguments that are left.
    pub(crate) fn others(&mut self) -> impl IntoIterator<Item = (&'v str, Value<'v>)> + use<'v> {
        std::mem::take(&mut self.named)
    }

    /// An error if something is left.
    pub(crate) fn end(mut self) -> starlark::Result<()> {
        if let Some((name, _)) = self.named.first() {
            return fail(format!("{} takes no argument `{name}`", self.what));
        }
        match self.positional.next() {
            Some(_) => fail(format!("{} got too many arguments", self.what)),
            None => Ok(()),
        }
    }
}

/// A string, `None` for None and for nothing.
pub(crate) fn text(name: &str, value: Option<Value<'_>>) -> starlark::Result<Option<String>> {
    match value {
        None => Ok(None),
        Some(value) if value.is_none() => Ok(None),
        Some(value) => match value.unpack_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => fail(format!("`{name}` must be a string, not {}", value.get_type())),
        },
    }
}

/// The argument `family`: 4, 6 or both.
pub(crate) fn families(given: &mut Given<'_>) -> starlark::Result<Option<Families>> {
    let Some(value) = given.named("family").filter(|it| !it.is_none()) else { return Ok(None) };
    value.to_str().parse().map(Some).or_else(fail)
}

/// The items of a list or tuple.
pub(crate) fn items<'v>(name: &str, value: Value<'v>, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
    if value.unpack_str().is_some() {
        return fail(format!("`{name}` must be a list, not a string"));
    }
    match value.iterate(heap) {
        Ok(items) => Ok(items.collect()),
        Err(_) => fail(format!("`{name}` must be a list, not {}", value.get_type())),
    }
}

/// The words of the value of an option: none for a bare flag (None), one, or those of a list.
pub(crate) fn words(name: &str, value: Value<'_>) -> starlark::Result<Vec<String>> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    if let Some(list) = ListRef::from_value(value) {
        return list.iter().map(|it| word(name, it)).collect();
    }
    if let Some(tuple) = TupleRef::from_value(value) {
        return tuple.iter().map(|it| word(name, it)).collect();
    }
    Ok(vec![word(name, value)?])
}

fn word(name: &str, value: Value<'_>) -> starlark::Result<String> {
    if let Some(text) = value.unpack_str() {
        return Ok(text.to_owned());
    }
    if value.get_type() == "int" {
        return Ok(value.to_str());
    }
    let hint = if value.unpack_bool().is_some() { "; None is a bare flag" } else { "" };
    Err(no(format!("`{name}` must be text, a number or a list of these, not {}{hint}", value.get_type())))
}

/// A list as one word with commas, or the value as it is; nothing for an empty one.
pub(crate) fn commas(name: &str, value: Option<Value<'_>>) -> starlark::Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    let joined = words(name, value)?.join(",");
    Ok(Some(joined).filter(|it| !it.is_empty()))
}
