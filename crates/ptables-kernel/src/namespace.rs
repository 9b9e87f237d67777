//! The network namespace that a tool is started in.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, id};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};

use crate::error::Error;
use crate::process::{self, Request};
use crate::tool::Search;

/// Where a child is started. The caller's thread never moves: a thread of its own enters the namespace and starts the
/// child, which inherits it.
#[derive(Clone, Debug)]
pub(crate) enum Namespace {
    /// That of the calling thread.
    Current,
    /// A network namespace that this process may enter.
    Network(Arc<OwnedFd>),
    /// A network namespace that belongs to a user namespace. A process with several threads can't enter a user
    /// namespace, so `nsenter` does it in the child.
    User {
        /// The user namespace.
        user: Arc<OwnedFd>,
        /// The network namespace.
        network: Arc<OwnedFd>,
    },
}

impl Namespace {
    /// Opens a network namespace and tries to enter it.
    pub(crate) fn open(path: &Path) -> Result<Namespace, Error> {
        let failed = |what: &str| {
            let doing = format!("{what} the network namespace {}", path.display());
            move |source| Error::Namespace { doing, source }
        };
        let file = open(path).map_err(failed("open"))?;
        let namespace = Namespace::Network(Arc::new(file));
        namespace.inside(|| ()).map_err(failed("enter"))?;
        Ok(namespace)
    }

    /// A command that will run `program` in the user namespace, if there is one.
    pub(crate) fn command(&self, program: &Path) -> Result<Command, Error> {
        let Namespace::User { user, network } = self else { return Ok(Command::new(program)) };
        let nsenter = Search::default().program("nsenter")?;
        let mut command = Command::new(nsenter);
        command.arg("--preserve-credentials");
        command.arg(format!("--user=/proc/{}/fd/{}", id(), user.as_raw_fd()));
        command.arg(format!("--net=/proc/{}/fd/{}", id(), network.as_raw_fd()));
        command.arg("--").arg(program);
        Ok(command)
    }

    /// Whether it is that of the calling thread.
    pub(crate) fn is_current(&self) -> bool {
        matches!(self, Namespace::Current)
    }

    /// Starts a command made by [`Namespace::command`].
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.inside(|| command.spawn())?
    }

    /// Whether tools started here could change rules, as far as this process can tell.
    pub(crate) fn may_administer(&self) -> bool {
        matches!(self, Namespace::User { .. })
            || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN))
    }

    /// Reads a file below `/proc/net` of the namespace; these files are short.
    pub(crate) fn read_proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        // `/proc/net` is that of the first thread; only `thread-self` follows the thread that reads.
        let path = format!("/proc/thread-self/net/{name}");
        if matches!(self, Namespace::User { .. }) {
            return self.read_by_cat(&format!("/proc/self/net/{name}"));
        }
        self.inside(|| {
            let mut content = Vec::new();
            OpenOptions::new().read(true).open(&path)?.take(1 << 20).read_to_end(&mut content)?;
            Ok(content)
        })?
    }

    fn read_by_cat(&self, path: &str) -> io::Result<Vec<u8>> {
        let cat = Search::default().program("cat").map_err(io::Error::other)?;
        let mut command = self.command(&cat).map_err(io::Error::other)?;
        process::isolate(&mut command);
        command.arg(path);
        let deadline = Duration::from_secs(10);
        let request = Request { tool: &cat, command, namespace: self, input: b"", deadline };
        let output = process::run(request).map_err(io::Error::other)?;
        match String::from_utf8_lossy(&output.stderr) {
            _ if output.status.success() => Ok(output.stdout),
            message if message.contains("No such file") => Err(io::ErrorKind::NotFound.into()),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// Calls `work` on a thread that is in the network namespace.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let Namespace::Network(namespace) = self else { return Ok(work()) };
        on_a_thread(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        })
    }
}

/// Calls `work` on a thread of its own, so that what it does to its namespaces ends with it.
pub(crate) fn on_a_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("ptables-netns".into()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the namespace panicked")))
    })
}

/// Opens a namespace file. Does not block on a FIFO in its place.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    Ok(OpenOptions::new().read(true).custom_flags(flags).open(path)?.into())
}
