//! `ptables restore`: gives a configuration to the kernel.

use std::path::PathBuf;

use clap::Args;
use ptables_kernel::{Kernel, RestoreOptions};

use super::{Failure, Status};
use crate::cli::{File, Report, Script, Target};
use crate::input::Input;
use crate::output::Findings;

/// Replace the tables of the kernel by those of a configuration
///
/// The configuration is checked first; any error stops everything. Then iptables-restore tries it, and applies it; of a
/// configuration for both families, both are tried before one is applied. Sets that it declares are made first, and get their new
/// contents in one step. What is refused is reported with the line that wrote it.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    file: File,
    /// Only try it: nothing is changed
    #[arg(long)]
    test: bool,
    /// Add to what the kernel holds; chains that are not declared stay as they are
    #[arg(long)]
    noflush: bool,
    /// Set the counters that the file gives
    #[arg(short, long)]
    counters: bool,
    /// Network namespace, such as /run/netns/NAME
    #[arg(long, value_name = "PATH")]
    netns: Option<PathBuf>,
    /// Seconds to wait for the lock of the legacy tools
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u32>,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let input = Input::read(&options.file.file, &options.script)?;
    let mut kernel = Kernel::new();
    if let Some(netns) = &options.netns {
        kernel = kernel.in_namespace(netns)?;
    }
    if let Some(lock) = std::env::var_os("XTABLES_LOCKFILE") {
        // Who isolates the tools by a lock file of their own means us too.
        kernel = kernel.lock_file(lock);
    }
    let mut findings = Findings::new(&options.report);
    let backend = match options.target.backend {
        Some(backend) => backend,
        None => {
            let detection = kernel.detect()?;
            if let Some(warning) = detection.warning() {
                eprintln!("ptables: warning: {warning}");
            }
            detection.backend()
        }
    };
    let parsed = input.parse();
    let families = input.families(&options.target, &parsed.tables)?;
    let mut how =
        RestoreOptions::new().test_only(options.test).noflush(options.noflush).counters(options.counters);
    if let Some(seconds) = options.wait {
        how = how.wait(seconds);
    }
    match kernel.restore_families(&parsed.tables, parsed.diagnostics, families, backend, how) {
        Ok(restored) => {
            findings.add(restored.diagnostics);
            findings.report_to_stderr()
        }
        Err(refused) => {
            // No tool judged the rules: that is not their fault.
            let unasked = refused.error().is_some_and(|error| !error.is_verdict());
            findings.add(refused.into_diagnostics());
            findings.report_to_stderr()?;
            eprintln!("ptables: the configuration was not restored");
            if unasked { Err("the rules were not judged".into()) } else { Ok(Status::Errors) }
        }
    }
}
