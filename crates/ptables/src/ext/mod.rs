//! Layer 3. The catalogue of extensions: one file per match and per target.
//!
//! A file holds the struct, its [`Spec`], how options are read and printed, and what it means. `index.rs` is generated
//! from the folder by `cargo xtask gen`; nothing else is touched when an extension is added.

mod arg;
pub mod cases;
mod fault;
#[rustfmt::skip]
mod index;
pub mod matches;
mod options_header;
mod places;
mod printer;
mod range;
mod spec;
pub mod targets;

pub use arg::{Arg, End};
pub(crate) use fault::code_of;
pub use fault::{Fault, Part};
pub use index::{CATALOGUE, Entry, Match, Target};
pub use places::{Hook, Hooks, Places, TableName, TableSet};
pub use printer::Printer;
pub use spec::{Families, Group, Kind, Opt, Protos, Spec, Takes};

use crate::dialect::{Dialect, Family};
use crate::meaning::{Effect, Pred};

/// What a rule is read and printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// Address family.
    pub family: Family,
    /// Back end and version.
    pub dialect: Dialect,
}

impl Context {
    /// A context.
    pub const fn new(family: Family, dialect: Dialect) -> Context {
        Context { family, dialect }
    }
}

/// What every match and target answers.
pub trait Extension: Clone + std::fmt::Debug + PartialEq + Sized {
    /// Names, options and limits.
    const SPEC: Spec;

    /// The extension as `-m NAME` or `-j NAME` loads it, before any option.
    fn load(context: Context) -> Self;

    /// Takes one option. `name` is the option's first name in [`Spec::options`]; the generic reader has checked that it
    /// may be inverted and repeated, and that it has its value.
    ///
    /// # Errors
    /// A [`Fault`] if the value is wrong.
    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault>;

    /// After the last word of the rule. The generic reader has checked required and exclusive options.
    ///
    /// # Errors
    /// A [`Fault`] if the options do not go together.
    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let _ = end;
        Ok(())
    }

    /// Appends the options (not `-m NAME`) as iptables-save prints them.
    fn print(&self, to: &mut Printer<'_>);

    /// Where the kernel lets it stand; narrower than [`Spec::places`] where options decide.
    fn places(&self, context: Context) -> Places {
        let _ = context;
        Self::SPEC.places
    }

    /// Which protocols the kernel demands of the rule; `None` if any will do.
    fn protos(&self) -> Option<Protos> {
        Self::SPEC.protos
    }
}

/// What a match answers besides.
pub trait MatchExtension: Extension {
    /// The condition that it states.
    fn meaning(&self, context: Context) -> Pred;
}

/// What a target answers besides.
pub trait TargetExtension: Extension {
    /// What it does.
    fn effect(&self, context: Context) -> Effect;
}
