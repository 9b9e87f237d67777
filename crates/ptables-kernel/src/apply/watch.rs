//! Who watches an application.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use ptables::plan::Step;

/// A function that sees each step before it is done, and may say that it shall not be.
pub(super) struct Watch(pub(super) Arc<dyn Fn(&Step) -> ControlFlow<()> + Send + Sync>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
