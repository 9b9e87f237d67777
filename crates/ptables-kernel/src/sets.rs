//! Reads the sets of a namespace as `ipset save` prints them.

use crate::error::Error;
use crate::kernel::Kernel;
use crate::process::Output;

impl Kernel {
    /// The sets of the namespace with their entries, as text for `ipset restore`; empty if there are none.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`] without the program `ipset`, [`Error::PermissionDenied`] and [`Error::Failed`] if it fails, and
    /// the errors of a run.
    pub fn save_sets(&self) -> Result<Vec<u8>, Error> {
        let output = self.run_program("ipset", &["save"], b"")?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed("ipset", &output)) }
    }
}

/// A program that did not do what it was asked for.
pub(crate) fn failed(name: &str, output: &Output) -> Error {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    if message.contains("Operation not permitted") || message.contains("root") {
        return Error::PermissionDenied { message };
    }
    Error::Failed { tool: name.into(), code: output.status.code(), message }
}
