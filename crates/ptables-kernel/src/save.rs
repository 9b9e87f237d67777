//! Reads the rules of a namespace as `iptables-save` prints them.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use ptables::dialect::{Backend, Family};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::process::Output;
use crate::tool::{Task, Tool};

/// What a save tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The tables as text for `iptables-restore`; empty if the namespace has none.
    pub text: Vec<u8>,
    /// What the text leaves out, one line each as the tool said it: tables that other nft programs filled with what
    /// iptables can't say. A restore of this text does not bring them back, and a restore of such a table destroys
    /// what is in it.
    pub left_out: Vec<String>,
}

impl Kernel {
    /// The rules of a family and back end, with their counters if asked for.
    ///
    /// Loads no table: one that nobody has used is absent from the text.
    ///
    /// # Errors
    ///
    /// [`Error::PermissionDenied`] if this process may not read the rules. (`iptables-legacy-save` then prints
    /// nothing and succeeds; the difference between no rules and no permission is looked for here.)
    /// [`Error::Failed`] if the tool fails, and the errors of a run.
    pub fn save(&self, family: Family, backend: Backend, counters: bool) -> Result<Saved, Error> {
        if backend == Backend::Legacy {
            self.legacy_tables(family)?;
        }
        let tool = self.tool(family, backend, Task::Save)?;
        self.save_with(&tool, counters.then_some("-c").map(OsStr::new).as_slice())
    }

    /// The sets of the namespace with their entries, as text for `ipset restore`; empty if there are none.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`] without the program `ipset`, [`Error::PermissionDenied`] and [`Error::Failed`] if it fails, and
    /// the errors of a run.
    pub fn save_sets(&self) -> Result<Vec<u8>, Error> {
        let output = self.run_program("ipset", &["save"], b"")?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        match message.contains("Operation not permitted") {
            true => Err(Error::PermissionDenied { message }),
            false => Err(Error::Failed { tool: "ipset".into(), code: output.status.code(), message }),
        }
    }

    /// The rules of routing, routes and addresses of the namespace in both families, and the settings that decide about
    /// them, as text for [`Routes::parse`](ptables::routes::Routes::parse).
    ///
    /// # Errors
    /// [`Error::ToolMissing`] without the program `ip` (iproute2), [`Error::Failed`] if it fails, and the errors of a run.
    pub fn save_routes(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        for family in ["-4", "-6"] {
            for words in [&["rule"][..], &["route", "show", "table", "all"], &["addr"]] {
                let arguments = [&[family], words].concat();
                let output = self.run_program("ip", &arguments, b"")?;
                if !output.status.success() {
                    let message = String::from_utf8_lossy(&output.stderr).into_owned();
                    return Err(Error::Failed { tool: "ip".into(), code: output.status.code(), message });
                }
                text.extend_from_slice(format!("# ip {}\n", arguments.join(" ")).as_bytes());
                text.extend(output.stdout);
            }
        }
        // Without the program nobody knows these; where it matters, the way is then undecided.
        let settings = ["-a", "-r", r"\.rp_filter$|net\.ipv4\.ip_forward$|net\.ipv6\.conf\.all\.forwarding$"];
        match self.run_program("sysctl", &settings, b"") {
            Ok(output) => text.extend(output.stdout),
            Err(Error::ToolMissing { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(text)
    }

    pub(crate) fn save_with(&self, tool: &Tool, arguments: &[&OsStr]) -> Result<Saved, Error> {
        let output = self.run(tool, arguments, b"", Duration::ZERO)?;
        if !output.status.success() {
            return Err(failure(tool, &output));
        }
        let left_out = output.stdout.split(|byte| *byte == b'\n').filter(|line| is_left_out(line));
        let left_out = left_out.map(|line| String::from_utf8_lossy(line).trim_start_matches("# ").to_owned());
        Ok(Saved { left_out: left_out.collect(), text: output.stdout })
    }

    /// The tables that legacy rules of this namespace could be in. Read from the kernel without loading a table.
    pub(crate) fn legacy_tables(&self, family: Family) -> Result<Vec<String>, Error> {
        let name = match family {
            Family::V4 => "ip_tables_names",
            Family::V6 => "ip6_tables_names",
        };
        match self.namespace.read_proc_net(name) {
            Ok(names) => Ok(String::from_utf8_lossy(&names).lines().map(str::to_owned).collect()),
            // The kernel has no legacy tables at all.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(Error::PermissionDenied { message: format!("/proc/net/{name}: {error}") })
            }
            Err(source) => Err(Error::File { path: format!("/proc/net/{name}").into(), source }),
        }
    }
}

/// The comments with which `iptables-nft-save` stands in for what it can't print.
fn is_left_out(line: &[u8]) -> bool {
    line.starts_with(b"# Table `") && line.windows(12).any(|window| window == b"incompatible")
}

fn failure(tool: &Tool, output: &Output) -> Error {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    match message.contains("(you must be root)") {
        true => Error::PermissionDenied { message },
        false => Error::Failed { tool: tool.path.clone(), code: output.status.code(), message },
    }
}
