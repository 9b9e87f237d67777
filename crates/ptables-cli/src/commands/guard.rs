//! `ptables guard`: the process that undoes what another does not finish. Started by `apply`, not by people.

use std::path::PathBuf;

use clap::Args;
use ptables::dialect::Backend;
use ptables::plan::Owner;
use ptables_kernel::Kernel;
use ptables_kernel::apply::{self, Applier};

use super::{Failure, Status};

/// Undo an application that its process does not finish, or nobody confirms
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[arg(long, value_parser = |text: &str| Owner::new(text))]
    owner: Owner,
    #[arg(long)]
    state: PathBuf,
    #[arg(long, value_parser = |text: &str| text.parse::<Backend>())]
    backend: Backend,
    #[arg(long)]
    lock_file: Option<PathBuf>,
    id: String,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut kernel = Kernel::new();
    if let Some(lock) = &options.lock_file {
        kernel = kernel.lock_file(lock);
    }
    let applier = Applier::new(kernel, options.backend, options.owner.clone(), &options.state)?;
    apply::guard(&applier, &options.id)?;
    Ok(Status::Fine)
}
