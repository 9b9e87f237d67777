//! What a terminal is shown: colours, line numbers, and nothing that steers it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use ptables::diag::escape;

use crate::cli::When;

/// Whether to use colours on this stream. `NO_COLOR` is honoured.
pub(crate) fn use_color(when: When, stream: &impl IsTerminal) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
    }
}

/// Columns of the terminal: `COLUMNS` where it is set, else 100.
pub(crate) fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|it| (40..=400).contains(it))
        .unwrap_or(100)
}

/// Rules for a terminal: escaped, and with colours and numbers where they are asked for.
pub(crate) fn show(text: &[u8], color: bool, numbers: bool) -> Vec<u8> {
    let mut out = String::new();
    let lines: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').collect();
    let digits = lines.len().to_string().len();
    for (index, line) in lines.iter().enumerate() {
        if numbers {
            out.push_str(&format!("{:>digits$}: ", index + 1));
        }
        let line = escape::bytes(line);
        match style(&line).filter(|_| color) {
            Some(style) => out.push_str(&format!("\x1b[{style}m{line}\x1b[0m")),
            None => out.push_str(&line),
        }
        out.push('\n');
    }
    out.into_bytes()
}

/// The colour of a line: remarks faint, tables bold, chains cyan, verdicts that refuse red and that accept green.
fn style(line: &str) -> Option<&'static str> {
    match line.as_bytes().first()? {
        b'#' => Some("2"),
        b'*' => Some("1"),
        b':' => Some("36"),
        b'C' => Some("1"),
        _ if line.contains("-j ACCEPT") => Some("32"),
        _ if line.contains("-j DROP") || line.contains("-j REJECT") => Some("31"),
        _ => None,
    }
}

/// Says on a terminal, from the third second on, how long something takes and how much of it is done; takes it back in the end.
pub(crate) struct Ticker {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
    /// How much is done, in thousandths; 0: nobody knows.
    done: Arc<AtomicUsize>,
}

impl Ticker {
    /// Begins to count; `what` is done meanwhile.
    pub(crate) fn new(what: &str) -> Ticker {
        let done = Arc::new(AtomicUsize::new(0));
        if !std::io::stderr().is_terminal() {
            return Ticker { thread: None, done };
        }
        let shown = Arc::clone(&done);
        let what = escape::line(what).into_owned();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut seconds = 0;
            while receiver.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                seconds += 1;
                if seconds >= 3 {
                    eprint!("\r{what}: {seconds} s{} ", part(shown.load(Ordering::Relaxed)));
                }
            }
            if seconds >= 3 {
                eprint!("\r\x1b[K");
            }
        });
        Ticker { thread: Some((sender, thread)), done }
    }

    /// So much is done, in thousandths.
    pub(crate) fn is_at(&self, thousandths: usize) {
        self.done.store(thousandths, Ordering::Relaxed);
    }
}

fn part(thousandths: usize) -> String {
    if thousandths == 0 { String::new() } else { format!(", {} %", thousandths / 10) }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            // It counts, and no more.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_lines_are_numbered() {
        let shown = String::from_utf8(show(b"*filter\n-A x \x1b[2J\nCOMMIT\n", false, true)).unwrap();
        assert_eq!(shown, "1: *filter\n2: -A x \\x1b[2J\n3: COMMIT\n");
        assert_eq!(show(b"# x\n", true, false), b"\x1b[2m# x\x1b[0m\n");
    }
}
