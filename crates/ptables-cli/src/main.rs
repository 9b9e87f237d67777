//! The command `ptables`.
fn main() {}
