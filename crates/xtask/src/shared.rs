//! Material that lies beside the repository: facts measured on the real tools, and real rule sets.

use std::path::PathBuf;

/// The folder: `$PTABLES_SHARED`, or `shared` beside the repository. `None` where there is none, with a message; in CI
/// that is a failure.
///
/// # Panics
/// In CI, if the folder is absent: a comparison that is skipped there would say nothing.
pub fn folder() -> Option<PathBuf> {
    let beside = crate::generate::root().parent().map(|it| it.join("shared"));
    let folder = std::env::var_os("PTABLES_SHARED").map(PathBuf::from).or(beside).filter(|it| it.is_dir());
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the folder `shared` must lie beside the repository in CI");
        eprintln!("SKIPPED: there is no folder `shared` beside the repository (set PTABLES_SHARED)");
    }
    folder
}

/// A text file of the folder; bytes that are not UTF-8 are replaced.
///
/// # Panics
/// If the folder is there and the file is not.
pub fn read(name: &str) -> Option<String> {
    let path = folder()?.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())));
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[expect(clippy::panic, reason = "material that is there must be whole")]
fn fail(message: &str) -> ! {
    panic!("{message}")
}
