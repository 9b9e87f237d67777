//! Files that scripts load, through one door.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

use crate::syntax::MAX_BYTES;

/// Gives the texts of files that a script names.
pub trait Files: Send + Sync {
    /// The text of a file, by the name that the script gives.
    ///
    /// # Errors
    /// Why it is not to be had, in a sentence.
    fn read(&self, name: &str) -> Result<String, String>;
}

/// No files at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("`{name}`: this script cannot load files"))
    }
}

/// Files beneath a folder: regular ones of 2 MiB at most, by no symbolic link, and under root only such as others cannot write.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of a script.
    pub fn of(script: &Path) -> Folder {
        let parent = script.parent().filter(|it| !it.as_os_str().is_empty());
        Folder { path: parent.unwrap_or(Path::new(".")).to_owned() }
    }
}

impl Files for Folder {
    fn read(&self, name: &str) -> Result<String, String> {
        let fail = |error: rustix::io::Errno| {
            let why = match error {
                rustix::io::Errno::XDEV => "it is outside of the script's folder".to_owned(),
                rustix::io::Errno::LOOP => "it is reached by a symbolic link".to_owned(),
                other => std::io::Error::from(other).to_string(),
            };
            format!("`{name}`: {why}")
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let folder =
            openat(CWD, &self.path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let folder = folder.map_err(fail)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&folder, name, flags, Mode::empty(), resolve).map_err(fail)?;
        let facts = fstat(&file).map_err(fail)?;
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
            return Err(format!("`{name}`: it is no regular file"));
        }
        if rustix::process::geteuid().is_root() && (facts.st_uid != 0 || facts.st_mode & 0o022 != 0) {
            return Err(format!("`{name}`: others can write it, so root does not read it"));
        }
        let mut text = String::new();
        let read = File::from(file).take(MAX_BYTES as u64 + 1).read_to_string(&mut text);
        match read {
            Err(error) => Err(format!("`{name}`: {error}")),
            Ok(length) if length > MAX_BYTES => Err(format!("`{name}`: more than 2 MiB")),
            Ok(_) => Ok(text),
        }
    }
}
