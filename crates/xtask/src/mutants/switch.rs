//! Which fault is on: none here. The copy that is judged has another file in this place, made by `copy.rs`.

/// Turns a fault on for this thread; 0 turns all off, and notes from now on which faults are met.
pub fn set(_number: u32) {}

/// The faults that were met on this thread since all were turned off.
pub fn met() -> Vec<u32> {
    Vec::new()
}
