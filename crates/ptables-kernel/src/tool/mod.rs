//! Finding the iptables tools: by absolute path, in a fixed list of directories, never through `PATH`.

mod trust;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use ptables::dialect::{Backend, Family};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::version::Reported;

pub use trust::Distrust;

/// Where distributions put their administrators' programs.
const DIRECTORIES: [&str; 7] = [
    "/usr/sbin",
    "/sbin",
    "/usr/local/sbin",
    "/usr/bin",
    "/bin",
    "/usr/local/bin",
    "/run/current-system/sw/bin",
];

/// What a tool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Main,
    Save,
    Restore,
}

/// A program that may be run.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// First argument, for the program that is all tools in one.
    pub(crate) subcommand: Option<&'static str>,
}

/// An ordered list of directories.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    directories: Vec<PathBuf>,
}

impl Default for Search {
    fn default() -> Search {
        Search::new(DIRECTORIES.into_iter().map(PathBuf::from).collect())
    }
}

impl Search {
    pub(crate) fn new(directories: Vec<PathBuf>) -> Search {
        Search { directories }
    }

    /// The program of this name. The first that exists decides, also when it can't be trusted.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf, Error> {
        self.find(name)?.ok_or_else(|| self.missing(name))
    }

    fn find(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let mut places = self.directories.iter().map(|directory| directory.join(name));
        let Some(path) = places.find(|path| path.is_absolute() && path.is_file()) else { return Ok(None) };
        trust::check(&path)?;
        Ok(Some(path))
    }

    fn missing(&self, name: impl Into<String>) -> Error {
        Error::ToolMissing { tool: name.into(), directories: self.directories.clone() }
    }
}

impl Kernel {
    /// The tool for a task, in this order: under its own name (`iptables-nft-save`); as a subcommand of the program
    /// that is all tools in one (`xtables-nft-multi`); under the plain name (`iptables-save`), on systems that have
    /// one back end only, if its version says that it is the one.
    pub(crate) fn tool(&self, family: Family, backend: Backend, task: Task) -> Result<Tool, Error> {
        let name = specific_name(family, backend, task);
        if let Some(path) = self.search.find(name)? {
            return Ok(Tool { path, subcommand: None });
        }
        let multi = match backend {
            Backend::Legacy => "xtables-legacy-multi",
            Backend::Nft => "xtables-nft-multi",
        };
        if let Some(path) = self.search.find(multi)? {
            return Ok(Tool { path, subcommand: Some(plain_name(family, task)) });
        }
        if let Some(path) = self.search.find(plain_name(family, task))? {
            let tool = Tool { path, subcommand: None };
            if self.reported(&tool)?.backend == backend {
                return Ok(tool);
            }
        }
        Err(self.search.missing(format!("{name}, {multi} or {} of that kind", plain_name(family, task))))
    }

    /// The tool that is called plainly `iptables`, whatever its back end.
    pub(crate) fn default_tool(&self) -> Result<Tool, Error> {
        let path = self.search.program(plain_name(Family::V4, Task::Main))?;
        Ok(Tool { path, subcommand: None })
    }

    /// What the tool says about itself.
    pub(crate) fn reported(&self, tool: &Tool) -> Result<Reported, Error> {
        let output = self.run(tool, &[OsStr::new("--version")], b"", Duration::ZERO)?;
        let text = String::from_utf8_lossy(&output.stdout);
        Reported::parse(&text)
            .ok_or_else(|| Error::UnknownVersion { tool: tool.path.clone(), output: text.into_owned() })
    }
}

fn plain_name(family: Family, task: Task) -> &'static str {
    match (family, task) {
        (Family::V4, Task::Main) => "iptables",
        (Family::V4, Task::Save) => "iptables-save",
        (Family::V4, Task::Restore) => "iptables-restore",
        (Family::V6, Task::Main) => "ip6tables",
        (Family::V6, Task::Save) => "ip6tables-save",
        (Family::V6, Task::Restore) => "ip6tables-restore",
    }
}

fn specific_name(family: Family, backend: Backend, task: Task) -> &'static str {
    match (family, backend, task) {
        (Family::V4, Backend::Legacy, Task::Main) => "iptables-legacy",
        (Family::V4, Backend::Legacy, Task::Save) => "iptables-legacy-save",
        (Family::V4, Backend::Legacy, Task::Restore) => "iptables-legacy-restore",
        (Family::V4, Backend::Nft, Task::Main) => "iptables-nft",
        (Family::V4, Backend::Nft, Task::Save) => "iptables-nft-save",
        (Family::V4, Backend::Nft, Task::Restore) => "iptables-nft-restore",
        (Family::V6, Backend::Legacy, Task::Main) => "ip6tables-legacy",
        (Family::V6, Backend::Legacy, Task::Save) => "ip6tables-legacy-save",
        (Family::V6, Backend::Legacy, Task::Restore) => "ip6tables-legacy-restore",
        (Family::V6, Backend::Nft, Task::Main) => "ip6tables-nft",
        (Family::V6, Backend::Nft, Task::Save) => "ip6tables-nft-save",
        (Family::V6, Backend::Nft, Task::Restore) => "ip6tables-nft-restore",
    }
}
