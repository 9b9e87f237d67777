//! Rules that are there while a program runs, and no longer: `cargo run -p ptables-kernel --example while_it_runs`, as root, and best
//! in a namespace of its own (`unshare -n`).

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example: the tables are there, and it talks to a person"
)]

use std::error::Error;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use ptables::compile::compile_families;
use ptables::dialect::{Backend, Dialect};
use ptables::ext::Families;
use ptables::lower::Options;
use ptables::plan::{Owner, Step};
use ptables::prelude::*;
use ptables_kernel::apply::{Applier, Wanted};
use ptables_kernel::{Kernel, SystemNames};

fn main() -> Result<(), Box<dyn Error>> {
    let mut tables = default_tables();
    tables["filter"]["INPUT"].push(accept().proto(Udp).dport(51_820).comment("vpn"));

    let names = SystemNames::new();
    let compiled = compile_families(&tables, Families::V4, Options::new(Dialect::default(), &names));
    let wanted = Wanted::new(&compiled, "while_it_runs").map_err(|it| format!("{it:?}"))?;

    let state = Path::new("/var/lib/ptables/while_it_runs");
    let applier = Applier::new(Kernel::new(), Backend::Nft, Owner::new("while_it_runs")?, state)?.watched_by(
        |step: &Step| {
            eprintln!("{step} …");
            ControlFlow::Continue(())
        },
    );
    let rules = applier.hold(&wanted)?;
    println!("the port is open; press return to close it");
    std::io::stdin().read_exact(&mut [0])?;
    for it in applier.counters()? {
        println!("{}: {} packets", it.tag.unwrap_or_default(), it.counters.packets);
    }
    rules.remove()?;
    Ok(())
}
