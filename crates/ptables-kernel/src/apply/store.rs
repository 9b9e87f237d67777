//! The folder in which it is kept what was applied: for root only, no link is followed, and what was altered is not used.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, flock, fstat, fsync, open, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::digest::sha256;
use crate::error::Error;

/// What a file ends with: the digest of all before.
const SEAL: &[u8] = b"\nsha256 ";

/// A folder of mode 0700 that belongs to this user, with files of mode 0600.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    folder: OwnedFd,
}

/// A lock that is held. It is given up by name, because a child that another thread starts just now has a copy of its descriptor for
/// a moment.
#[derive(Debug)]
pub(crate) struct Locked(OwnedFd);

impl Locked {
    /// Locks an open file; `None` if somebody else has it.
    pub(crate) fn new(file: OwnedFd, how: FlockOperation) -> Result<Option<Locked>, Errno> {
        loop {
            return match flock(&file, how) {
                Ok(()) => Ok(Some(Locked(file))),
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => Ok(None),
                Err(error) => Err(error),
            };
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // It goes with the descriptor in any case.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Store {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::File`]: it is a link, belongs to somebody else, or others may enter it.
    pub fn open(path: &Path) -> Result<Store, Error> {
        let failed = |source: io::Error| Error::File { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty()).map_err(|it| failed(it.into()))?;
        let facts = fstat(&folder).map_err(|it| failed(it.into()))?;
        if facts.st_uid != geteuid().as_raw() || facts.st_mode & 0o077 != 0 {
            let why = "the folder is not this user's alone (mode 0700)";
            return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        Ok(Store { path: path.to_owned(), folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, name: &str) -> impl Fn(Errno) -> Error {
        let path = self.path.join(name);
        move |it| Error::File { path: path.clone(), source: it.into() }
    }

    /// What a file holds; `None` if there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let failed = self.failed(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            file => file.map_err(&failed)?,
        };
        let facts = fstat(&file).map_err(&failed)?;
        let wrong = |why| Error::File {
            path: self.path.join(name),
            source: io::Error::new(io::ErrorKind::InvalidData, why),
        };
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile
            || facts.st_uid != geteuid().as_raw()
        {
            return Err(wrong("not a file of this user"));
        }
        let mut bytes = Vec::new();
        let mut file = File::from(file);
        file.read_to_end(&mut bytes).map_err(|source| Error::File { path: self.path.join(name), source })?;
        let at = bytes.len().checked_sub(SEAL.len() + 65);
        let (content, seal) =
            at.and_then(|at| bytes.split_at_checked(at)).ok_or_else(|| wrong("it is cut off"))?;
        if seal != [SEAL, sha256(content).as_bytes(), b"\n"].concat() {
            return Err(wrong("its digest is not that of its content: it was altered, and is not used"));
        }
        bytes.truncate(bytes.len() - SEAL.len() - 65);
        Ok(Some(bytes))
    }

    /// Writes a file, all of it or nothing, and onto the disk.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let failed = self.failed(name);
        let new = format!("{name}.new");
        self.remove(&new)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, new.as_str(), flags, Mode::from_raw_mode(0o600)).map_err(&failed)?;
        let mut file = File::from(file);
        let digest = sha256(content);
        file.write_all(&[content, SEAL, digest.as_bytes(), b"\n"].concat())
            .and_then(|()| file.sync_all())
            .map_err(|source| Error::File { path: self.path.join(name), source })?;
        renameat(&self.folder, new.as_str(), &self.folder, name).map_err(&failed)?;
        fsync(&self.folder).map_err(&failed)
    }

    /// Takes a file away, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed(name)(error)),
        }
    }

    /// Locks a file of the folder; `None` if somebody else has it, and `wait` is not set.
    pub(crate) fn lock(&self, name: &str, wait: bool) -> Result<Option<Locked>, Error> {
        let failed = self.failed(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, name, flags, Mode::from_raw_mode(0o600)).map_err(&failed)?;
        let how = if wait { FlockOperation::LockExclusive } else { FlockOperation::NonBlockingLockExclusive };
        Locked::new(file, how).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::netns::Scratch;

    #[test]
    fn files_are_private_and_what_was_altered_is_refused() {
        let Ok(scratch) = Scratch::new() else { return };
        let path = scratch.directory().join("state");
        let store = Store::open(&path).unwrap();
        assert_eq!(store.read("record").unwrap(), None);
        store.write("record", b"one").unwrap();
        store.write("record", b"two\n").unwrap();
        assert_eq!(store.read("record").unwrap().unwrap(), b"two\n");
        let mode = |it: &Path| std::fs::metadata(it).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("record"))), (0o700, 0o600));
        let mut bytes = std::fs::read(path.join("record")).unwrap();
        bytes[0] = b'T';
        std::fs::write(path.join("record"), bytes).unwrap();
        assert!(store.read("record").unwrap_err().to_string().contains("altered"));
        std::fs::write(path.join("other"), "x").unwrap();
        symlink(path.join("other"), path.join("link")).unwrap();
        assert!(store.read("link").is_err());
        let held = store.lock("lock", false).unwrap();
        assert!(held.is_some() && store.lock("lock", false).unwrap().is_none());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Store::open(&path).unwrap_err().to_string().contains("0700"));
        symlink(&path, scratch.directory().join("linked")).unwrap();
        assert!(Store::open(&scratch.directory().join("linked")).is_err());
    }
}
