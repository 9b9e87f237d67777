//! An allocator that stops a thread which takes more memory than it may.
//!
//! A script can ask for a list of ten thousand million items in one step, between which no interpreter counts. The allocator is
//! the only place that sees it; it can neither fail (the program would end) nor unwind. So it holds the thread for ever, and says that
//! it did: whoever waits for the thread goes on without it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The allocator of the system, with bounds for threads that ask for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounded;

/// Whether some thread is held.
static HELD: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Bytes that this thread may still take; `None`: as many as there are. It may free what another took, so the number can grow.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Bounds what this thread takes from now on, in bytes. Without [`Bounded`] as the allocator of the program nothing happens.
pub fn bound_thread(bytes: usize) {
    LEFT.with(|left| left.set(Some(bytes)));
}

/// Whether a thread took more than it may, and is held for ever.
pub fn is_held() -> bool {
    HELD.load(Ordering::Acquire)
}

/// Counts bytes that are taken; does not return if they are too many.
fn take(bytes: usize) {
    // At the end of a thread its variables are gone; nothing is counted then.
    let enough = LEFT.try_with(|left| match left.get().map(|it| it.checked_sub(bytes)) {
        None => true,
        Some(Some(rest)) => {
            left.set(Some(rest));
            true
        }
        Some(None) => false,
    });
    if matches!(enough, Ok(false)) {
        HELD.store(true, Ordering::Release);
        loop {
            std::thread::park();
        }
    }
}

fn give(bytes: usize) {
    let _ = LEFT.try_with(|left| left.set(left.get().map(|it| it.saturating_add(bytes))));
}

// SAFETY: every call goes to the allocator of the system with the arguments it came with. Counting allocates nothing (the variable
// is initialised without code), does not unwind, and either returns or never does.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller promises what `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size.saturating_sub(layout.size()));
        give(layout.size().saturating_sub(size));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
