//! Sets of addresses that rules name, as they were declared.

use crate::origin::Origin;
use crate::source::Text;

/// An ipset that the program makes before its rules: `-m set --match-set NAME src` asks it.
///
/// Nothing in it is looked at before it is lowered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IpSet {
    /// Its name, 1 to 31 bytes; 30 where both families have a part of it, since that of IPv6 is called `NAME6`.
    pub name: Text,
    /// Its type, such as `hash:net`.
    pub kind: Text,
    /// Options of `ipset create`, each with its value, if it takes one.
    pub options: Vec<(Text, Option<Text>)>,
    /// Its entries, each as it stands behind `ipset add NAME`: `10.0.0.0/8`, `192.0.2.1,tcp:80 timeout 300`.
    pub entries: Vec<Text>,
    /// Who declared it.
    pub origin: Origin,
}

impl IpSet {
    /// An empty set with the default options of its type.
    #[track_caller]
    pub fn new(name: impl Into<Text>, kind: impl Into<Text>) -> IpSet {
        IpSet {
            name: name.into(),
            kind: kind.into(),
            options: Vec::new(),
            entries: Vec::new(),
            origin: Origin::caller(),
        }
    }

    /// With one more option and its value: `option("timeout", "300")`.
    #[must_use]
    pub fn option(mut self, name: impl Into<Text>, value: impl Into<Text>) -> IpSet {
        self.options.push((name.into(), Some(value.into())));
        self
    }

    /// With one more option that takes no value: `flag("counters")`.
    #[must_use]
    pub fn flag(mut self, name: impl Into<Text>) -> IpSet {
        self.options.push((name.into(), None));
        self
    }

    /// With these entries besides those it has.
    #[must_use]
    pub fn entries<T: Into<Text>>(mut self, entries: impl IntoIterator<Item = T>) -> IpSet {
        self.entries.extend(entries.into_iter().map(Into::into));
        self
    }

    /// With the entries of a file besides those it has: one a line, `#` begins a remark.
    #[must_use]
    pub fn lines(self, text: &str) -> IpSet {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        self.entries(lines.filter(|it| !it.is_empty()))
    }
}
