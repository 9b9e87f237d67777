//! The only crate of ptables that reads or changes a running system.
