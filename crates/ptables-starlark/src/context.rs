//! What one run of a script has in common.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use ptables::diag::{Diagnostic, codes};
use ptables::dialect::Dialect;
use ptables::expect::Expectation;
use starlark::any::ProvidesStaticType;
use starlark::eval::Evaluator;

use crate::error::no;
use crate::files::Files;
use crate::origin::Origins;
use crate::run::Options;
use crate::values::tables::TablesValue;

/// Kept by the evaluator, for all files of a script.
#[derive(ProvidesStaticType)]
pub(crate) struct Context {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) settings: BTreeMap<String, String>,
    /// For which tools a script asks.
    pub(crate) dialect: Dialect,
    pub(crate) origins: Origins,
    /// All tables that were made, in order.
    pub(crate) made: RefCell<Vec<TablesValue>>,
    /// Those that `restore` was called with.
    pub(crate) restored: RefCell<Vec<TablesValue>>,
    /// What the script expects of its rules.
    pub(crate) expectations: RefCell<Vec<Expectation>>,
    pub(crate) diagnostics: RefCell<Vec<Diagnostic>>,
    /// What `print` wrote.
    pub(crate) printed: RefCell<Vec<String>>,
}

impl Context {
    pub(crate) fn new(options: &Options) -> Context {
        Context {
            files: Arc::clone(&options.files),
            settings: options.settings.clone(),
            dialect: options.dialect,
            origins: Origins::default(),
            made: RefCell::default(),
            restored: RefCell::default(),
            expectations: RefCell::default(),
            diagnostics: RefCell::default(),
            printed: RefCell::default(),
        }
    }

    pub(crate) fn of<'a>(eval: &Evaluator<'_, 'a, '_>) -> starlark::Result<&'a Context> {
        let context = eval.extra.and_then(|it| it.downcast_ref::<Context>());
        context.ok_or_else(|| no("this works in a script only".to_owned()))
    }

    pub(crate) fn warn(&self, eval: &Evaluator<'_, '_, '_>, message: &str) {
        let warning = Diagnostic::warning(codes::SCRIPT_WIDENED, message);
        self.diagnostics.borrow_mut().push(warning.at(self.origins.here(eval), ""));
    }
}
