//! Firewall scripts in Starlark, with the names of PyPTables: a script that uses no classes runs here as it does under Python.
//!
//! ```
//! use ptables_starlark::{Options, evaluate};
//!
//! let script = "tables = default_tables()\ntables['filter']['INPUT'].append(Accept(proto='tcp', dport='22'))\n";
//! let made = evaluate("web.star", script, &Options::default()).tables.unwrap();
//! assert!(made.to_iptables().unwrap().contains("-A INPUT -p tcp -j ACCEPT --dport 22"));
//! ```
//!
//! A script reads no file, no clock and no environment by itself; files that it loads come from a [`Files`].

mod context;
mod error;
mod files;
mod given;
mod import;
mod origin;
mod run;
mod syntax;
mod values;

pub use files::{Files, Folder, NoFiles};
pub use import::{ImportError, import};
pub use run::{Guard, Limits, Options, Script, evaluate};
pub use values::class::names;
