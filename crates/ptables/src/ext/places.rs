//! Tables, hooks, and the pairs of both where an extension may stand.

use std::fmt;

/// A hook of the kernel, which is also the name of a built-in chain. In the order in which packets meet them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// To this machine.
    Input,
    /// Through this machine.
    Forward,
    /// From this machine.
    Output,
    /// After routing.
    Postrouting,
}

/// A table of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    /// `filter`.
    Filter,
    /// `nat`.
    Nat,
    /// `mangle`.
    Mangle,
    /// `raw`.
    Raw,
    /// `security`.
    Security,
}

impl Hook {
    /// All five.
    pub const ALL: [Hook; 5] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// The name of the built-in chain.
    pub const fn as_str(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }

    /// The hook whose built-in chain has this name.
    pub fn find(name: &[u8]) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| hook.as_str().as_bytes() == name)
    }
}

impl TableName {
    /// All five.
    pub const ALL: [TableName; 5] =
        [TableName::Filter, TableName::Nat, TableName::Mangle, TableName::Raw, TableName::Security];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            TableName::Filter => "filter",
            TableName::Nat => "nat",
            TableName::Mangle => "mangle",
            TableName::Raw => "raw",
            TableName::Security => "security",
        }
    }

    /// The table of this name.
    pub fn find(name: &[u8]) -> Option<TableName> {
        TableName::ALL.into_iter().find(|table| table.as_str().as_bytes() == name)
    }

    /// Its hooks, in the order of iptables-save.
    pub const fn hooks(self) -> &'static [Hook] {
        match self {
            TableName::Filter | TableName::Security => &[Hook::Input, Hook::Forward, Hook::Output],
            TableName::Nat => &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting],
            TableName::Mangle => &Hook::ALL,
            TableName::Raw => &[Hook::Prerouting, Hook::Output],
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hooks(u8);

impl Hooks {
    /// All five.
    pub const ALL: Hooks = Hooks(31);
    /// None.
    pub const NONE: Hooks = Hooks(0);
    /// Where a packet has an incoming interface: PREROUTING, INPUT, FORWARD.
    pub const INCOMING: Hooks = Hooks::of(&[Hook::Prerouting, Hook::Input, Hook::Forward]);
    /// Where a packet has an outgoing interface: FORWARD, OUTPUT, POSTROUTING.
    pub const OUTGOING: Hooks = Hooks::of(&[Hook::Forward, Hook::Output, Hook::Postrouting]);

    /// These hooks.
    pub const fn of(hooks: &[Hook]) -> Hooks {
        let mut bits = 0;
        let mut rest = hooks;
        while let [first, more @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = more;
        }
        Hooks(bits)
    }

    /// Whether the hook is in the set.
    pub const fn has(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Hooks) -> Hooks {
        Hooks(self.0 & other.0)
    }

    /// Those in either.
    #[must_use]
    pub const fn or(self, other: Hooks) -> Hooks {
        Hooks(self.0 | other.0)
    }

    /// Those not in `other`.
    #[must_use]
    pub const fn without(self, other: Hooks) -> Hooks {
        Hooks(self.0 & !other.0)
    }

    /// The hooks in the set.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL.into_iter().filter(move |hook| self.has(*hook))
    }
}

/// A set of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSet(u8);

impl TableSet {
    /// All five.
    pub const ALL: TableSet = TableSet(31);

    /// These tables.
    pub const fn of(tables: &[TableName]) -> TableSet {
        let mut bits = 0;
        let mut rest = tables;
        while let [first, more @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = more;
        }
        TableSet(bits)
    }

    /// Whether the table is in the set.
    pub const fn has(self, table: TableName) -> bool {
        self.0 & (1 << table as u8) != 0
    }

    /// The tables in the set.
    pub fn iter(self) -> impl Iterator<Item = TableName> {
        TableName::ALL.into_iter().filter(move |table| self.has(*table))
    }
}

/// Tables and hooks where something may stand: in such a table, reached from such hooks only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Tables.
    pub tables: TableSet,
    /// Hooks.
    pub hooks: Hooks,
}

impl Places {
    /// Everywhere.
    pub const ANY: Places = Places { tables: TableSet::ALL, hooks: Hooks::ALL };

    /// Any hook of these tables.
    pub const fn tables(tables: &[TableName]) -> Places {
        Places { tables: TableSet::of(tables), hooks: Hooks::ALL }
    }

    /// These hooks of any table.
    pub const fn hooks(hooks: Hooks) -> Places {
        Places { tables: TableSet::ALL, hooks }
    }

    /// These hooks of these tables.
    pub const fn new(tables: &[TableName], hooks: &[Hook]) -> Places {
        Places { tables: TableSet::of(tables), hooks: Hooks::of(hooks) }
    }
}
