//! A network namespace without being root: inside a user namespace.
//!
//! A process with threads may neither make nor enter a user namespace, so `unshare` makes one around a shell, and the
//! shell may go as soon as the namespaces are open here.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::error::Error;
use crate::namespace::{self, Namespace};
use crate::process;
use crate::tool::Search;

/// Says that the namespaces are ready, and stays until its standard input is closed.
const SCRIPT: &str = "ip link set lo up || exit 1; echo ready; read -r _";

pub(super) fn new_namespace() -> Result<Namespace, Error> {
    let failed = |source| Error::Namespace { doing: "make a user and network namespace".into(), source };
    let search = Search::default();
    let unshare = search.program("unshare")?;
    let mut command = Command::new(&unshare);
    process::isolate(&mut command);
    // In two steps: a network that is made before the user namespace knows its root keeps the machine's root as the
    // owner of `/proc/net/ip_tables_names`, and legacy tools then see no tables.
    command.args(["--user", "--map-root-user", "--"]).arg(unshare).args(["--net", "--"]);
    command.arg(search.program("sh")?).args(["-c", SCRIPT]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let opened = open_ready(&mut child);
    // Closes the child's input, which ends it.
    drop(child.stdin.take());
    child.wait().map_err(failed)?;
    opened.map_err(failed)
}

fn open_ready(child: &mut Child) -> io::Result<Namespace> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if line != "ready\n" {
        let mut reason = String::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(4096).read_to_string(&mut reason)?;
        }
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason.trim_end().to_owned()));
    }
    let open = |name| namespace::open(Path::new(&format!("/proc/{}/ns/{name}", child.id()))).map(Arc::new);
    Ok(Namespace::User { user: open("user")?, network: open("net")? })
}
