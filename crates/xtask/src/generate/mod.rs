//! What is generated from the sources and checked in: one function per file.

mod codes;
mod diagnostics;
mod extensions;
mod reference;
mod stubs;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether to write the files or to compare them with what stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Writes what is stale.
    Write,
    /// Fails if anything is stale.
    Check,
}

/// A file and the text that belongs in it.
pub struct Generated {
    /// Where it stands.
    pub path: PathBuf,
    /// What belongs there.
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Writes or compares all generated files.
///
/// # Errors
/// What could not be read or written; in [`Mode::Check`], what is stale.
pub fn run(mode: Mode) -> Result<String, Box<dyn Error>> {
    let mut files = vec![codes::generate(&root())?, diagnostics::generate(&root())?];
    files.extend(extensions::generate(&root())?);
    // From the catalogue as it was compiled: a new extension is in it after the index was written and compiled.
    files.push(reference::generate(&root())?);
    files.extend(stubs::generate(&root())?);
    let mut stale = Vec::new();
    for file in &files {
        if fs::read_to_string(&file.path).ok().as_deref() == Some(&file.text) {
            continue;
        }
        stale.push(file.path.display().to_string());
        if mode == Mode::Write {
            fs::create_dir_all(file.path.parent().unwrap_or(&file.path))?;
            fs::write(&file.path, &file.text)?;
        }
    }
    match (mode, stale.is_empty()) {
        (_, true) => Ok("everything generated is up to date".into()),
        (Mode::Write, false) if stale.iter().any(|it| it.ends_with("index.rs")) => again(&stale),
        (Mode::Write, false) => Ok(format!("written: {}", stale.join(", "))),
        (Mode::Check, false) => Err(format!("stale: {}; run `cargo xtask gen`", stale.join(", ")).into()),
    }
}

/// Compiles the new index, and generates what follows from it.
fn again(written: &[String]) -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo).args(["xtask", "gen"]).current_dir(root()).status()?;
    if status.success() {
        Ok(format!("written: {}", written.join(", ")))
    } else {
        Err("the new index does not compile".into())
    }
}

/// The files beneath `dir` with this extension, sorted, as paths relative to it.
///
/// # Errors
/// What could not be read.
pub fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path.strip_prefix(dir)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_up_to_date() {
        run(Mode::Check).unwrap();
    }
}
