//! How far a run is, for who waits at a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Packets that were compared, of all that are to be.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    all: u64,
    done: AtomicU64,
    /// When it was told last; `None`: nobody looks.
    told: Option<Mutex<Instant>>,
}

impl Progress {
    /// Of a run that is called so and has so many packets. It is told if the standard error is a terminal.
    pub fn new(what: &'static str, all: u64) -> Progress {
        let told = stderr().is_terminal().then(|| Mutex::new(Instant::now()));
        Progress { what, all, done: AtomicU64::new(0), told }
    }

    /// So many more.
    pub fn add(&self, packets: u64) {
        let done = self.done.fetch_add(packets, Ordering::Relaxed) + packets;
        // Who finds it taken leaves it to the other thread.
        if let Some(Ok(mut told)) = self.told.as_ref().map(Mutex::try_lock)
            && told.elapsed() >= PAUSE
        {
            *told = Instant::now();
            self.tell(&format!("{}: {done} of {} packets", self.what, self.all));
        }
    }

    fn tell(&self, line: &str) {
        // A terminal that is gone stops nobody.
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told.is_some() {
            self.tell("");
        }
    }
}
