//! The native half of the Python package `pyptables`: rules, text, checks and restoring, over the core of ptables.
//!
//! Everything that scripts see has its place in `python/pyptables`; nothing here is imported by users.

mod analysis;
mod apply;
mod build;
mod catalogue;
mod diagnostic;
mod errors;
mod expansion;
mod firewall;
mod keys;
mod kinds;
mod parse;
mod place;
mod program;
mod rule;
mod simulate;
mod values;

use pyo3::pymodule;

/// The native half of `pyptables`; not to be used by itself.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::analysis::{diff, fix, reach};
    #[pymodule_export]
    use crate::apply::{apply, confirm, go_back, guard, history, plan, remove, rollback, status};
    #[pymodule_export]
    use crate::build::{chain_text, tables_text};
    #[pymodule_export]
    use crate::catalogue::catalogue;
    #[pymodule_export]
    use crate::diagnostic::{Diagnostic, Label};
    #[pymodule_export]
    use crate::expansion::{route_bases, route_stages};
    #[pymodule_export]
    use crate::firewall::{firewall, service, services};
    #[pymodule_export]
    use crate::parse::parse;
    #[pymodule_export]
    use crate::place::caller;
    #[pymodule_export]
    use crate::program::Program;
    #[pymodule_export]
    use crate::rule::RuleBase;
    #[pymodule_export]
    use crate::simulate::{Simulation, Step, TestReport};
    #[pymodule_export]
    use crate::values::{
        arguments_text, custom_line, heading, known_options, one_line, quote, table_title, visible,
    };
}
