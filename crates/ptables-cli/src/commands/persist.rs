//! `ptables persist`: what is applied is there again after the machine starts.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use ptables_kernel::apply::{UNIT, competitors, unit};

use super::{Failure, Status};
use crate::applying::Where;
use crate::cli::Target;

/// Keep what is applied for the next start of the machine, and write a unit for systemd that loads it before the network
///
/// What was kept before stays as a way back: `ptables load`, which the unit runs, takes it if the newer is broken or refused.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where the unit is written
    #[arg(long, value_name = "FILE", default_value = UNIT)]
    unit: PathBuf,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let backend = options.place.backend(options.target.backend)?;
    options.place.applier(backend)?.persist()?;
    let program = std::env::current_exe()?;
    let mut command =
        format!("{} load --backend {backend} --owner {}", program.display(), options.place.owner.name());
    if let Some(state) = &options.place.state {
        command.push_str(&format!(" --state {}", std::path::absolute(state)?.display()));
    }
    if command.chars().any(|it| it.is_control() || matches!(it, '%' | '$' | '"' | '\'' | '\\')) {
        return Err("the path of the program or of the state cannot be written into a unit".into());
    }
    write(&options.unit, &unit(&command))?;
    for other in competitors() {
        eprintln!("ptables: warning: {other} is enabled too: it loads rules of its own at the start");
    }
    println!("{} was written; `systemctl enable ptables` makes the machine load it", options.unit.display());
    Ok(Status::Fine)
}

/// All of it or nothing.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let new = path.with_extension("service.new");
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(std::fs::rename(&new, path)?)
}
