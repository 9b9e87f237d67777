//! Packets of a sequence that come seconds after each other.

use std::thread;
use std::time::{Duration, Instant};

/// When packets came.
#[derive(Debug, Default)]
pub struct Pace {
    /// Seconds that the last ones say.
    after: u32,
    /// When the first and the last of these came.
    came: Option<(Instant, Instant)>,
    /// Whether those of one second took too long.
    pub is_late: bool,
}

/// What is waited more than is said: the kernel's time is finer, and must not be less.
const MORE: Duration = Duration::from_millis(60);

/// Time that packets of one second may take, where seconds count at all.
const MOST: Duration = Duration::from_millis(250);

impl Pace {
    /// Waits until a packet may come that says to come so many seconds after the first of all.
    pub fn wait(&mut self, after: u32) {
        let now = Instant::now();
        let (first, last) = self.came.unwrap_or((now, now));
        if after > self.after {
            thread::sleep(last + Duration::from_secs(u64::from(after - self.after)) + MORE - now);
            let now = Instant::now();
            self.is_late |= last - first > MOST
                || now - last > Duration::from_secs(u64::from(after - self.after)) + 2 * MOST;
            (self.after, self.came) = (after, Some((now, now)));
        } else {
            self.is_late |= after > 0 && now - first > MOST;
            self.came = Some((first, now));
        }
    }
}
