//! How much memory a rule takes, at 500,000 rules: printed, not judged. `cargo bench -p ptables --bench memory`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ptables::compile::compile;
use ptables::dialect::{Dialect, Family};
use ptables::lower::Options;
use ptables::prelude::*;
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

const MANY: u32 = 500_000;

/// Counts the bytes in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as required of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as required of the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let used = || IN_USE.load(Ordering::Relaxed);
    let start = used();
    let tables = program();
    println!(
        "memory: {} bytes a rule, program built by calls ({MANY} rules)",
        (used() - start) / MANY as usize
    );
    let compiled = compile(&tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
    let mut text = Vec::new();
    compiled.ruleset.print(&mut text, false);
    drop((tables, compiled));
    let start = used();
    let source = Source::new("bench", text).unwrap();
    let parsed = text::parse(&source);
    println!(
        "memory: {} bytes a rule, program read from text, text included",
        (used() - start + source.bytes().len()) / MANY as usize
    );
    let start = used();
    let compiled = compile(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
    println!("memory: {} bytes a rule, typed ruleset", (used() - start) / MANY as usize);
    drop(compiled);
}

fn program() -> Tables {
    let mut tables = Tables::new();
    let filter = tables.push(Table::new("filter", [Chain::builtin("INPUT", "ACCEPT")]));
    for k in 0..MANY {
        let rule = accept().source(Ipv4Addr::from(0x0a00_0000 + k)).proto(Tcp).dport(1 + (k % 65_000) as u16);
        filter["INPUT"].push(rule.comment(format!("rule {k}")));
    }
    tables
}
