//! Who watches an application.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use ptables::plan::Step;

/// Sees each step before it is done, and may say that it shall not be.
type See = dyn Fn(&Step) -> ControlFlow<()> + Send + Sync;

/// Who watches.
pub(super) struct Watch(pub(super) Arc<See>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
