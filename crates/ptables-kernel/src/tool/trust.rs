//! Whether a program may be run by root: nobody else can replace it, or anything on the way to it.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::process::geteuid;

use crate::error::Error;

/// What is wrong with a tool, or with a directory on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distrust {
    /// It belongs to a user who is neither root nor the one who runs this program.
    #[non_exhaustive]
    Owner {
        /// The owner's user id.
        uid: u32,
    },
    /// Its group or everybody may write to it (and, if it is a directory, remove what others put there).
    #[non_exhaustive]
    Writable {
        /// The permission bits.
        mode: u32,
    },
    /// More than 40 symbolic links lead to it.
    TooManyLinks,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distrust::Owner { uid } => write!(f, "belongs to user {uid}, not to root"),
            Distrust::Writable { mode } => write!(f, "can be written by others than root (mode {mode:04o})"),
            Distrust::TooManyLinks => f.write_str("is behind too many symbolic links"),
        }
    }
}

/// Walks from the root to the file, through every symbolic link, and looks at each step.
pub(super) fn check(tool: &Path) -> Result<(), Error> {
    let distrust = |at: &Path, why| Error::ToolUnsafe { tool: tool.to_owned(), at: at.to_owned(), why };
    let owners = Owners::of_this_process();
    let mut pending: Vec<OsString> = Vec::new();
    push(&mut pending, tool);
    let mut here = PathBuf::new();
    let mut links = 0;
    while let Some(step) = pending.pop() {
        if step == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&step);
        let failed = |source| Error::File { path: next.clone(), source };
        let meta = fs::symlink_metadata(&next).map_err(failed)?;
        if meta.is_symlink() {
            // Nobody can change a link but by replacing it, which its directory decides.
            links += 1;
            if links > 40 {
                return Err(distrust(&next, Distrust::TooManyLinks));
            }
            push(&mut pending, &fs::read_link(&next).map_err(failed)?);
            continue;
        }
        owners.judge(&meta).map_err(|why| distrust(&next, why))?;
        here = next;
    }
    Ok(())
}

/// Puts the steps of a path on the stack, the first on top. The root is a step of its own: joined, it starts anew.
fn push(pending: &mut Vec<OsString>, path: &Path) {
    let steps = path.components().filter(|step| !matches!(step, Component::CurDir | Component::Prefix(_)));
    let first = pending.len();
    pending.extend(steps.map(|step| step.as_os_str().to_owned()));
    if let Some(new) = pending.get_mut(first..) {
        new.reverse();
    }
}

/// Who may own a tool.
struct Owners {
    me: u32,
    /// Inside a user namespace that does not know the machine's root, his files seem to belong to this user.
    unmapped: Option<u32>,
}

impl Owners {
    fn of_this_process() -> Owners {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let nobody = read("/proc/sys/kernel/overflowuid").trim().parse().ok();
        let map = read("/proc/self/uid_map");
        Owners { me: geteuid().as_raw(), unmapped: nobody.filter(|nobody| !maps(&map, *nobody)) }
    }

    fn judge(&self, meta: &Metadata) -> Result<(), Distrust> {
        let uid = meta.uid();
        if uid != 0 && uid != self.me && Some(uid) != self.unmapped {
            return Err(Distrust::Owner { uid });
        }
        // In a sticky directory (`/tmp`) everybody can add, but only the owner can replace.
        let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
        match meta.mode() & 0o022 != 0 && !sticky {
            true => Err(Distrust::Writable { mode: meta.mode() & 0o7777 }),
            false => Ok(()),
        }
    }
}

/// Whether a `uid_map` (lines of first id inside, first id outside, count) gives somebody this id.
fn maps(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>());
        match (numbers.next(), numbers.nth(1)) {
            (Some(Ok(first)), Some(Ok(count))) => uid.checked_sub(first).is_some_and(|offset| offset < count),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ptables-trust-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_tool_that_others_can_write_is_refused() {
        let directory = directory("file");
        let tool = directory.join("tool");
        fs::write(&tool, "").unwrap();
        mode(&tool, 0o755);
        assert!(check(&tool).is_ok());
        mode(&tool, 0o757);
        let error = check(&tool).unwrap_err();
        assert!(
            matches!(error, Error::ToolUnsafe { why: Distrust::Writable { mode: 0o757 }, .. }),
            "{error}"
        );
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_directory_behind_a_link_counts_too() {
        let directory = directory("link");
        let open = directory.join("open");
        fs::create_dir(&open).unwrap();
        fs::write(open.join("tool"), "").unwrap();
        mode(&open.join("tool"), 0o755);
        symlink("open/../open/tool", directory.join("link")).unwrap();
        mode(&open, 0o755);
        assert!(check(&directory.join("link")).is_ok());
        mode(&open, 0o775);
        let error = check(&directory.join("link")).unwrap_err();
        assert!(matches!(&error, Error::ToolUnsafe { at, .. } if at.ends_with("open")), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn nobody_is_unmapped_only_where_the_map_leaves_him_out() {
        assert!(maps("         0          0 4294967295\n", 65534));
        assert!(maps("0 100000 65536\n", 65534));
        assert!(!maps("0 1000 1\n", 65534));
        assert!(!maps("", 65534));
    }

    #[test]
    fn links_in_a_circle_end() {
        let directory = directory("circle");
        symlink("b", directory.join("a")).unwrap();
        symlink("a", directory.join("b")).unwrap();
        let error = check(&directory.join("a")).unwrap_err();
        assert!(matches!(error, Error::ToolUnsafe { why: Distrust::TooManyLinks, .. }), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
