//! Rules are loaded, many sets one after another.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::world;

/// Bytes of text of which the remarks fit a pipe.
const PIPE: usize = 30_000;

/// A restore tool that stays and takes one set of rules after another.
#[derive(Debug)]
pub struct Loader {
    program: &'static str,
    lock: std::path::PathBuf,
    running: Option<Running>,
    loaded: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Loader {
    /// The legacy tool of a family, with a lock file of its own.
    pub fn legacy(v6: bool, lock: &Path) -> Loader {
        let program = if v6 { "ip6tables-legacy-restore" } else { "iptables-legacy-restore" };
        Loader { program, lock: lock.to_owned(), running: None, loaded: 0 }
    }

    /// Loads the tables of a text.
    ///
    /// # Errors
    /// What the tool said against it.
    pub fn load(&mut self, text: &str) -> io::Result<()> {
        if text.len() > PIPE {
            // Nobody would read its remarks while the text is written.
            return once(self.program, &self.lock, text);
        }
        self.loaded += 1;
        let done = format!("# loaded {}\n", self.loaded);
        match self.feed(&format!("{text}{done}"), &done) {
            Ok(()) => Ok(()),
            Err(_) => {
                self.stop();
                // The one that stays has no ear for what it says; another tells the reason.
                once(self.program, &self.lock, text)
            }
        }
    }

    fn feed(&mut self, text: &str, done: &str) -> io::Result<()> {
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(start(self.program, &self.lock)?),
        };
        running.input.write_all(text.as_bytes())?;
        let mut line = String::new();
        while line != done {
            line.clear();
            if running.output.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(Running { mut child, input, .. }) = self.running.take() {
            drop(input);
            // It ends at the end of its input.
            let _ = child.wait();
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop();
    }
}

/// It prints the remarks of its input: that tells when a set is loaded.
fn start(program: &str, lock: &Path) -> io::Result<Running> {
    let mut command = Command::new("stdbuf");
    command.args(["-oL", program, "-v"]).env("XTABLES_LOCKFILE", lock);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => Ok(Running { child, input, output: BufReader::new(output) }),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

fn once(program: &str, lock: &Path, text: &str) -> io::Result<()> {
    let lock = lock.to_string_lossy();
    world::run("env", &[&format!("XTABLES_LOCKFILE={lock}"), program], text)
}

/// Loads a text with the nft tool of a family.
///
/// # Errors
/// What the tool said against it.
pub fn nft(v6: bool, text: &str) -> io::Result<()> {
    world::run(if v6 { "ip6tables-nft-restore" } else { "iptables-nft-restore" }, &[], text)
}
