//! How much CPU time 50,000 rules take, against floors in the same run.
//!
//! `cargo bench -p ptables`; whole commands beside their peers: `just bench-peers`.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

mod cpu;

use std::fmt::Write;
use std::hint::black_box;
use std::net::Ipv4Addr;

use cpu::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ptables::compile::compile;
use ptables::diag::render::Renderer;
use ptables::dialect::{Dialect, Family};
use ptables::lower::Options;
use ptables::prelude::*;
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

const RULES: u32 = 50_000;

fn address(k: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + k)
}

fn port(k: u32) -> u16 {
    1 + (k % 65_000) as u16
}

/// The rules as a program would write them without any library.
fn floor(rules: u32) -> String {
    let mut out = String::with_capacity(rules as usize * 110);
    out.push_str("*filter\n:INPUT ACCEPT [0:0]\n");
    for k in 0..rules {
        writeln!(
            out,
            "-A INPUT -s {}/32 -p tcp -m tcp --dport {} -m comment --comment \"rule {k}\" -j ACCEPT",
            address(k),
            port(k)
        )
        .unwrap();
    }
    out.push_str("COMMIT\n");
    out
}

/// The same with the annotation of each rule: what the annotated style must write at least.
fn annotated_floor(rules: u32) -> String {
    let mut out = String::with_capacity(rules as usize * 170);
    out.push_str("*filter\n:INPUT ACCEPT [0:0]\n");
    for k in 0..rules {
        writeln!(out, "# Rule: rule {k} ({}:{})", file!(), line!()).unwrap();
        writeln!(
            out,
            "-A INPUT -p tcp -s {} -j ACCEPT --dport {} -m comment --comment \"rule {k}\"",
            address(k),
            port(k)
        )
        .unwrap();
    }
    out.push_str("COMMIT\n");
    out
}

fn built(rules: u32) -> Tables {
    let mut tables = Tables::new();
    let filter = tables.push(Table::new("filter", [Chain::builtin("INPUT", "ACCEPT")]));
    let input = &mut filter["INPUT"];
    for k in 0..rules {
        input.push(accept().source(address(k)).proto(Tcp).dport(port(k)).comment(format!("rule {k}")));
    }
    tables
}

fn save(tables: &Tables) -> Vec<u8> {
    let compiled = compile(tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
    let mut out = Vec::new();
    compiled.ruleset.print(&mut out, false);
    out
}

fn bench(criterion: &mut Criterion<CpuTime>) {
    let text = floor(RULES);
    assert_eq!(String::from_utf8(save(&built(RULES))).unwrap(), text);
    let mut group = criterion.benchmark_group("50k");
    group.sample_size(20).throughput(Throughput::Elements(u64::from(RULES)));
    group.bench_function("floor: write! the save lines", |bench| bench.iter(|| floor(black_box(RULES))));
    group
        .bench_function("build and print, save style", |bench| bench.iter(|| save(&built(black_box(RULES)))));
    group.bench_function("floor: write! the annotated lines", |bench| {
        bench.iter(|| annotated_floor(black_box(RULES)))
    });
    group.bench_function("build and print, annotated style", |bench| {
        bench.iter(|| built(black_box(RULES)).to_iptables().unwrap());
    });
    group.bench_function("parse and check", |bench| {
        bench.iter(|| {
            let source = Source::new("bench", text.as_bytes()).unwrap();
            let parsed = text::parse(&source);
            compile(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames))
        });
    });
    group.finish();
    findings(criterion);
}

/// A file of 20,000 rules, every hundredth of them wrong: reading, checking, and drawing 200 findings.
fn findings(criterion: &mut Criterion<CpuTime>) {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    for k in 0..20_000 {
        let option = if k % 100 == 0 { "dprot" } else { "dport" };
        writeln!(text, "-A INPUT -s {}/32 -p tcp -m tcp --{option} {} -j ACCEPT", address(k), port(k))
            .unwrap();
    }
    text.push_str("COMMIT\n");
    criterion.bench_function("check and draw 200 findings in 20,000 rules", |bench| {
        bench.iter(|| {
            let parsed = text::parse(&Source::new("bench", text.as_bytes()).unwrap());
            let compiled =
                compile(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
            assert_eq!(compiled.diagnostics.len(), 200);
            let renderer = Renderer::new(false, 100);
            compiled.diagnostics.iter().map(|it| renderer.render(it).len()).sum::<usize>()
        });
    });
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = bench);
criterion_main!(benches);
